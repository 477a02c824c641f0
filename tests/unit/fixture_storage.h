/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices in a tree, as the kernel and udev show them. */
#pragma once

#include "build/storage.h"
#include "fixture_tree.h"

#define VG	  "abcdefghijklmnopqrstuvwxyz012345"
#define LV	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
#define LUKS_HEX  "0123456789abcdef0123456789ABCDEF"
#define LUKS_UUID "01234567-89ab-cdef-0123-456789abcdef"
#define MD_UUID	  "00112233:44556677:8899aabb:ccddeeff"

/* A disk below a PCI device. */
void add_disk(const struct tree *t, const char *number, const char *name);

/* A virtual device, and the devices it is made of and attributes in sysfs. */
void add_virtual(const struct tree *t, const char *number, const char *name);
void add_slave(const struct tree *t, const char *name, const char *slave, const char *slave_number);
void set_attribute(const struct tree *t, const char *name, const char *attribute,
		   const char *value);

/* A device-mapper device; an md array with MD_UUID. */
void add_map(const struct tree *t, const char *number, const char *name, const char *map,
	     const char *uuid);
void add_array(const struct tree *t, const char *number, const char *name, const char *level,
	       const char *metadata);

/* storage_walk() that must not fail. */
void walk(const struct tree *t, const char *device, struct storage *ret);
