// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/storage.c: what devices are made of, on fixture trees as the kernel and udev show them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "build/storage.h"
#include "fixture_checks.h"
#include "fixture_storage.h"
#include "fixture_tree.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
