// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What all targets that end in a directory share: the crash's own directory, the space in it, and
 * publishing. Whatever lies in the target already is foreign: no symbolic link is followed, nothing
 * that exists is opened for writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "capture/encrypt.h"
#include "capture/guard.h"
#include "capture/target.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define ROOM_MIN MIB(1) /* less holds no dump at all */

/* openat2(2) of a directory below base. Returns a descriptor or -errno. */
static int open_below(int base, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, base, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Opens path below base component by component, making what is missing. */
static int open_or_make(int base, const char *path, int *ret, struct ukd_error *e)
{
	_close_ int dir = open_below(base, ".");
	char part[256];

	while (dir >= 0) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n) {
			*ret = take_fd(&dir);
			return 0;
		}
		if (n >= sizeof(part))
			return ukd_fail(e, -ENAMETOOLONG, "name too long: %s", path);
		memcpy(part, path, n);
		part[n] = 0;
		path += n;

		_close_ int above = take_fd(&dir);
		if (mkdirat(above, part, 0700) < 0 && errno != EEXIST)
			return ukd_fail_errno(e, -errno, "cannot create directory '%s'", part);
		dir = open_below(above, part);
		if (dir == -ELOOP)
			return ukd_fail(e, -ELOOP, "'%s' is a symbolic link", part);
		if (dir < 0)
			return ukd_fail_errno(e, dir, "cannot open directory '%s'", part);
	}
	return ukd_fail_errno(e, dir, "cannot open the target's top directory");
}

void crash_name(const struct capture *c, unsigned int number, char *ret, size_t size)
{
	time_t t = c->crash.time ? (time_t)c->crash.time : time(NULL);
	char stamp[32] = "00000000T000000Z";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (number)
		(void)snprintf(ret, size, "%s-%s-%u", stamp, c->facts.machine, number);
	else
		(void)snprintf(ret, size, "%s-%s", stamp, c->facts.machine);
}

static int make_crash_directory(struct attempt *a, int dir, struct ukd_error *e)
{
	for (unsigned int i = 0; i < CRASH_NAMES; i++) {
		crash_name(a->c, i, a->name, sizeof(a->name));
		if (mkdirat(dir, a->name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return ukd_fail_errno(e, -errno, "cannot create directory '%s'", a->name);
		}
		a->dirfd = open_below(dir, a->name);
		if (a->dirfd < 0)
			return ukd_fail_errno(e, a->dirfd, "cannot open directory '%s'", a->name);
		return 0;
	}
	return ukd_fail(e, -EEXIST, "%d directories, up to %s, are there already", CRASH_NAMES,
			a->name);
}

int directory_enter(struct attempt *a, int base, const char *path, struct ukd_error *e)
{
	_close_ int dir = -1;
	int r = open_or_make(base, path, &dir, e);

	if (r < 0)
		return r;
	r = make_crash_directory(a, dir, e);
	if (r < 0)
		return r;
	if (encrypt_wanted(a->c))
		a->stream = &directory_stream;
	/* The new name must survive the next power cut, whatever else happens. */
	return guard_fsync(dir, budget_work_s(&a->c->budget, 60), "fsync of the directory", e);
}

void directory_leave(struct attempt *a)
{
	if (a->dirfd >= 0)
		(void)close(take_fd(&a->dirfd));
}

int directory_room(const struct attempt *a, uint64_t *ret, struct ukd_error *e)
{
	uint64_t keep = a->c->settings.store.keep_free, available;
	struct statvfs fs;

	if (fstatvfs(a->dirfd, &fs) < 0)
		return ukd_fail_errno(e, -errno, "cannot ask for free space");
	if (mul_overflows((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &available))
		available = UINT64_MAX;
	*ret = available > keep ? available - keep : 0;
	return 0;
}

int directory_check_space(struct attempt *a, struct ukd_error *e)
{
	char room[FORMAT_SIZE_MAX], keep[FORMAT_SIZE_MAX], core[FORMAT_SIZE_MAX];
	uint64_t bytes;
	int r = directory_room(a, &bytes, e);

	if (r < 0)
		return r;
	(void)format_size(bytes, room);
	(void)format_size(a->c->settings.store.keep_free, keep);
	(void)format_size(a->c->crash.size, core);
	if (bytes < ROOM_MIN)
		return ukd_fail(e, -ENOSPC, "%s left for a dump (KeepFree=%s)", room, keep);
	(void)snprintf(a->note, sizeof(a->note), "%s for %s of memory, unfiltered", room, core);
	return 0;
}

/*
 * A rename that replaces nothing. File systems without RENAME_NOREPLACE (nfs, some servers of
 * virtiofs) say EINVAL; there the name is looked for first, in a directory that only we write to.
 */
static int rename_new(int dir, const char *from, const char *to)
{
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (faccessat(dir, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, from, dir, to) < 0 ? -errno : 0;
}

/* vmcore-incomplete becomes vmcore; an existing vmcore is never replaced. */
static int give_final_name(struct attempt *a, struct ukd_error *e)
{
	const struct record *record = &a->c->record;
	int r = rename_new(a->dirfd, record->file_part, record->file);

	if (r < 0)
		return ukd_fail_errno(e, r, "cannot rename %s", record->file_part);
	return guard_fsync(a->dirfd, budget_any_s(&a->c->budget, 60), "fsync of the directory", e);
}

int directory_publish(struct attempt *a, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	int r = manifest_write(record, a->dirfd, e);

	if (r < 0 || record->state != STATE_COMPLETE)
		return r;
	r = give_final_name(a, e);
	if (r < 0)
		return r;
	(void)snprintf(a->note, sizeof(a->note), "%s/%s", a->name, record->file);
	return 0;
}
