// SPDX-License-Identifier: GPL-2.0-or-later
/* See lockfile.h. */
#include "util/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define HOLDER_MAX 128

/* The holder's own words; it may have ended, or not have written them yet. */
static int busy(int fd, const char *path, unsigned int limit_s, struct ukd_error *e)
{
	char holder[HOLDER_MAX] = "";
	ssize_t n = pread(fd, holder, sizeof(holder) - 1, 0);

	holder[n > 0 ? n : 0] = 0;
	text_printable(holder);
	return ukd_fail(e, -EBUSY, "/%s: still held after %u s by %s", path, limit_s,
			holder[0] ? holder : "another process");
}

static int wait_for(int fd, const char *path, unsigned int limit_s, struct ukd_error *e)
{
	const struct timespec tenth = {.tv_nsec = 100000000};

	for (unsigned int tenths = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tenths++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ukd_fail_errno(e, -errno, "/%s", path);
		if (tenths >= limit_s * 10)
			return busy(fd, path, limit_s, e);
		(void)nanosleep(&tenth, NULL);
	}
	return 0;
}

int lockfile_take(const struct root *root, const char *path, const char *program,
		  unsigned int limit_s, int *ret_fd, struct ukd_error *e)
{
	_close_ int fd = -1;
	char dir[256], *slash;
	int r;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	r = make_directories(root->fd, dir, 0755, e);
	if (r < 0)
		return r;
	fd = openat(root->fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ukd_fail_errno(e, -errno, "/%s", path);
	r = wait_for(fd, path, limit_s, e);
	if (r < 0)
		return r;
	/* For messages only: a disk that is full is no reason not to go on. */
	if (ftruncate(fd, 0) == 0)
		(void)dprintf(fd, "%s, process %d", program, (int)getpid());
	*ret_fd = take_fd(&fd);
	return 0;
}
