// SPDX-License-Identifier: GPL-2.0-or-later
/* The root directory: see root.h. */
#include "util/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/parse.h"

int root_open(const char *dir, struct root *ret, struct ukd_error *e)
{
	bool system = !dir || !strcmp(dir, "/");
	int fd = open(system ? "/" : dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", dir ? dir : "/");
	*ret = (struct root){.fd = fd, .path = system ? "" : dir};
	return 0;
}

void root_close(struct root *root)
{
	if (root->fd >= 0)
		(void)close(take_fd(&root->fd));
}

int root_openat(const struct root *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.resolve = root->path[0] ? RESOLVE_IN_ROOT : 0,
	};
	int fd;

	while (*path == '/')
		path++;
	fd = (int)syscall(SYS_openat2, root->fd, *path ? path : ".", &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

DIR *root_opendir(const struct root *root, const char *path)
{
	int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int reason = fd < 0 ? -fd : errno;

	if (!dir && fd >= 0)
		(void)close(fd);
	errno = reason;
	return dir;
}

bool root_exists(const struct root *root, const char *path)
{
	_close_ int fd = root_openat(root, path, O_PATH);

	return fd >= 0;
}

int root_check_plain(const struct root *root, const char *path, struct ukd_error *e)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	_close_ int fd = -1;

	if (!root->path[0])
		return 0;
	while (*path == '/')
		path++;
	fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
	if (fd >= 0 || errno == ENOENT)
		return 0;
	return ukd_refuse(e, "root.link", "%s/%s: reached through a symbolic link: %s", root->path,
			  path, strerror(errno));
}

int root_read(const struct root *root, const char *path, size_t max, struct buffer *ret,
	      struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s%s", root->path, path);
	r = file_read_fd(fd, path, max, ret, e);
	if (r < 0 && root->path[0])
		(void)ukd_prefix(e, "%s", root->path);
	return r;
}

int root_read_u64(const struct root *root, const char *path, uint64_t *ret, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = root_read(root, path, 64, &b, e);

	if (r < 0)
		return r;
	char *text = (char *)b.data;
	text[strcspn(text, "\n")] = 0;
	if (!parse_u64(text, ret))
		return ukd_fail(e, -EINVAL, "%s%s: '%s' is not a number", root->path, path, text);
	return 0;
}

int root_kernel_release(const struct root *root, char *ret, size_t size, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = root_read(root, "/proc/sys/kernel/osrelease", 256, &b, e);

	if (r < 0)
		return r;
	(void)snprintf(ret, size, "%.*s", (int)strcspn((char *)b.data, "\n"), (char *)b.data);
	return 0;
}
