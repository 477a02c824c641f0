/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a block device of the running system is made of, layer by layer: device-mapper (LVM, LUKS,
 * multipath), software RAID, iSCSI, down to disks. Read from sysfs and from udev's database.
 */
#pragma once

#include "util/root.h"

#define STORAGE_LAYERS 48
#define STORAGE_DEPTH  16

enum layer_kind {
	LAYER_DISK,  /* reached by kernel drivers alone */
	LAYER_ISCSI, /* a disk behind an iSCSI session of the software initiator */
	LAYER_MULTIPATH,
	LAYER_RAID,
	LAYER_LUKS,
	LAYER_LVM,	/* a logical volume */
	LAYER_LVM_PART, /* what LVM makes one of, such as a mirror's half; activated with it */
};

struct layer {
	enum layer_kind kind;
	char device[32]; /* "major:minor" */
	char node[64];	 /* the kernel's name, "dm-0" */
	char name[256]; /* LVM: "vg/lv"; others of device-mapper: the map's; iSCSI: the session's */
	char uuid[160]; /* device-mapper's, or the array's as mdadm prints it; disks: empty */
	char level[16]; /* RAID: "raid1" */
	char below[64]; /* LUKS: the kernel's name of the encrypted device */
};

/* From the bottom up: what a layer is made of stands before it. */
struct storage {
	struct layer layers[STORAGE_LAYERS];
	unsigned int n;
};

/*
 * Finds the layers of a device ("major:minor"). Refuses (check "target") what the capture
 * environment cannot bring up (loop, nbd, drbd, bcache, zram, dm-verity, ...) and names that are
 * not as the tools make them, since they become parameters.
 */
int storage_walk(const struct root *root, const char *device, struct storage *ret,
		 struct ukd_error *e) _must_check_;

/* The one layer of LUKS, NULL if there is none. Refuses (check "target") more than one. */
int storage_luks(const struct storage *s, const struct layer **ret,
		 struct ukd_error *e) _must_check_;

/* The UUID in the LUKS header, with dashes, from the map's ("CRYPT-LUKS2-<32 hex>-<name>"). */
#define LUKS_UUID_MAX 37
int layer_luks_uuid(const struct layer *l, char ret[LUKS_UUID_MAX],
		    struct ukd_error *e) _must_check_;
