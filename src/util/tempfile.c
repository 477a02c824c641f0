// SPDX-License-Identifier: GPL-2.0-or-later
/* Files without a name: see tempfile.h. */
#include "util/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"

#define IN_MEMORY MIB(16)

/* Without O_TMPFILE (an overlay file system without it): a name for a moment. */
static int open_unlinked(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_free_ char *path = NULL;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (asprintf(&path, "%s/ukdump-XXXXXX", dir) < 0)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

int temporary_file(const char *what, uint64_t size, int *ret_fd, struct ukd_error *e)
{
	const char *set = secure_getenv("TMPDIR"), *dir = set && *set ? set : "/var/tmp";
	char need[FORMAT_SIZE_MAX], have[FORMAT_SIZE_MAX];
	_close_ int fd = -1;
	struct statvfs fs;
	uint64_t room;

	if (size <= IN_MEMORY)
		return memfd_open(ret_fd, e);
	fd = open_unlinked(dir);
	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return ukd_fail_errno(e, -errno, "%s: no place for %s", dir, what);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room < size)
		return ukd_fail(e, -ENOSPC,
				"%s: %s needs %s, %s are free; set TMPDIR to a directory with room",
				dir, what, format_size(size, need), format_size(room, have));
	*ret_fd = take_fd(&fd);
	return 0;
}
