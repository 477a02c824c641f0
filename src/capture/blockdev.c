// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Block devices: see blockdev.h. What a disk holds is hostile: libblkid parses it in a child
 * process with a time limit, and only strings come back.
 */
#include "capture/blockdev.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "capture/budget.h"
#include "capture/guard.h"
#include "util/cleanup.h"

#define POLL_MS	      100
#define PROBE_LIMIT_S 10
#define DEVICES_MAX   512
#define ROUNDS_KEPT   50 /* after so many polls every device is looked at again */

static const struct {
	const char *prefix;
	const char *blkid; /* libblkid's name of the value */
} kinds[LOCATE_MAX] = {
	[LOCATE_DEVICE] = {"/dev/", NULL},
	[LOCATE_UUID] = {"UUID=", "UUID"},
	[LOCATE_LABEL] = {"LABEL=", "LABEL"},
	[LOCATE_PARTUUID] = {"PARTUUID=", "PART_ENTRY_UUID"},
	[LOCATE_PARTLABEL] = {"PARTLABEL=", "PART_ENTRY_NAME"},
	[LOCATE_PARTTYPE] = {"PARTTYPE=", "PART_ENTRY_TYPE"},
};

bool locator_parse(const char *place, struct locator *ret)
{
	for (int kind = 0; kind < LOCATE_MAX; kind++) {
		size_t skip = strlen(kinds[kind].prefix);
		const char *value, *path;
		int len;

		if (strncmp(place, kinds[kind].prefix, skip))
			continue;
		value = kind == LOCATE_DEVICE ? place : place + skip;
		path = strstr(value, ":/");
		len = path ? (int)(path - value) : (int)strlen(value);
		if (!len || (size_t)len >= sizeof(ret->value) ||
		    (path && strlen(path + 1) >= sizeof(ret->path)))
			return false;
		ret->kind = (enum locator_kind)kind;
		ret->stacked = false;
		(void)snprintf(ret->value, sizeof(ret->value), "%.*s", len, value);
		(void)snprintf(ret->path, sizeof(ret->path), "%s", path ? path + 1 : "/");
		return true;
	}
	return false;
}

/* One probe; the child fills what is behind ret, which is shared memory. */
struct probe {
	const struct root *root;
	const struct locator *locator;
	uint64_t end_ms; /* of the whole search */
	struct {
		struct blockdev dev;
		bool matches;
	} * ret;
};

static void copy_value(blkid_probe p, const char *name, char *ret, size_t size)
{
	const char *value;

	if (blkid_probe_lookup_value(p, name, &value, NULL) == 0)
		(void)snprintf(ret, size, "%s", value);
}

static int run_probe(blkid_probe p, const struct probe *probe)
{
	const struct locator *l = probe->locator;
	char found[256] = "";
	int r;

	(void)blkid_probe_enable_superblocks(p, 1);
	(void)blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
							   BLKID_SUBLKS_LABEL);
	(void)blkid_probe_enable_partitions(p, 1);
	(void)blkid_probe_set_partitions_flags(p, BLKID_PARTS_ENTRY_DETAILS);
	r = blkid_do_safeprobe(p);
	if (r == -1)
		return -EIO;
	if (r == 0) {
		copy_value(p, "TYPE", probe->ret->dev.type, sizeof(probe->ret->dev.type));
		if (kinds[l->kind].blkid)
			copy_value(p, kinds[l->kind].blkid, found, sizeof(found));
	}
	/* GPT and file system UUIDs come in both cases; labels are exact. */
	probe->ret->matches = l->kind == LOCATE_DEVICE ||
			      (l->kind == LOCATE_LABEL || l->kind == LOCATE_PARTLABEL ?
				       !strcmp(found, l->value) :
				       !strcasecmp(found, l->value));
	return 0;
}

static int probe_child(void *ctx)
{
	const struct probe *probe = ctx;
	int fd = root_openat(probe->root, probe->ret->dev.path, O_RDONLY);
	blkid_probe p;

	if (fd < 0)
		return fd;
	p = blkid_new_probe();
	if (!p || blkid_probe_set_device(p, fd, 0, 0) < 0)
		return -EIO;
	return run_probe(p, probe);
}

/* Names already looked at, so that each poll probes only what is new. */
struct seen {
	char names[DEVICES_MAX][32];
	unsigned int n;
};

static bool is_seen(const struct seen *s, const char *name)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->names[i], name))
			return true;
	return false;
}

static void add_seen(struct seen *s, const char *name)
{
	if (s->n < DEVICES_MAX)
		(void)snprintf(s->names[s->n++], sizeof(s->names[0]), "%s", name);
}

/* Many paths of a dead array hang: together they must not take longer than the search may. */
static unsigned int probe_limit_s(const struct probe *probe)
{
	uint64_t now = clock_ms(), left_ms = probe->end_ms > now ? probe->end_ms - now : 0;

	return left_ms < PROBE_LIMIT_S * 1000 ? (unsigned int)(left_ms / 1000) + 1 : PROBE_LIMIT_S;
}

/* Probes one device. 1: it is the one, 0: it is not, negative: ask again later. */
static int try_device(const struct probe *probe, const char *path, struct ukd_error *e)
{
	int r;

	memset(probe->ret, 0, sizeof(*probe->ret));
	(void)snprintf(probe->ret->dev.path, sizeof(probe->ret->dev.path), "%s", path);
	r = guard_call(probe_child, (void *)probe, probe_limit_s(probe), path, e);
	/* A hanging device is not asked again: each time would cost the limit. */
	if (r == -ETIMEDOUT)
		return 0;
	return r < 0 ? r : probe->ret->matches;
}

/* The fourth column of a line of /proc/partitions. */
static bool partition_name(const char *line, char ret[32])
{
	return sscanf(line, "%*u %*u %*u %31s", ret) == 1;
}

/* Is it part of another device? */
static bool has_holders(const struct root *root, const char *name)
{
	char path[96];
	_closedir_ DIR *dir = NULL;
	struct dirent *d;
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	fd = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			return true;
	return false;
}

/* Can the target be on it? If not yet, it is asked again. */
static bool is_candidate(const struct probe *probe, const char *name)
{
	if (probe->locator->stacked && strncmp(name, "dm-", 3) != 0 && strncmp(name, "md", 2) != 0)
		return false;
	return !has_holders(probe->root, name);
}

/* Looks at every new device once. 1: found. */
static int poll_partitions(const struct probe *probe, struct seen *seen)
{
	_buffer_ struct buffer list = {0};
	struct ukd_error e;
	char *line, *save;

	if (root_read(probe->root, "/proc/partitions", KIB(256), &list, &e) < 0)
		return 0;
	save = (char *)list.data;
	while ((line = strsep(&save, "\n")) && clock_ms() < probe->end_ms) {
		char name[32], path[64];
		int r;

		if (!partition_name(line, name) || is_seen(seen, name) ||
		    !is_candidate(probe, name))
			continue;
		(void)snprintf(path, sizeof(path), "/dev/%s", name);
		r = try_device(probe, path, &e);
		if (r > 0)
			return 1;
		if (r == 0)
			add_seen(seen, name);
	}
	return 0;
}

static int wait_loop(const struct probe *probe, struct seen *seen, struct ukd_error *e)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};

	for (unsigned int round = 1;; round++) {
		int r = probe->locator->kind == LOCATE_DEVICE ?
				try_device(probe, probe->locator->value, e) :
				poll_partitions(probe, seen);

		if (r > 0)
			return 0;
		if (clock_ms() >= probe->end_ms)
			return -ETIMEDOUT;
		if (round % ROUNDS_KEPT == 0)
			seen->n = 0;
		(void)nanosleep(&pause, NULL);
	}
}

int blockdev_wait(const struct root *root, const struct locator *l, unsigned int timeout_s,
		  struct blockdev *ret, struct ukd_error *e)
{
	_free_ struct seen *seen = calloc(1, sizeof(*seen));
	struct probe probe = {
		.root = root, .locator = l, .end_ms = clock_ms() + (uint64_t)timeout_s * 1000};
	int r;

	probe.ret = guard_share(sizeof(*probe.ret));
	if (!seen || !probe.ret) {
		guard_unshare(probe.ret, sizeof(*probe.ret));
		return ukd_oom(e);
	}
	r = wait_loop(&probe, seen, e);
	if (r < 0)
		r = ukd_fail(e, r, "no device %s%s within %u s; %u other block devices were seen",
			     l->kind == LOCATE_DEVICE ? "" : kinds[l->kind].prefix, l->value,
			     timeout_s, seen->n);
	else
		*ret = probe.ret->dev;
	guard_unshare(probe.ret, sizeof(*probe.ret));
	return r;
}
