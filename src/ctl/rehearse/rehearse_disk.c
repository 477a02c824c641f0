// SPDX-License-Identifier: GPL-2.0-or-later
/* See rehearse_disk.h. */
#include "ctl/rehearse/rehearse_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "ctl/dumps/result.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/process.h"

#define MKFS_S	       120
#define MOUNT_S	       60
#define LOG_MAX	       MIB(64)
#define MANIFEST_MAX   MIB(1)
#define CRASH_PATH_MAX (PATH_MAX + 256)

void rehearse_dump_free(struct rehearse_dump *d)
{
	json_putp(&d->manifest);
}

/* Runs a program; what it prints on either output is shown only in e, if it fails. */
static int run_quiet(const char *const *argv, unsigned int limit_s, struct ukd_error *e)
{
	_buffer_ struct buffer said = {0};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &said, .output_max = 4096};
	int r;

	p.stderr_fd = STDOUT_FILENO;
	p.timeout_s = limit_s;
	r = process_run(&p, e);
	if (r <= 0)
		return r;
	(void)text_clean(said.data ? (char *)said.data : (char[]){""});
	return ukd_fail(e, -EREMOTEIO, "%s: failed with exit status %d: %.300s", argv[0], r,
			said.data ? (const char *)said.data : "");
}

static int make_file(const char *path, uint64_t size, struct ukd_error *e)
{
	_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	return 0;
}

int rehearse_disk_make(const struct rehearse_target *t, const char *path, uint64_t size,
		       struct ukd_error *e)
{
	const char *argv[12] = {NULL};
	bool xfs = !strcmp(t->fs, "xfs"), btrfs = !strcmp(t->fs, "btrfs");
	char program[16], uuid[80];
	unsigned int n = 0;
	int r = make_file(path, size, e);

	if (r < 0)
		return r;
	(void)snprintf(program, sizeof(program), "mkfs.%.10s", t->fs);
	(void)snprintf(uuid, sizeof(uuid), "%s%s", xfs ? "uuid=" : "", t->uuid);
	argv[n++] = program;
	argv[n++] = "-q";
	argv[n++] = xfs || btrfs ? "-f" : "-F";
	if (t->uuid[0]) {
		argv[n++] = xfs ? "-m" : "-U";
		argv[n++] = uuid;
	}
	if (t->label[0]) {
		argv[n++] = "-L";
		argv[n++] = t->label;
	}
	argv[n] = path;
	return run_quiet(argv, MKFS_S, e);
}

/* Mounts of this process are nobody else's, and go with it. */
static int enter_namespace(struct ukd_error *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return ukd_fail_errno(e, -errno, "a mount namespace, which takes root's rights");
	return 0;
}

static int mount_disk(const struct rehearse_target *t, const char *path, const char *mountpoint,
		      struct ukd_error *e)
{
	const char *const argv[] = {"mount", "-t",	 t->fs, "-o", "loop,nosuid,nodev,noexec",
				    path,    mountpoint, NULL};
	int r = enter_namespace(e);

	if (r >= 0 && mkdir(mountpoint, 0700) < 0)
		r = ukd_fail_errno(e, -errno, "%s", mountpoint);
	return r < 0 ? r : run_quiet(argv, MOUNT_S, e);
}

/* The one crash. */
static bool find_crash(const char *target, char ret[CRASH_PATH_MAX])
{
	_closedir_ DIR *dir = opendir(target);
	const char *machine;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (!store_is_crash(d->d_name, &machine))
			continue;
		(void)snprintf(ret, CRASH_PATH_MAX, "%s/%s", target, d->d_name);
		return true;
	}
	return false;
}

static bool read_file(const char *dir, const char *name, size_t max, struct buffer *ret)
{
	char path[CRASH_PATH_MAX + 32];
	struct ukd_error ignored;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return file_read(AT_FDCWD, path, max, ret, &ignored) == 0;
}

static void copy_text(struct json_object *o, const char *key, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", json_member_text(o, key));
	(void)text_clean(ret);
}

static uint64_t number(struct json_object *o, const char *key)
{
	int64_t n = json_object_get_int64(json_member(o, key, json_type_int));

	return n > 0 ? (uint64_t)n : 0;
}

static void read_manifest(const char *dir, struct rehearse_dump *d)
{
	_buffer_ struct buffer text = {0};
	struct json_object *memory, *list;

	if (!read_file(dir, "manifest.json", MANIFEST_MAX, &text))
		return;
	d->manifest = result_parse(&text);
	copy_text(d->manifest, "state", d->state, sizeof(d->state));
	d->bytes = number(d->manifest, "bytes");
	memory = json_member(d->manifest, "memory", json_type_object);
	d->memory_total = number(memory, "total");
	d->memory_peak = number(memory, "peak");
	list = json_member(d->manifest, "encrypted_to", json_type_array);
	d->encrypted = list && json_object_array_length(list) > 0;
	list = json_member(d->manifest, "targets", json_type_array);
	if (list && json_object_array_length(list))
		copy_text(json_object_array_get_idx(list, json_object_array_length(list) - 1),
			  "reason", d->reason, sizeof(d->reason));
}

/* By `info`, the one way to read dumps, in a process of its own. */
static void verify(const char *dir, unsigned int limit_s, struct rehearse_dump *d)
{
	const char *const argv[] = {
		"/proc/self/exe", "info", "--full", "--lines=0", "--", dir, NULL};
	struct ukd_error e;

	d->verified = run_quiet(argv, limit_s, &e) == 0;
	if (!d->verified)
		(void)snprintf(d->fault, sizeof(d->fault), "%s", e.text);
}

static void read_crash(const char *dir, const char *mark, unsigned int limit_s,
		       struct rehearse_dump *d)
{
	_buffer_ struct buffer log = {0};

	read_manifest(dir, d);
	if (d->encrypted)
		return;
	d->has_mark = read_file(dir, "dmesg.txt", LOG_MAX, &log) && log.len &&
		      strstr((const char *)log.data, mark);
	if (!strcmp(d->state, "complete"))
		verify(dir, limit_s, d);
}

int rehearse_disk_read(const struct rehearse_target *t, const char *path, const char *mountpoint,
		       const char *mark, unsigned int limit_s, struct rehearse_dump *ret,
		       struct ukd_error *e)
{
	char target[PATH_MAX], crash[CRASH_PATH_MAX];
	struct rehearse_dump d = {0};
	int r = mount_disk(t, path, mountpoint, e);

	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), "%s%s", mountpoint, t->path);
	if (find_crash(target, crash))
		read_crash(crash, mark, limit_s, &d);
	if (umount2(mountpoint, MNT_DETACH) < 0)
		r = ukd_fail_errno(e, -errno, "%s: umount", mountpoint);
	if (r < 0)
		rehearse_dump_free(&d);
	else
		*ret = d;
	return r;
}
