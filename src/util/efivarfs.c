// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing and removing EFI variables: see efivarfs.h. */
#include "util/efivarfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/cleanup.h"

static int open_dir(const struct root *root, struct ukd_error *e)
{
	int fd = root_openat(root, EFIVARFS_DIR, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? ukd_fail_errno(e, fd, "%s%s", root->path, EFIVARFS_DIR) : fd;
}

/* Other file systems have no such flag, as in a fixture. */
static void make_mutable(int dir, const char *name)
{
	_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_IMMUTABLE_FL))
		return;
	flags &= ~FS_IMMUTABLE_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int remove_at(int dir, const char *name, struct ukd_error *e)
{
	make_mutable(dir, name);
	if (unlinkat(dir, name, 0) < 0)
		return ukd_fail_errno(e, -errno, "cannot remove the EFI variable %s", name);
	return 0;
}

int efivarfs_remove(const struct root *root, const char *name, struct ukd_error *e)
{
	_close_ int dir = open_dir(root, e);

	return dir < 0 ? dir : remove_at(dir, name, e);
}

/* The whole of a variable goes into one write(2). */
static int write_at(int dir, const char *name, const struct buffer *all, struct ukd_error *e)
{
	_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "cannot create the EFI variable %s", name);
	n = write(fd, all->data, all->len);
	if (n == (ssize_t)all->len)
		return 0;
	r = ukd_fail_errno(e, n < 0 ? -errno : -EIO, "cannot write the EFI variable %s", name);
	/* efivarfs shows an empty file for what was never stored. */
	(void)unlinkat(dir, name, 0);
	return r;
}

int efivarfs_write(const struct root *root, const char *name, struct bytes content,
		   struct ukd_error *e)
{
	_close_ int dir = open_dir(root, e);
	_buffer_ struct buffer all = {0};
	int r;

	if (dir < 0)
		return dir;
	all.len = EFIVARFS_HEADER + content.len;
	all.data = malloc(all.len);
	if (!all.data)
		return ukd_oom(e);
	store_le32(all.data, EFI_NV_BS_RT);
	memcpy(all.data + EFIVARFS_HEADER, content.p, content.len);
	r = remove_at(dir, name, e);
	return r < 0 && r != -ENOENT ? r : write_at(dir, name, &all, e);
}

int efivarfs_read(const struct root *root, const char *name, size_t max, struct buffer *ret,
		  struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), EFIVARFS_DIR "/%s", name);
	r = root_read(root, path, EFIVARFS_HEADER + max, &b, e);
	if (r < 0)
		return r;
	if (b.len < EFIVARFS_HEADER)
		return ukd_fail(e, -EBADMSG, "%s%s: has no attributes", root->path, path);
	b.len -= EFIVARFS_HEADER;
	memmove(b.data, b.data + EFIVARFS_HEADER, b.len + 1);
	*ret = b;
	b = (struct buffer){0};
	return 0;
}
