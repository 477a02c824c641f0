// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/target.c and device.c: from a target to the device, its file system and the path on it,
 * on fixture trees with device nodes (the tests are skipped where mknod(2) is not allowed).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "build/target.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define ROOT_UUID "11111111-2222-3333-4444-555555555555"
#define VAR_UUID  "ABCD-1234"

static const char mountinfo[] =
	"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
	"23 22 0:21 / /proc rw - proc proc rw\n"
	"24 22 0:5 / /tmp rw,nosuid shared:5 master:3 - tmpfs tmpfs rw\n"
	"25 22 254:2 / /srv/with\\040blank\\134x rw - xfs /dev/vda2 rw\n"
	"26 22 0:30 /@var /var rw - btrfs /dev/vda2 rw,subvol=/@var\n"
	"27 22 0:31 / /mnt/nfs rw - nfs4 server:/export rw\n"
	"28 22 254:2 / /over rw - ext4 /dev/vda1 rw\n"
	"29 28 254:2 / /over rw - xfs /dev/vda2 rw\n"
	"30 22 254:1 / /early rw - ext4 /dev/root rw\n"
	"32 22 0:33 / /gone rw - btrfs /dev/vdz9 rw\n"
	"31 22 254:1 /a\\040b /bind rw - ext4 /dev/vda1 rw\n";

/* False if this process may not make device nodes. */
static bool make_disks(struct tree *t)
{
	tree_make(t);
	tree_write(t, "/proc/self/mountinfo", mountinfo);
	tree_write(t, "/dev/disk/by-uuid/.keep", "");
	if (mknod(tree_path(t, "/dev/vda1"), S_IFBLK | 0600, makedev(254, 1)) < 0 ||
	    mknod(tree_path(t, "/dev/vda2"), S_IFBLK | 0600, makedev(254, 2)) < 0)
		return false;
	tree_link(t, "/dev/disk/by-uuid/" ROOT_UUID, "../../vda1");
	tree_link(t, "/dev/disk/by-uuid/" VAR_UUID, "../../vda2");
	return true;
}

static void test_paths_on_disks(void **state _unused_)
{
	static const struct {
		const char *target, *where, *fs, *device;
	} cases[] = {
		{"file:/crash", "UUID=" ROOT_UUID ":/crash", "ext4", "254:1"},
		{"file:/", "UUID=" ROOT_UUID ":/", "ext4", "254:1"},
		{"file:/tmpx/y", "UUID=" ROOT_UUID ":/tmpx/y", "ext4", "254:1"},
		{"file:/srv/with blank\\x/d", "UUID=" VAR_UUID ":/d", "xfs", "254:2"},
		{"file:/srv/with blank\\x", "UUID=" VAR_UUID ":/", "xfs", "254:2"},
		{"file:/var/crash", "UUID=" VAR_UUID ":/@var/crash", "btrfs", "254:2"},
		{"file:/over/x", "UUID=" VAR_UUID ":/x", "xfs", "254:2"}, /* the later mount */
		{"file:/early/x", "UUID=" ROOT_UUID ":/x", "ext4", "254:1"},
		{"file:/bind/c", "UUID=" ROOT_UUID ":/a b/c", "ext4", "254:1"},
	};
	_tree_ struct tree t;

	if (!make_disks(&t))
		skip();
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct place p;

		if (place_resolve(&t.root, cases[i].target, false, &p, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(p.where, cases[i].where);
		assert_string_equal(p.fs, cases[i].fs);
		assert_string_equal(p.device, cases[i].device);
	}
}

static void test_paths_that_a_capture_environment_cannot_find(void **state _unused_)
{
	static const char *const bad[] = {"file:/tmp/crash", "file:/proc", "file:/mnt/nfs/d",
					  "file:/gone/x",    "file:crash", "file:"};
	_tree_ struct tree t;

	if (!make_disks(&t))
		skip();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ukd_error e = {0};
		struct place p = {.fs = "untouched"};

		expect_refused(place_resolve(&t.root, bad[i], false, &p, &e), &e, "target", bad[i]);
		assert_non_null(strstr(e.text, bad[i])); /* names the setting */
		assert_string_equal(p.fs, "untouched");
	}
}

static void test_device_without_a_uuid(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	if (!make_disks(&t))
		skip();
	assert_int_equal(remove(tree_path(&t, "/dev/disk/by-uuid/" ROOT_UUID)), 0);
	assert_int_equal(place_resolve(&t.root, "file:/crash", false, &p, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no UUID for device 254:1"));
}

static void test_other_targets_stay_as_they_are(void **state _unused_)
{
	static const char *const targets[] = {"UUID=x:/crash", "LABEL=ukdump:/", "/dev/sda1:/x"};
	_tree_ struct tree t;

	tree_make(&t);
	for (unsigned int i = 0; i < ARRAY_SIZE(targets); i++) {
		struct ukd_error e = {0};
		struct place p;

		assert_int_equal(place_resolve(&t.root, targets[i], false, &p, &e), 0);
		assert_string_equal(p.where, targets[i]);
		assert_string_equal(p.fs, "");
		assert_string_equal(p.device, "");
	}
}

static void test_tree_that_does_not_run_gets_the_fleet_label(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	tree_make(&t);
	assert_int_equal(place_resolve(&t.root, "file:/var/crash", false, &p, &e), 0);
	assert_string_equal(p.where, "LABEL=ukdump:/");
}

/* Where the running system sees a target's directory. */
static void test_directories_of_targets(void **state _unused_)
{
	static const struct {
		const char *target, *directory; /* NULL: refused */
	} cases[] = {
		{"file:/var/crash", "/var/crash"},
		{"file:/", "/"},
		{"UUID=" ROOT_UUID ":/var/crash", "/var/crash"},
		{"UUID=" ROOT_UUID, "/"},
		{"UUID=" VAR_UUID ":/crash", "/srv/with blank\\x/crash"},
		{"UUID=" VAR_UUID, "/srv/with blank\\x"},
		{"/dev/vda2:/a/b", "/srv/with blank\\x/a/b"},
		{"UUID=nowhere:/", NULL},
		{"PARTTYPE=4f68bce3-e8cd-4db1-96e7-fbcaf984b709:/x", ""},
	};
	_tree_ struct tree t;

	if (!make_disks(&t))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		char directory[PATH_MAX];
		int r = place_directory(&t.root, cases[i].target, directory, &e);

		assert_int_equal(r, cases[i].directory ? 0 : -EBADMSG);
		if (cases[i].directory)
			assert_string_equal(directory, cases[i].directory);
	}
}

/* Only a part of the file system is mounted. */
static void test_directories_of_parts(void **state _unused_)
{
	static const struct {
		const char *target, *directory;
	} cases[] = {
		{"/dev/vda2:/a b/crash", "/bind/crash"},
		{"/dev/vda2:/a b", "/bind"},
		{"/dev/vda2:/a bc", ""},
		{"/dev/vda2:/", ""},
		{"/dev/vda1:/", ""},
	};
	_tree_ struct tree t;

	if (!make_disks(&t))
		skip();
	tree_write(&t, "/proc/self/mountinfo",
		   "31 22 254:2 /a\\040b /bind rw - ext4 /dev/vda2 rw\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		char directory[PATH_MAX];

		assert_int_equal(place_directory(&t.root, cases[i].target, directory, &e), 0);
		assert_string_equal(directory, cases[i].directory);
	}
}

static void test_path_that_is_too_long(void **state _unused_)
{
	char target[PLACE_MAX + 100] = "file:/";
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	if (!make_disks(&t))
		skip();
	for (unsigned int i = 0; i < PLACE_MAX; i++)
		target[6 + i] = i % 100 == 99 ? '/' : 'x';
	expect_refused(place_resolve(&t.root, target, false, &p, &e), &e, "target", "long path");
}

static void test_mount_tables_that_the_kernel_does_not_write(void **state _unused_)
{
	static const char *const tables[] = {"",
					     "\n",
					     "1 2 3\n",
					     "- - - - - - - - -\n",
					     "22 1 254:1 / / rw - \n",
					     "22 1 254:1 / / rw -",
					     "22 1 254:1 / \\04 rw - ext4 /dev/vda1 rw\n"};
	_tree_ struct tree t;

	tree_make(&t);
	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		struct ukd_error e = {0};
		struct place p;

		tree_write(&t, "/proc/self/mountinfo", tables[i]);
		expect_refused(place_resolve(&t.root, "file:/x", false, &p, &e), &e, "target",
			       tables[i]);
	}
}

static void test_fleet_image_takes_nothing_of_the_builder(void **state _unused_)
{
	static const struct {
		const char *target, *where;
	} cases[] = {{"file:/var/crash", "LABEL=ukdump:/"},
		     {"LABEL=elsewhere:/x", "LABEL=elsewhere:/x"},
		     {"/dev/sdz", "/dev/sdz"}};
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/proc/self/mountinfo", mountinfo);
	tree_write(&t, "/dev/disk/by-label/.keep", "");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct place p;

		assert_int_equal(place_resolve(&t.root, cases[i].target, true, &p, &e), 0);
		assert_string_equal(p.where, cases[i].where);
		assert_string_equal(p.device, "");
	}
}

/* The same disks by other names; vda3 is not mounted and has no UUID. */
static bool make_names(struct tree *t)
{
	if (!make_disks(t) || mknod(tree_path(t, "/dev/vda3"), S_IFBLK | 0600, makedev(254, 3)) < 0)
		return false;
	tree_link(t, "/dev/disk/by-label/two\\x2fparts", "../../vda2");
	tree_link(t, "/dev/disk/by-partuuid/0a1b", "../../vda1");
	tree_link(t, "/dev/disk/by-partlabel/crash", "../../vda3");
	tree_link(t, "/dev/disk/by-label/dangling", "../../vda9");
	tree_link(t, "/dev/root", "vda1");
	return true;
}

static void test_names_of_disks(void **state _unused_)
{
	static const struct {
		const char *target, *where, *fs, *device;
	} cases[] = {
		{"UUID=" ROOT_UUID ":/c", "UUID=" ROOT_UUID ":/c", "ext4", "254:1"},
		{"UUID=abcd-1234", "UUID=abcd-1234", "xfs", "254:2"},
		{"LABEL=two/parts:/", "LABEL=two/parts:/", "xfs", "254:2"},
		{"PARTUUID=0A1B:/x", "PARTUUID=0A1B:/x", "ext4", "254:1"},
		{"PARTLABEL=crash", "PARTLABEL=crash", "", "254:3"},
		{"PARTTYPE=abc:/x", "PARTTYPE=abc:/x", "", ""},
		{"/dev/vda1:/x", "UUID=" ROOT_UUID ":/x", "ext4", "254:1"},
		{"/dev/root", "UUID=" ROOT_UUID, "ext4", "254:1"},
		{"/dev/vda3:/y", "/dev/vda3:/y", "", "254:3"},
	};
	_tree_ struct tree t;

	if (!make_names(&t))
		skip();
	tree_write(
		&t, "/proc/self/mountinfo",
		"22 1 254:1 / / rw - ext4 /dev/vda1 rw\n23 1 254:2 / /b rw - xfs /dev/vda2 rw\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct place p;

		if (place_resolve(&t.root, cases[i].target, false, &p, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(p.where, cases[i].where);
		assert_string_equal(p.fs, cases[i].fs);
		assert_string_equal(p.device, cases[i].device);
	}
}

static void test_names_that_no_disk_has(void **state _unused_)
{
	static const char *const bad[] = {
		"UUID=0000", "LABEL=Two/parts", "LABEL=dangling:/x",	      "PARTUUID=0a1b2",
		"/dev/sda1", "/dev/disk:/x",	"/dev/disk/by-label/dangling"};
	_tree_ struct tree t;

	if (!make_names(&t))
		skip();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ukd_error e = {0};
		struct place p;

		expect_refused(place_resolve(&t.root, bad[i], false, &p, &e), &e, "target", bad[i]);
		assert_non_null(strstr(e.text, bad[i]));
	}
}

static void test_links_in_a_path(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	if (!make_disks(&t))
		skip();
	tree_write(&t, "/over/data/.keep", "");
	tree_link(&t, "/crash", "over/data");
	tree_link(&t, "/abs", "/over/data");
	tree_link(&t, "/nowhere", "over/missing");
	assert_int_equal(place_resolve(&t.root, "file:/crash", false, &p, &e), 0);
	assert_string_equal(p.where, "UUID=" VAR_UUID ":/data");
	assert_int_equal(place_resolve(&t.root, "file:/abs/new/er", false, &p, &e), 0);
	assert_string_equal(p.where, "UUID=" VAR_UUID ":/data/new/er");
	expect_refused(place_resolve(&t.root, "file:/nowhere/x", false, &p, &e), &e, "target",
		       "dangling link");
	expect_refused(place_resolve(&t.root, "file:/new/../over", false, &p, &e), &e, "target",
		       "..");
}

static void test_file_systems(void **state _unused_)
{
	static const char *const bad[] = {"vfat", "f2fs", "ext2", "zfs"};
	_tree_ struct tree t;
	char line[128];

	if (!make_names(&t))
		skip();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		static const char *const targets[] = {"file:/x", "PARTUUID=0a1b", "/dev/vda1"};

		(void)snprintf(line, sizeof(line), "22 1 254:1 / / rw - %s /dev/vda1 rw\n", bad[i]);
		tree_write(&t, "/proc/self/mountinfo", line);
		for (unsigned int k = 0; k < ARRAY_SIZE(targets); k++) {
			struct ukd_error e = {0};
			struct place p;

			expect_refused(place_resolve(&t.root, targets[k], false, &p, &e), &e,
				       "target", bad[i]);
			assert_non_null(strstr(e.text, bad[i]));
		}
	}
}

static void test_btrfs_of_two_devices(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	if (!make_disks(&t))
		skip();
	tree_write(&t, "/sys/fs/btrfs/features/x", "1\n");
	tree_write(&t, "/sys/fs/btrfs/u1/devices/vda2/dev", "254:2\n");
	tree_write(&t, "/sys/fs/btrfs/u2/devices/vdb/dev", "254:21\n");
	tree_write(&t, "/sys/fs/btrfs/u2/devices/vdc/dev", "254:22\n");
	assert_int_equal(place_resolve(&t.root, "file:/var/crash", false, &p, &e), 0);
	tree_write(&t, "/sys/fs/btrfs/u1/devices/vdb/dev", "254:16\n");
	expect_refused(place_resolve(&t.root, "file:/var/crash", false, &p, &e), &e, "target",
		       "two devices");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_on_disks),
		cmocka_unit_test(test_paths_that_a_capture_environment_cannot_find),
		cmocka_unit_test(test_device_without_a_uuid),
		cmocka_unit_test(test_other_targets_stay_as_they_are),
		cmocka_unit_test(test_tree_that_does_not_run_gets_the_fleet_label),
		cmocka_unit_test(test_directories_of_targets),
		cmocka_unit_test(test_directories_of_parts),
		cmocka_unit_test(test_path_that_is_too_long),
		cmocka_unit_test(test_mount_tables_that_the_kernel_does_not_write),
		cmocka_unit_test(test_fleet_image_takes_nothing_of_the_builder),
		cmocka_unit_test(test_names_of_disks),
		cmocka_unit_test(test_names_that_no_disk_has),
		cmocka_unit_test(test_links_in_a_path),
		cmocka_unit_test(test_file_systems),
		cmocka_unit_test(test_btrfs_of_two_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
