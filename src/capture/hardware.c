// SPDX-License-Identifier: GPL-2.0-or-later
/* Drivers by modalias: see hardware.h. The lists are part of the signed image: trusted. */
#include "capture/hardware.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define LISTS_MAX  64
#define NAME_LEN   32
#define IDLE_MAX   4 /* rounds without anything new until it is over */
#define IDLE_MS	   50
#define ROUNDS_MAX 64

struct search {
	const struct root *root;
	module_load_fn load;
	const struct modules_limit *limit;
	uint64_t end_ms;
	struct modules_result *result;
	char *aliases; /* text, one per line */
	char done[LISTS_MAX][NAME_LEN];
	unsigned int n_done;
};

static bool is_done(const struct search *s, const char *name)
{
	for (unsigned int i = 0; i < s->n_done; i++)
		if (!strcmp(s->done[i], name))
			return true;
	return s->n_done == LISTS_MAX;
}

static void load_list(struct search *s, const char *name)
{
	struct modules_result result = {0};
	struct modules_limit limit = *s->limit;
	uint64_t now = clock_ms();
	struct ukd_error e;
	char path[96];

	limit.all_s = now < s->end_ms ? (unsigned int)((s->end_ms - now + 999) / 1000) : 0;
	(void)snprintf(s->done[s->n_done++], NAME_LEN, "%s", name);
	(void)snprintf(path, sizeof(path), MODULES_FS_LIST, name);
	if (modules_load(s->root, path, s->load, &limit, &result, &e) < 0) {
		/* -ENOENT: built in, there is nothing to load */
		if (e.code == -ENOENT)
			return;
		result.failed = 1;
		(void)snprintf(result.first, sizeof(result.first), "%.240s", e.text);
	}
	if (!s->result->failed)
		memcpy(s->result->first, result.first, sizeof(result.first));
	s->result->loaded += result.loaded;
	s->result->failed += result.failed;
}

/* Loads the lists that a device asks for. Returns how many there were. */
static unsigned int load_for(struct search *s, const char *modalias)
{
	unsigned int before = s->n_done;
	char line[512], *name;

	for (const char *at = s->aliases; *at; at = strchrnul(at, '\n'), at += *at == '\n') {
		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		name = strrchr(line, ' ');
		if (!name)
			continue;
		*name++ = 0;
		if (!is_done(s, name) && fnmatch(line, modalias, 0) == 0)
			load_list(s, name);
	}
	return s->n_done - before;
}

static unsigned int search_bus(struct search *s, const char *bus)
{
	_closedir_ DIR *dir = NULL;
	unsigned int found = 0;
	struct dirent *d;
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	fd = root_openat(s->root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	while (dir && (d = readdir(dir))) {
		_buffer_ struct buffer text = {0};
		struct ukd_error e;

		(void)snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/modalias", bus,
			       d->d_name);
		if (d->d_name[0] == '.' || root_read(s->root, path, 1024, &text, &e) < 0)
			continue;
		text.data[strcspn((char *)text.data, "\n")] = 0;
		found += load_for(s, (char *)text.data);
	}
	return found;
}

int hardware_load(const struct root *root, module_load_fn load, const struct modules_limit *limit,
		  struct modules_result *ret, struct ukd_error *e)
{
	static const char *const buses[] = {"acpi",  "pci", "platform", "virtio",
					    "vmbus", "xen", "scsi"};
	const struct timespec pause = {.tv_nsec = IDLE_MS * 1000000};
	_buffer_ struct buffer aliases = {0};
	struct search s = {
		.root = root,
		.load = load,
		.limit = limit,
		.end_ms = clock_ms() + (uint64_t)limit->all_s * 1000,
		.result = ret,
	};
	int r = root_read(root, HARDWARE_ALIASES, MIB(1), &aliases, e);

	if (r < 0)
		return r;
	s.aliases = (char *)aliases.data;
	/* A controller's own bus may fill a moment after its driver is there. */
	for (unsigned int round = 0, idle = 0; round < ROUNDS_MAX && idle < IDLE_MAX; round++) {
		unsigned int found = 0;

		for (size_t i = 0; i < ARRAY_SIZE(buses); i++)
			found += search_bus(&s, buses[i]);
		/* Nothing that asks for anything: there is no bus to wait for. */
		if (!found && !s.n_done)
			break;
		idle = found ? 0 : idle + 1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}
