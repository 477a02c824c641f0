/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Target= setting means on this machine: device, path on it, file system, drivers. */
#pragma once

#include <limits.h>

#include "util/root.h"

#define PLACE_MAX 512

struct place {
	char where[PLACE_MAX]; /* "UUID=...:/path" as the capture environment takes it */
	char fs[32];	       /* file system, empty if not known here */
	char device[32];       /* "major:minor", empty if not known here */
};

#define PLACE_FILE_SYSTEMS 3
extern const char *const place_file_systems[PLACE_FILE_SYSTEMS]; /* those that are supported */

/*
 * Resolves a target to a block device of the running system, by its mount table and /dev/disk.
 * "file:/path" and "/dev/NAME" become UUID=, other names of a device stay. For a fleet image, and
 * where no running system is visible (a bare chroot), nothing is looked up: "file:/path" becomes
 * LABEL=ukdump, the label of a fleet image's target, and device stays empty. Refuses (check
 * "target") what cannot be found in the capture environment: a path on a tmpfs, a disk that is not
 * there, a file system that is not supported.
 */
int place_resolve(const struct root *root, const char *target, bool fleet, struct place *ret,
		  struct ukd_error *e) _must_check_;

/*
 * Where the file system of a device ("major:minor") is mounted in the running system: the first
 * such mount point, empty if there is none.
 */
int place_mounted(const struct root *root, const char *device, char ret[PATH_MAX],
		  struct ukd_error *e) _must_check_;

/*
 * The directory of such a target in the running system, for file: as it is written. Empty if its
 * file system is not mounted here, or not the part of it that has the directory.
 */
int place_directory(const struct root *root, const char *target, char ret[PATH_MAX],
		    struct ukd_error *e) _must_check_;

/* Is the target a file system on a block device, as place_resolve() takes it? */
bool place_is_disk(const char *target);
