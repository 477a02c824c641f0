// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtiofs://TAG/DIR: a directory of the hypervisor's host. No disk and no network: the device is
 * there when its driver is loaded, but drivers may probe late, and before the tag is known the
 * mount says EINVAL (fs/fuse/virtio_fs.c, virtio_fs_get_tree(), 5.4 to 7.2).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/mount.h"

#define SCHEME	   "virtiofs://"
#define WAIT_S	   30 /* never over an eighth of all */
#define PAUSE_NSEC 200000000

static bool handles(const char *place)
{
	return !strncmp(place, SCHEME, strlen(SCHEME));
}

static int mount_tag(struct attempt *a, const char *tag, struct ukd_error *e)
{
	const unsigned int wait =
		budget_work_s(&a->c->budget, budget_share_s(&a->c->budget, 8, WAIT_S));
	const uint64_t end = clock_ms() + (uint64_t)wait * 1000;
	const struct timespec pause = {.tv_nsec = PAUSE_NSEC};
	int r;

	while ((r = mount_target(a, tag, "virtiofs", "", e)) == -EINVAL && clock_ms() < end)
		(void)nanosleep(&pause, NULL);
	if (r == -EINVAL)
		return ukd_fail(e, r, "no virtiofs device with the tag '%s' after %u s", tag, wait);
	return r;
}

static int connect(struct attempt *a, struct ukd_error *e)
{
	const char *rest = a->place + strlen(SCHEME);
	char tag[64];
	int r;

	(void)snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(rest, "/"), rest);
	r = mount_tag(a, tag, e);
	if (r < 0)
		return r;
	(void)snprintf(a->record->device, sizeof(a->record->device), "%s", tag);
	(void)snprintf(a->note, sizeof(a->note), "%.128s", a->place);
	return mount_enter(a, rest + strcspn(rest, "/"), e);
}

const struct target_ops virtiofs_target = {
	.handles = handles,
	.connect = connect,
	DIRECTORY_OPERATIONS,
	.disconnect = mount_leave,
};
