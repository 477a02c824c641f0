/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs tells about the device of a target: can the capture environment reach it, and how? */
#pragma once

#include "util/root.h"

/*
 * Called for each driver on the way to a device; loadable: the running kernel has it as a module,
 * not built in.
 */
typedef int device_driver_fn(void *ctx, const char *module, bool loadable, struct ukd_error *e);

/*
 * Calls add for the module of every driver from the bus to the device ("major:minor"). Refuses
 * (check "target") what the capture environment cannot assemble (LVM, dm-crypt, RAID, loop,
 * network disks), and a device without any driver. Returns 0 or add's negative result.
 */
int device_drivers(const struct root *root, const char *device, device_driver_fn *add, void *ctx,
		   struct ukd_error *e) _must_check_;

/* The same for a network interface, with the driver of its PHY. No driver at all is no error. */
int device_network_drivers(const struct root *root, const char *name, device_driver_fn *add,
			   void *ctx, struct ukd_error *e) _must_check_;
/*
 * The same for a device that is no disk: "CLASS/NAME", such as "watchdog/watchdog0". Returns how
 * many drivers are on the way, or a negative errno; -ENOENT if there is no such device.
 */
int device_class_drivers(const struct root *root, const char *name, device_driver_fn *add,
			 void *ctx, struct ukd_error *e) _must_check_;

/* Refuses (check "target") a mounted btrfs that the device ("major:minor") is only one part of. */
int device_check_btrfs(const struct root *root, const char *device,
		       struct ukd_error *e) _must_check_;
