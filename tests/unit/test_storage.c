// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/storage.c and need_storage.c: what devices are made of, on fixture trees as the kernel
 * and udev show them, and what goes into an image because of that.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/needs.h"
#include "build/storage.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define VG	  "abcdefghijklmnopqrstuvwxyz012345"
#define LV	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
#define LUKS_HEX  "0123456789abcdef0123456789ABCDEF"
#define LUKS_UUID "01234567-89ab-cdef-0123-456789abcdef"
#define MD_UUID	  "00112233:44556677:8899aabb:ccddeeff"

#define SESSION_DISK "/sys/devices/platform/host2/session7/target2:0:0/2:0:0:3/block/sda"

/* A disk below a PCI device. */
static void add_disk(const struct tree *t, const char *number, const char *name)
{
	char path[256], link[64];

	(void)snprintf(path, sizeof(path), "/sys/devices/pci0000:00/virtio0/block/%s/dev", name);
	tree_write(t, path, number);
	(void)snprintf(path, sizeof(path), "../../devices/pci0000:00/virtio0/block/%s", name);
	(void)snprintf(link, sizeof(link), "/sys/dev/block/%s", number);
	tree_link(t, link, path);
}

/* A virtual device with an attribute, made of one other: "number name slave-number slave-name". */
static void add_virtual(const struct tree *t, const char *number, const char *name)
{
	char path[256], to[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/dev", name);
	tree_write(t, path, number);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%s", number);
	(void)snprintf(to, sizeof(to), "../../devices/virtual/block/%s", name);
	tree_link(t, path, to);
}

static void add_slave(const struct tree *t, const char *name, const char *slave,
		      const char *slave_number)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/slaves/%s/dev", name,
		       slave);
	tree_write(t, path, slave_number);
}

static void set_attribute(const struct tree *t, const char *name, const char *attribute,
			  const char *value)
{
	char path[256], line[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/%s", name, attribute);
	(void)snprintf(line, sizeof(line), "%s\n", value);
	tree_write(t, path, line);
}

static void add_map(const struct tree *t, const char *number, const char *name, const char *map,
		    const char *uuid)
{
	add_virtual(t, number, name);
	set_attribute(t, name, "dm/name", map);
	set_attribute(t, name, "dm/uuid", uuid);
}

static void add_array(const struct tree *t, const char *number, const char *name, const char *level,
		      const char *metadata)
{
	char path[64];

	add_virtual(t, number, name);
	set_attribute(t, name, "md/level", level);
	set_attribute(t, name, "md/metadata_version", metadata);
	(void)snprintf(path, sizeof(path), "/run/udev/data/b%s", number);
	tree_write(t, path, "S:disk/by-id/x\nE:MD_LEVEL=raid1\nE:MD_UUID=" MD_UUID "\nE:X=y\n");
}

static void walk(const struct tree *t, const char *device, struct storage *ret)
{
	struct ukd_error e = {0};

	if (storage_walk(&t->root, device, ret, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_a_partition_is_a_disk(void **state _unused_)
{
	struct storage s;
	_tree_ struct tree t;

	tree_make(&t);
	add_disk(&t, "254:1", "vda1");
	walk(&t, "254:1", &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.layers[0].kind, LAYER_DISK);
	assert_string_equal(s.layers[0].node, "vda1");
}

static void make_lvm_on_luks_on_raid(const struct tree *t)
{
	add_disk(t, "254:1", "vda1");
	add_disk(t, "254:17", "vdb1");
	add_array(t, "9:127", "md127", "raid1", "1.2");
	add_slave(t, "md127", "vda1", "254:1");
	add_slave(t, "md127", "vdb1", "254:17");
	add_map(t, "253:0", "dm-0", "crypt", "CRYPT-LUKS2-" LUKS_HEX "-crypt");
	add_slave(t, "dm-0", "md127", "9:127");
	add_map(t, "253:1", "dm-1", "my--vg-the--lv", "LVM-" VG LV);
	add_slave(t, "dm-1", "dm-0", "253:0");
}

static void test_layers_from_the_bottom_up(void **state _unused_)
{
	static const enum layer_kind kinds[] = {LAYER_DISK, LAYER_DISK, LAYER_RAID, LAYER_LUKS,
						LAYER_LVM};
	char uuid[LUKS_UUID_MAX];
	const struct layer *luks;
	struct ukd_error e = {0};
	struct storage s;
	_tree_ struct tree t;

	tree_make(&t);
	make_lvm_on_luks_on_raid(&t);
	walk(&t, "253:1", &s);
	assert_int_equal(s.n, ARRAY_SIZE(kinds));
	for (unsigned int i = 0; i < s.n; i++)
		assert_int_equal(s.layers[i].kind, kinds[i]);
	assert_string_equal(s.layers[2].uuid, MD_UUID);
	assert_string_equal(s.layers[2].level, "raid1");
	assert_string_equal(s.layers[4].name, "my-vg/the-lv");
	assert_int_equal(storage_luks(&s, &luks, &e), 0);
	assert_ptr_equal(luks, &s.layers[3]);
	assert_string_equal(luks->below, "md127");
	assert_int_equal(layer_luks_uuid(luks, uuid, &e), 0);
	assert_string_equal(uuid, LUKS_UUID);
}

static void test_partitions_of_what_is_no_disk(void **state _unused_)
{
	struct storage s;
	_tree_ struct tree t;

	tree_make(&t);
	make_lvm_on_luks_on_raid(&t);
	/* of the array, by the kernel; of a map, by kpartx */
	tree_write(&t, "/sys/devices/virtual/block/md127/md127p1/dev", "259:1\n");
	tree_write(&t, "/sys/devices/virtual/block/md127/md127p1/partition", "1\n");
	tree_link(&t, "/sys/dev/block/259:1", "../../devices/virtual/block/md127/md127p1");
	walk(&t, "259:1", &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.layers[2].kind, LAYER_RAID);
	add_map(&t, "253:5", "dm-5", "mpatha", "mpath-360000000001");
	add_slave(&t, "dm-5", "vda1", "254:1");
	add_slave(&t, "dm-5", "vdb1", "254:17");
	add_map(&t, "253:6", "dm-6", "mpatha-part1", "part1-mpath-360000000001");
	add_slave(&t, "dm-6", "dm-5", "253:5");
	walk(&t, "253:6", &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.layers[2].kind, LAYER_MULTIPATH);
}

static void test_parts_of_volumes_are_no_volumes(void **state _unused_)
{
	static const char *const parts[][2] = {
		{"vg-lv_rimage_0", "LVM-" VG LV},	  {"vg-lv_rmeta_0", "LVM-" VG LV},
		{"vg-pool-tpool", "LVM-" VG LV "-tpool"}, {"vg-lv-real", "LVM-" VG LV "-real"},
		{"vg-lv-cow", "LVM-" VG LV "-cow"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct storage s;
		_tree_ struct tree t;

		tree_make(&t);
		add_disk(&t, "254:1", "vda1");
		add_map(&t, "253:0", "dm-0", parts[i][0], parts[i][1]);
		add_slave(&t, "dm-0", "vda1", "254:1");
		add_map(&t, "253:1", "dm-1", "vg-lv", "LVM-" VG LV);
		add_slave(&t, "dm-1", "dm-0", "253:0");
		walk(&t, "253:1", &s);
		assert_int_equal(s.n, 3);
		assert_int_equal(s.layers[1].kind, LAYER_LVM_PART);
		assert_int_equal(s.layers[2].kind, LAYER_LVM);
	}
}

static void expect_walk_refused(const struct tree *t, const char *device, const char *word)
{
	struct ukd_error e = {0};
	struct storage s;

	expect_refused(storage_walk(&t->root, device, &s, &e), &e, "target", word);
	if (!strstr(e.text, word))
		fail_msg("'%s' is not in '%s'", word, e.text);
}

static void test_what_cannot_be_brought_up(void **state _unused_)
{
	static const struct {
		const char *path, *word;
	} cases[] = {
		{"virtual/block/loop0", "loop0 (a file as disk)"},
		{"virtual/block/nbd1", "nbd1 (a network disk)"},
		{"virtual/block/drbd0", "DRBD"},
		{"virtual/block/bcache0", "bcache"},
		{"virtual/block/zram0", "a disk in memory"},
		{"virtual/block/pmem0", "a virtual disk"},
		{"pci0000:00/host2/session1/target2:0:0/2:0:0:0/block/sda",
		 "an adapter of its own"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[256];
		_tree_ struct tree t;

		tree_make(&t);
		(void)snprintf(path, sizeof(path), "/sys/devices/%s/dev", cases[i].path);
		tree_write(&t, path, "9:9\n");
		(void)snprintf(path, sizeof(path), "../../devices/%s", cases[i].path);
		tree_link(&t, "/sys/dev/block/9:9", path);
		expect_walk_refused(&t, "9:9", cases[i].word);
	}
}

static void test_maps_that_are_not_supported_or_hostile(void **state _unused_)
{
	static const char *const cases[][3] = {
		{"x", "CRYPT-VERITY-" LUKS_HEX "-x", "CRYPT-VERITY"},
		{"x", "CRYPT-PLAIN-x", "CRYPT-PLAIN"},
		{"x", "CRYPT-INTEGRITY-x", "CRYPT-INTEGRITY"},
		{"x", "", "no tool owns"},
		{"vg-l v", "LVM-" VG LV, "character 0x20"},
		{"vg-lv\trd.break", "LVM-" VG LV, "character 0x09"},
		{"vglv", "LVM-" VG LV, "not the name of a logical volume"},
		{"vg-", "LVM-" VG LV, "not the name of a logical volume"},
		{"-lv", "LVM-" VG LV, "not the name of a logical volume"},
		{"mpatha", "mpath-3/600", "character 0x2f"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;

		tree_make(&t);
		add_disk(&t, "254:1", "vda1");
		add_map(&t, "253:0", "dm-0", cases[i][0], cases[i][1]);
		add_slave(&t, "dm-0", "vda1", "254:1");
		expect_walk_refused(&t, "253:0", cases[i][2]);
	}
}

static void test_arrays_that_are_not_supported_or_hostile(void **state _unused_)
{
	_tree_ struct tree t;

	tree_make(&t);
	add_disk(&t, "254:1", "vda1");
	add_array(&t, "9:0", "md0", "raid1", "external:/md127/0");
	add_slave(&t, "md0", "vda1", "254:1");
	expect_walk_refused(&t, "9:0", "RAID of the firmware");
	add_array(&t, "9:1", "md1", "raid1", "1.2");
	expect_walk_refused(&t, "9:0", "RAID of the firmware");
	add_slave(&t, "md1", "vda1", "254:1");
	tree_write(&t, "/run/udev/data/b9:1", "E:MD_LEVEL=raid1\n");
	expect_walk_refused(&t, "9:1", "does not know the array's UUID");
	tree_write(&t, "/run/udev/data/b9:1", "S:x\nE:MD_UUID=a b\n");
	expect_walk_refused(&t, "9:1", "character 0x20");
}

/* A device that is made of itself, and a chain that is too long. */
static void test_walks_end(void **state _unused_)
{
	char number[16], below[16], name[16], below_name[16];
	_tree_ struct tree t;

	tree_make(&t);
	add_map(&t, "253:0", "dm-0", "vg-lv", "LVM-" VG LV);
	add_slave(&t, "dm-0", "dm-0", "253:0");
	expect_walk_refused(&t, "253:0", "more than 16 layers");
	for (unsigned int i = 1; i <= STORAGE_DEPTH; i++) {
		(void)snprintf(number, sizeof(number), "252:%u", i);
		(void)snprintf(name, sizeof(name), "dm-%u", 100 + i);
		add_map(&t, number, name, "vg-lv", "LVM-" VG LV);
		(void)snprintf(below, sizeof(below), "252:%u", i + 1);
		(void)snprintf(below_name, sizeof(below_name), "dm-%u", 101 + i);
		add_slave(&t, name, below_name, below);
	}
	add_disk(&t, "252:17", "vda");
	expect_walk_refused(&t, "252:1", "more than 16 layers");
	walk(&t, "252:2", &(struct storage){0});
}

static void test_two_encrypted_devices(void **state _unused_)
{
	const struct layer *luks;
	struct ukd_error e = {0};
	struct storage s;
	_tree_ struct tree t;

	tree_make(&t);
	make_lvm_on_luks_on_raid(&t);
	add_map(&t, "253:7", "dm-7", "two", "CRYPT-LUKS1-" LUKS_HEX "-two");
	add_slave(&t, "dm-7", "vdb1", "254:17");
	add_slave(&t, "dm-1", "dm-7", "253:7");
	walk(&t, "253:1", &s);
	expect_refused(storage_luks(&s, &luks, &e), &e, "target", "two");
}

/* What the layers need. */

static void make_modules(const struct tree *t)
{
	tree_write(t, "/usr/lib/modules/6/modules.dep",
		   "kernel/dm-mod.ko:\nkernel/md-mod.ko:\nkernel/raid1.ko: kernel/md-mod.ko\n"
		   "kernel/raid456.ko:\nkernel/dm-thin-pool.ko: kernel/dm-mod.ko\n"
		   "kernel/dm-multipath.ko: kernel/dm-mod.ko\nkernel/scsi_dh_alua.ko:\n"
		   "kernel/iscsi_tcp.ko:\n");
}

static bool has_string(const struct strings *list, const char *s)
{
	for (unsigned int i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

/* Collects for the device; the needs are to be freed. */
static int collect(const struct tree *t, const char *device, struct needs *n, struct ukd_error *e)
{
	struct storage s;

	*n = (struct needs){.root = &t->root, .kver = "6"};
	walk(t, device, &s);
	assert_int_equal(module_tree_load(&t->root, "6", &n->tree, e), 0);
	return need_storage(n, &s, 2, e);
}

static void test_lvm_on_raid(void **state _unused_)
{
	struct ukd_error e = {0};
	_needs_ struct needs n;
	_tree_ struct tree t;

	tree_make(&t);
	make_modules(&t);
	add_disk(&t, "254:1", "vda1");
	add_array(&t, "9:0", "md0", "raid5", "1.2");
	add_slave(&t, "md0", "vda1", "254:1");
	add_map(&t, "253:1", "dm-1", "vg-lv", "LVM-" VG LV);
	add_slave(&t, "dm-1", "md0", "9:0");
	if (collect(&t, "253:1", &n, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(has_string(&n.dracut, "lvm") && has_string(&n.dracut, "mdraid") &&
		    has_string(&n.dracut, "dracut-systemd"));
	assert_true(has_string(&n.parameters, "rd.lvm.lv=vg/lv"));
	assert_true(has_string(&n.parameters, "rd.md.uuid=" MD_UUID));
	assert_string_equal(n.facts.v[0],
			    "layer.2=/dev/disk/by-id/md-uuid-" MD_UUID " RAID array md0");
	assert_string_equal(n.facts.v[1],
			    "layer.2=/dev/disk/by-id/dm-uuid-LVM-" VG LV " LVM volume vg/lv");
	assert_string_equal((char *)n.drivers.data, "/usr/lib/modules/6/kernel/md-mod.ko\n"
						    "/usr/lib/modules/6/kernel/raid456.ko\n"
						    "/usr/lib/modules/6/kernel/dm-mod.ko\n");
}

static void test_only_the_targets_maps_of_multipath(void **state _unused_)
{
	struct ukd_error e = {0};
	_needs_ struct needs n;
	_tree_ struct tree t;

	tree_make(&t);
	make_modules(&t);
	add_disk(&t, "254:1", "vda");
	add_disk(&t, "254:2", "vdb");
	add_map(&t, "253:1", "dm-1", "mpatha", "mpath-36000001");
	add_slave(&t, "dm-1", "vda", "254:1");
	add_map(&t, "253:2", "dm-2", "mpathb", "mpath-36000002");
	add_slave(&t, "dm-2", "vdb", "254:2");
	/* a volume on both */
	add_map(&t, "253:3", "dm-3", "vg-lv", "LVM-" VG LV);
	add_slave(&t, "dm-3", "dm-1", "253:1");
	add_slave(&t, "dm-3", "dm-2", "253:2");
	if (collect(&t, "253:3", &n, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(has_string(&n.dracut, "multipath"));
	assert_int_equal(n.n_files, 1);
	assert_string_equal(n.files[0].path, "/etc/multipath/wwids");
	assert_int_equal(n.files[0].content.len, 2 * strlen("/36000001/\n"));
	assert_non_null(strstr((char *)n.files[0].content.data, "/36000001/\n"));
	assert_non_null(strstr((char *)n.files[0].content.data, "/36000002/\n"));
	assert_non_null(strstr((char *)n.drivers.data, "scsi_dh_alua.ko"));
}

/* Unit 3 of a session with CHAP, as the kernel shows it. */
static void make_session(const struct tree *t)
{
	static const char *const values[][2] = {
		{"session/session7/initiatorname", "iqn.2026-01.org.example:me\n"},
		{"session/session7/targetname", "iqn.2026-01.org.example:disk\n"},
		{"session/session7/tpgt", "1\n"},
		{"session/session7/username", "user\n"},
		{"session/session7/password", "a $ecret\n"},
		{"session/session7/username_in", "(null)\n"},
		{"session/session7/password_in", "(null)\n"},
		{"connection/connection7:0/persistent_address", "192.0.2.7\n"},
		{"connection/connection7:0/persistent_port", "3260\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "/sys/class/iscsi_%s", values[i][0]);
		tree_write(t, path, values[i][1]);
	}
	tree_write(t, SESSION_DISK "/dev", "8:0\n");
	tree_link(t, "/sys/dev/block/8:0", "../.." SESSION_DISK + strlen("/sys"));
	tree_write(t, "/usr/sbin/iscsistart", "");
}

static void test_the_login_to_an_iscsi_session(void **state _unused_)
{
	struct ukd_error e = {0};
	_needs_ struct needs n;
	_tree_ struct tree t;

	tree_make(&t);
	make_modules(&t);
	make_session(&t);
	if (collect(&t, "8:0", &n, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(n.facts.v[0], "layer.2=/dev/disk/by-path/ip-192.0.2.7:3260-iscsi-"
					  "iqn.2026-01.org.example:disk-lun-3 iSCSI disk "
					  "iqn.2026-01.org.example:disk at 192.0.2.7");
	assert_true(has_string(&n.hosts, "192.0.2.7"));
	assert_true(has_string(&n.programs, "/usr/sbin/iscsistart /usr/bin/iscsistart"));
	assert_non_null(strstr((char *)n.drivers.data, "iscsi_tcp.ko"));
	/* Neither dracut's queue nor a parameter, which would be shown, has a part in it. */
	assert_int_equal(n.parameters.n, 0);
	assert_int_equal(n.n_files, 1);
	assert_string_equal(n.files[0].path, "/etc/ukdump/iscsi/session7");
	assert_int_equal(n.files[0].mode, 0600);
	assert_memory_equal(n.files[0].content.data,
			    "-i\niqn.2026-01.org.example:me\n-t\niqn.2026-01.org.example:disk\n"
			    "-g\n1\n-a\n192.0.2.7\n-p\n3260\n-u\nuser\n-w\na $ecret\n-P\n",
			    strlen("-i\niqn.2026-01.org.example:me\n-t\n"
				   "iqn.2026-01.org.example:disk\n-g\n1\n-a\n192.0.2.7\n"
				   "-p\n3260\n-u\nuser\n-w\na $ecret\n-P\n"));
}

static void test_iscsi_that_cannot_be_brought_up(void **state _unused_)
{
	static const struct {
		const char *path, *value, *word;
	} cases[] = {
		{"session/session7/password", "a\tb\n", "character 0x09"},
		{"connection/connection7:0/persistent_address", "a/b\n", "no name or address"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		char path[128];
		_needs_ struct needs n;
		_tree_ struct tree t;

		tree_make(&t);
		make_modules(&t);
		make_session(&t);
		(void)snprintf(path, sizeof(path), "/sys/class/iscsi_%s", cases[i].path);
		tree_write(&t, path, cases[i].value);
		expect_refused(collect(&t, "8:0", &n, &e), &e, "target", cases[i].word);
		assert_non_null(strstr(e.text, cases[i].word));
	}
}

static void test_a_plain_disk_needs_none_of_this(void **state _unused_)
{
	struct ukd_error e = {0};
	_needs_ struct needs n;
	_tree_ struct tree t;

	tree_make(&t);
	make_modules(&t);
	add_disk(&t, "254:1", "vda");
	assert_int_equal(collect(&t, "254:1", &n, &e), 0);
	assert_int_equal(n.dracut.n + n.parameters.n + n.facts.n, 0);
}

static void test_layers_that_this_kernel_or_program_lacks(void **state _unused_)
{
	struct ukd_error e = {0};
	_tree_ struct tree t;

	tree_make(&t);
	make_modules(&t);
	add_disk(&t, "254:1", "vda");
	add_map(&t, "253:1", "dm-1", "vg-x-vpool", "LVM-" VG LV "-vpool");
	add_slave(&t, "dm-1", "vda", "254:1");
	add_map(&t, "253:2", "dm-2", "vg-x", "LVM-" VG LV);
	add_slave(&t, "dm-2", "dm-1", "253:1");
	{
		_needs_ struct needs n;

		expect_refused(collect(&t, "253:2", &n, &e), &e, "target", "vdo");
	}
	add_array(&t, "9:0", "md0", "raid10", "1.2");
	add_slave(&t, "md0", "vda", "254:1");
	{
		_needs_ struct needs n;

		assert_int_equal(collect(&t, "9:0", &n, &e), -ENOENT);
		assert_non_null(strstr(e.text, "raid10"));
	}
}

static void test_names_of_dracuts_modules(void **state _unused_)
{
	struct needs n = {0};
	_tree_ struct tree t;

	tree_make(&t);
	n.root = &t.root;
	assert_false(need_has_dracut(&n, "lvm"));
	tree_write(&t, "/usr/lib/dracut/modules.d/90lvmthin/x", "");
	tree_write(&t, "/usr/lib/dracut/modules.d/01systemd-cryptsetup/x", "");
	assert_false(need_has_dracut(&n, "lvm"));
	assert_true(need_has_dracut(&n, "systemd-cryptsetup"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_partition_is_a_disk),
		cmocka_unit_test(test_layers_from_the_bottom_up),
		cmocka_unit_test(test_partitions_of_what_is_no_disk),
		cmocka_unit_test(test_parts_of_volumes_are_no_volumes),
		cmocka_unit_test(test_what_cannot_be_brought_up),
		cmocka_unit_test(test_maps_that_are_not_supported_or_hostile),
		cmocka_unit_test(test_arrays_that_are_not_supported_or_hostile),
		cmocka_unit_test(test_walks_end),
		cmocka_unit_test(test_two_encrypted_devices),
		cmocka_unit_test(test_lvm_on_raid),
		cmocka_unit_test(test_only_the_targets_maps_of_multipath),
		cmocka_unit_test(test_the_login_to_an_iscsi_session),
		cmocka_unit_test(test_iscsi_that_cannot_be_brought_up),
		cmocka_unit_test(test_a_plain_disk_needs_none_of_this),
		cmocka_unit_test(test_layers_that_this_kernel_or_program_lacks),
		cmocka_unit_test(test_names_of_dracuts_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
