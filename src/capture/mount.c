// SPDX-License-Identifier: GPL-2.0-or-later
/* Mounting a target: see mount.h. */
#include "capture/mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "capture/guard.h"
#include "util/cleanup.h"

#define MOUNT_POINT "/run/ukdump/target"
#define DETACH_S    5

struct mount_args {
	const char *source;
	const char *target;
	const char *type;
	const char *options;
};

static int do_mount(void *ctx)
{
	const struct mount_args *m = ctx;
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;

	return mount(m->source, m->target, m->type, flags, m->options) < 0 ? -errno : 0;
}

static int do_detach(void *ctx)
{
	return umount2(ctx, MNT_DETACH) < 0 ? -errno : 0;
}

static int do_umount(void *ctx)
{
	return umount2(ctx, 0) < 0 ? -errno : 0;
}

int mount_target(struct attempt *a, const char *source, const char *type, const char *options,
		 struct ukd_error *e)
{
	const unsigned int share = budget_share_s(&a->c->budget, 4, UINT64_MAX);
	char point[sizeof(a->mount_point)];
	struct mount_args m = {source, point, type, options};
	int r;

	(void)snprintf(point, sizeof(point), "%s" MOUNT_POINT, a->c->root->path);
	/* Of a target that hung. Where nothing is mounted, as usual, this fails. */
	(void)!guard_call(do_detach, point, DETACH_S, "umount", e);
	r = make_directories(a->c->root->fd, &MOUNT_POINT[1], 0700, e);
	if (r < 0)
		return r;
	/* Replaying the journal of a large file system takes its time. */
	r = guard_call(do_mount, &m, budget_work_s(&a->c->budget, share), "mount", e);
	if (r < 0)
		return r;
	(void)snprintf(a->mount_point, sizeof(a->mount_point), "%s", point);
	return 0;
}

int mount_enter(struct attempt *a, const char *path, struct ukd_error *e)
{
	_close_ int base = open(a->mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (base < 0)
		return ukd_fail_errno(e, -errno, "%s", a->mount_point);
	return directory_enter(a, base, path, e);
}

int mount_leave(struct attempt *a, struct ukd_error *e)
{
	int r;

	directory_leave(a);
	if (!a->mount_point[0])
		return 0;
	r = guard_call(do_umount, a->mount_point, budget_any_s(&a->c->budget, 30), "umount", e);
	/* So that the next target can be mounted there. */
	if (r < 0)
		(void)umount2(a->mount_point, MNT_DETACH);
	a->mount_point[0] = 0;
	return r;
}
