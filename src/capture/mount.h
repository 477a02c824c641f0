/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting a target, for all kinds that do: one file system at a time, always in the same place,
 * with time limits. What it holds is hostile: no device, no set-user-id bit, no program of it
 * counts.
 */
#pragma once

#include "capture/target.h"

/*
 * Mounts source (as mount(2) takes it), with options of the file system type, for this attempt. May
 * take a quarter of TimeoutSec=. The type's module has to be loaded. Undone by mount_leave().
 */
int mount_target(struct attempt *a, const char *source, const char *type, const char *options,
		 struct ukd_error *e) _must_check_;

/* directory_enter() of path below what is mounted. */
int mount_enter(struct attempt *a, const char *path, struct ukd_error *e) _must_check_;

/* Leaves the directory and unmounts, at any cost: fit to be a target's disconnect. */
int mount_leave(struct attempt *a, struct ukd_error *e);
