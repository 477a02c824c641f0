// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/target.c: from a path to the device, the path on it and its drivers, on fixture trees
 * with device nodes (the tests are skipped where mknod(2) is not allowed).
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

		if (place_resolve(&t.root, cases[i].target, &p, &e) < 0)
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

		expect_refused(place_resolve(&t.root, bad[i], &p, &e), &e, "target", bad[i]);
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
	assert_int_equal(place_resolve(&t.root, "file:/crash", &p, &e), -ENOENT);
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

		assert_int_equal(place_resolve(&t.root, targets[i], &p, &e), 0);
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
	assert_int_equal(place_resolve(&t.root, "file:/var/crash", &p, &e), 0);
	assert_string_equal(p.where, "LABEL=ukdump:/");
}

static void test_path_that_is_too_long(void **state _unused_)
{
	char target[PLACE_MAX + 100] = "file:/";
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct place p;

	if (!make_disks(&t))
		skip();
	memset(target + 6, 'x', PLACE_MAX);
	expect_refused(place_resolve(&t.root, target, &p, &e), &e, "target", "long path");
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
		expect_refused(place_resolve(&t.root, "file:/x", &p, &e), &e, "target", tables[i]);
	}
}

static int collect(void *ctx, const char *module, struct ukd_error *e)
{
	char *list = ctx;

	if (!strcmp(module, "bad"))
		return ukd_fail(e, -EIO, "bad");
	strcat(strcat(list, module), " ");
	return 0;
}

static void make_sysfs(struct tree *t)
{
	tree_make(t);
	tree_write(t, "/sys/devices/pci0000:00/0000:00:03.0/virtio1/block/vda/vda1/dev", "254:1\n");
	tree_link(t, "/sys/dev/block/254:1",
		  "../../devices/pci0000:00/0000:00:03.0/virtio1/block/vda/vda1");
	tree_write(t, "/sys/bus/pci/drivers/virtio-pci/x", "");
	tree_write(t, "/sys/bus/virtio/drivers/virtio_blk/x", "");
	tree_link(t, "/sys/bus/pci/drivers/virtio-pci/module", "../../../../module/virtio_pci");
	tree_link(t, "/sys/bus/virtio/drivers/virtio_blk/module", "../../../../module/virtio_blk");
	tree_link(t, "/sys/devices/pci0000:00/0000:00:03.0/driver",
		  "../../../bus/pci/drivers/virtio-pci");
	tree_link(t, "/sys/devices/pci0000:00/0000:00:03.0/virtio1/driver",
		  "../../../../bus/virtio/drivers/virtio_blk");
}

static void test_drivers_from_the_bus_down(void **state _unused_)
{
	struct place p = {.device = "254:1"};
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(place_drivers(&t.root, &p, collect, list, &e), 0);
	assert_string_equal(list, "virtio_pci virtio_blk ");
}

static void test_drivers_of_no_device(void **state _unused_)
{
	struct place none = {.where = "LABEL=ukdump:/"}, gone = {.device = "8:1"};
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(place_drivers(&t.root, &none, collect, list, &e), 0);
	assert_int_equal(place_drivers(&t.root, &gone, collect, list, &e), -ENOENT);
	assert_string_equal(list, "");
	tree_link(&t, "/sys/dev/block/8:2", "x"); /* shorter than any real one */
	(void)snprintf(gone.device, sizeof(gone.device), "8:2");
	assert_int_equal(place_drivers(&t.root, &gone, collect, list, &e), 0);
	assert_string_equal(list, "");
}

static void test_driver_that_cannot_be_added_ends_it(void **state _unused_)
{
	struct place p = {.device = "254:1"};
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(remove(tree_path(&t, "/sys/bus/pci/drivers/virtio-pci/module")), 0);
	tree_link(&t, "/sys/bus/pci/drivers/virtio-pci/module", "../../../../module/bad");
	assert_int_equal(place_drivers(&t.root, &p, collect, list, &e), -EIO);
	assert_string_equal(list, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_on_disks),
		cmocka_unit_test(test_paths_that_a_capture_environment_cannot_find),
		cmocka_unit_test(test_device_without_a_uuid),
		cmocka_unit_test(test_other_targets_stay_as_they_are),
		cmocka_unit_test(test_tree_that_does_not_run_gets_the_fleet_label),
		cmocka_unit_test(test_path_that_is_too_long),
		cmocka_unit_test(test_mount_tables_that_the_kernel_does_not_write),
		cmocka_unit_test(test_drivers_from_the_bus_down),
		cmocka_unit_test(test_drivers_of_no_device),
		cmocka_unit_test(test_driver_that_cannot_be_added_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
