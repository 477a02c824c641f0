// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file system on a local block device. Found by UUID, label, partition or name, mounted
 * read-write (its journal is wanted: the crash left it dirty) if and only if it is of a type that
 * is listed here. The file system's content is hostile: nothing on it is followed or executed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/blockdev.h"
#include "capture/modules.h"
#include "capture/mount.h"
#include "util/sys.h"

#define DEVICE_WAIT_S 90 /* RAID controllers and SAN paths take their time; never over 1/4 of all */

static const struct fs_type {
	const char *name; /* libblkid's and the kernel's */
	const char *options;
} fs_types[] = {
	/* Whatever the superblock says: a damaged one must not make this kernel panic, too. */
	{"ext4", "errors=remount-ro"},
	{"xfs", ""},
	/* Paths count from the top, whatever the default subvolume is. */
	{"btrfs", "subvolid=5"},
};

static bool handles(const char *place)
{
	struct locator l;

	return locator_parse(place, &l);
}

static const struct fs_type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_types); i++)
		if (!strcmp(fs_types[i].name, name))
			return &fs_types[i];
	return NULL;
}

/* An image that did not know its target's file system when it was built has a list for each. */
static void load_fs_modules(struct attempt *a, const struct fs_type *type)
{
	const unsigned int share = budget_share_s(&a->c->budget, 8, UINT64_MAX);
	const struct modules_limit limit = {
		.one_s = budget_work_s(&a->c->budget, share < 60 ? share : 60),
		.all_s = budget_work_s(&a->c->budget, share),
	};
	struct modules_result result = {0};
	struct ukd_error e = {0};
	char list[64];
	int r;

	(void)snprintf(list, sizeof(list), MODULES_FS_LIST, type->name);
	r = modules_load(a->c->root, list, sys_finit_module, &limit, &result, &e);
	/* What is missing shows when the mount fails; its reason alone would not say why. */
	if (r < 0 && r != -ENOENT)
		(void)snprintf(a->note, sizeof(a->note), "%.200s", e.text);
	else if (result.failed)
		(void)snprintf(a->note, sizeof(a->note), "%.200s", result.first);
}

static int mount_device(struct attempt *a, const struct blockdev *dev, struct ukd_error *e)
{
	const struct fs_type *type = find_type(dev->type);
	char source[4096];
	int r;

	if (!type)
		return ukd_fail(e, -EMEDIUMTYPE, "%s holds %s, not ext4, xfs or btrfs", dev->path,
				dev->type[0] ? dev->type : "nothing known");
	(void)snprintf(source, sizeof(source), "%s%s", a->c->root->path, dev->path);
	load_fs_modules(a, type);
	r = mount_target(a, source, type->name, type->options, e);
	if (r < 0)
		return ukd_prefix(e, "%s (%s)%s%s", dev->path, dev->type, a->note[0] ? ", " : "",
				  a->note);
	return 0;
}

/* Waits for the device; if it does not come, says what it lacks. */
static int find_device(struct attempt *a, struct locator *l, struct blockdev *ret,
		       struct ukd_error *e)
{
	const struct facts *facts = &a->c->facts;
	const unsigned int target = facts_target(facts, a->place);
	const struct facts_layer *missing;
	unsigned int limit = budget_share_s(&a->c->budget, 4, DEVICE_WAIT_S);
	int r;

	l->stacked = facts_stacked(facts, target);
	r = blockdev_wait(a->c->root, l, budget_work_s(&a->c->budget, limit), ret, e);
	missing = r < 0 ? facts_missing_layer(facts, a->c->root, target) : NULL;
	if (missing)
		return ukd_fail(e, r, "%.300s; %.150s is not there", e->text, missing->name);
	return r;
}

static int connect(struct attempt *a, struct ukd_error *e)
{
	struct blockdev dev;
	struct locator l;
	int r;

	if (!locator_parse(a->place, &l))
		return ukd_fail(e, -EINVAL, "bad target '%s'", a->place);
	r = find_device(a, &l, &dev, e);
	if (r < 0)
		return r;
	(void)snprintf(a->record->device, sizeof(a->record->device), "%s", dev.path);
	r = mount_device(a, &dev, e);
	if (r < 0)
		return r;
	(void)snprintf(a->note, sizeof(a->note), "%.64s on %.64s (%.16s)", a->place, dev.path,
		       dev.type);
	return mount_enter(a, l.path, e);
}

const struct target_ops local_target = {
	.handles = handles,
	.connect = connect,
	DIRECTORY_OPERATIONS,
	.disconnect = mount_leave,
};
