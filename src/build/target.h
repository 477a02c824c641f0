/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Target= setting means on this machine: device, path on it, file system, drivers. */
#pragma once

#include "util/root.h"

#define PLACE_MAX 512

struct place {
	char where[PLACE_MAX]; /* "UUID=...:/path" as the capture environment takes it */
	char fs[32];	       /* file system, empty if not known here */
	char device[32];       /* "major:minor", empty if not known here */
};

/*
 * Resolves a target. "file:/path" is looked up in the running system's mount table; in a tree that
 * does not run it becomes LABEL=ukdump, the label of a fleet image's target. Others stay as they
 * are. Refuses (check "target") what cannot be found in the capture environment, such as a path
 * on a tmpfs.
 */
int place_resolve(const struct root *root, const char *target, struct place *ret,
		  struct ukd_error *e) _must_check_;

/*
 * Calls add for every kernel module that drives the device, from the bus to the disk
 * (/sys/dev/block). Returns 0 or add's negative result.
 */
int place_drivers(const struct root *root, const struct place *p,
		  int (*add)(void *ctx, const char *module, struct ukd_error *e), void *ctx,
		  struct ukd_error *e) _must_check_;
