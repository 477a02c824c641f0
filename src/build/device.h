/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs tells about disks and other devices: where they are, by which drivers. */
#pragma once

#include "util/root.h"

#define DEVICE_PATH_MAX 4096

/*
 * The directory of a device ("major:minor"): "sys/devices/pci0000:00/.../block/sda/sda1", without
 * the slash in front.
 */
int device_path(const struct root *root, const char *device, char ret[DEVICE_PATH_MAX],
		struct ukd_error *e) _must_check_;

/*
 * Called for each driver on the way to a device; loadable: the running kernel has it as a module,
 * not built in.
 */
typedef int device_driver_fn(void *ctx, const char *module, bool loadable, struct ukd_error *e);

/*
 * Calls add for the module of every driver from the bus to the disk or partition ("major:minor").
 * Refuses (check "target") disks on a network and those without any driver. Returns 0 or add's
 * negative result. What is no disk (device-mapper, RAID) has to be taken apart first: storage.h.
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
