// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices: see fixture_storage.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_storage.h"

#include <stdio.h>
#include <string.h>

void add_disk(const struct tree *t, const char *number, const char *name)
{
	char path[256], link[64];

	(void)snprintf(path, sizeof(path), "/sys/devices/pci0000:00/virtio0/block/%s/dev", name);
	tree_write(t, path, number);
	(void)snprintf(path, sizeof(path), "../../devices/pci0000:00/virtio0/block/%s", name);
	(void)snprintf(link, sizeof(link), "/sys/dev/block/%s", number);
	tree_link(t, link, path);
}

void add_virtual(const struct tree *t, const char *number, const char *name)
{
	char path[256], to[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/dev", name);
	tree_write(t, path, number);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%s", number);
	(void)snprintf(to, sizeof(to), "../../devices/virtual/block/%s", name);
	tree_link(t, path, to);
}

void add_slave(const struct tree *t, const char *name, const char *slave, const char *slave_number)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/slaves/%s/dev", name,
		       slave);
	tree_write(t, path, slave_number);
}

void set_attribute(const struct tree *t, const char *name, const char *attribute, const char *value)
{
	char path[256], line[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/%s", name, attribute);
	(void)snprintf(line, sizeof(line), "%s\n", value);
	tree_write(t, path, line);
}

void add_map(const struct tree *t, const char *number, const char *name, const char *map,
	     const char *uuid)
{
	add_virtual(t, number, name);
	set_attribute(t, name, "dm/name", map);
	set_attribute(t, name, "dm/uuid", uuid);
}

void add_array(const struct tree *t, const char *number, const char *name, const char *level,
	       const char *metadata)
{
	char path[64];

	add_virtual(t, number, name);
	set_attribute(t, name, "md/level", level);
	set_attribute(t, name, "md/metadata_version", metadata);
	(void)snprintf(path, sizeof(path), "/run/udev/data/b%s", number);
	tree_write(t, path, "S:disk/by-id/x\nE:MD_LEVEL=raid1\nE:MD_UUID=" MD_UUID "\nE:X=y\n");
}

void walk(const struct tree *t, const char *device, struct storage *ret)
{
	struct ukd_error e = {0};

	if (storage_walk(&t->root, device, ret, &e) < 0)
		fail_msg("%s", e.text);
}
