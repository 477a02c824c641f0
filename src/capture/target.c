// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of target kinds, and the one that needs no mount: see target.h. */
#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "util/cleanup.h"

const struct target_ops *target_find(const char *place)
{
	static const struct target_ops *const kinds[] = {
		&local_target, &directory_target, &virtiofs_target, &upload_target,
		&exec_target,  &nfs_target,	  &ssh_target,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->handles(place))
			return kinds[i];
	return NULL;
}

static bool handles(const char *place)
{
	return !strncmp(place, "file:/", 6);
}

/*
 * A file: target that build did not resolve to a device is a directory of the capture environment:
 * right in full mode, where units have mounted something there; lost with the next reboot if it
 * is still the initramfs.
 */
static int connect(struct attempt *a, struct ukd_error *e)
{
	const char *path = a->place + strlen("file:");
	_close_ int root = root_openat(a->c->root, "/", O_RDONLY | O_DIRECTORY);
	_close_ int dir = root_openat(a->c->root, path, O_RDONLY | O_DIRECTORY);
	struct statfs fs;

	if (root < 0 || dir < 0)
		return ukd_fail_errno(e, root < 0 ? root : dir, "%s", path);
	if (fstatfs(dir, &fs) < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return ukd_fail(e, -ENODEV,
				"%s lies in memory: the target was not resolved to a "
				"device when the image was built",
				path);
	return directory_enter(a, dir, "/", e);
}

static int disconnect(struct attempt *a, struct ukd_error *e)
{
	(void)e;
	directory_leave(a);
	return 0;
}

const struct target_ops directory_target = {
	.handles = handles,
	.connect = connect,
	DIRECTORY_OPERATIONS,
	.disconnect = disconnect,
};
