/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the block device that a target names, without udev: every device of /proc/partitions is
 * probed with libblkid. Devices appear late (SCSI scans asynchronously), so the caller polls.
 */
#pragma once

#include <stdbool.h>

#include "util/root.h"

enum locator_kind {
	LOCATE_DEVICE, /* value is a path such as /dev/vda1 */
	LOCATE_UUID,
	LOCATE_LABEL,
	LOCATE_PARTUUID,
	LOCATE_PARTLABEL,
	LOCATE_PARTTYPE,
	LOCATE_MAX,
};

struct locator {
	enum locator_kind kind;
	char value[256];
	bool stacked;	 /* only device-mapper's and software RAID's devices, no disk */
	char path[1024]; /* of the directory, from the top of the file system; absolute */
};

/* "UUID=…:/path", "/dev/vda1:/path" and so on; without ":/path" the top. False: none of ours. */
bool locator_parse(const char *place, struct locator *ret);

/*
 * What other devices are made of (a path of a multipath device, half of a mirror) shows the same
 * file system and is never taken.
 */
struct blockdev {
	char path[256]; /* such as /dev/vda1, inside the root */
	char type[32];	/* what libblkid calls the content; empty: nothing known */
};

/*
 * Waits at most timeout_s until a device fits. -ETIMEDOUT with a text that says what was seen. A
 * device that hangs while it is probed is left out.
 */
int blockdev_wait(const struct root *root, const struct locator *l, unsigned int timeout_s,
		  struct blockdev *ret, struct ukd_error *e) _must_check_;
