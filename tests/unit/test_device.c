// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/device.c: the drivers of a device, from the bus down. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

static int collect(void *ctx, const char *module, bool loadable, struct ukd_error *e)
{
	char *list = ctx;

	if (!strcmp(module, "bad"))
		return ukd_fail(e, -EIO, "bad");
	strcat(strcat(list, module), loadable ? " " : "(built in) ");
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
	tree_write(t, "/sys/module/virtio_pci/parameters/x", "");
	tree_write(t, "/sys/module/virtio_blk/initstate", "live\n");
	tree_link(t, "/sys/bus/pci/drivers/virtio-pci/module", "../../../../module/virtio_pci");
	tree_link(t, "/sys/bus/virtio/drivers/virtio_blk/module", "../../../../module/virtio_blk");
	tree_link(t, "/sys/devices/pci0000:00/0000:00:03.0/driver",
		  "../../../bus/pci/drivers/virtio-pci");
	tree_link(t, "/sys/devices/pci0000:00/0000:00:03.0/virtio1/driver",
		  "../../../../bus/virtio/drivers/virtio_blk");
}

static void test_drivers_from_the_bus_down(void **state _unused_)
{
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(device_drivers(&t.root, "254:1", collect, list, &e), 0);
	assert_string_equal(list, "virtio_pci(built in) virtio_blk ");
}

static void test_drivers_of_no_device(void **state _unused_)
{
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(device_drivers(&t.root, "8:1", collect, list, &e), -ENOENT);
	tree_link(&t, "/sys/dev/block/8:2", "x"); /* shorter than any real one */
	expect_refused(device_drivers(&t.root, "8:2", collect, list, &e), &e, "target", "x");
	assert_string_equal(list, "");
}

static void test_driver_that_cannot_be_added_ends_it(void **state _unused_)
{
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	make_sysfs(&t);
	assert_int_equal(remove(tree_path(&t, "/sys/bus/pci/drivers/virtio-pci/module")), 0);
	tree_link(&t, "/sys/bus/pci/drivers/virtio-pci/module", "../../../../module/bad");
	assert_int_equal(device_drivers(&t.root, "254:1", collect, list, &e), -EIO);
	assert_string_equal(list, "");
}

static void test_disks_that_nothing_here_connects_to(void **state _unused_)
{
	static const struct {
		const char *path, *word;
	} cases[] = {
		{"virtual/nvme-fabrics/ctl/nvme0/nvme0n1", "nvme0n1 (NVMe over a network)"},
		{"virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme0n1 (NVMe over a network)"},
		{"rbd/0/block/rbd0", "rbd0 (no driver is known)"},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		char list[256] = "", path[256];
		_tree_ struct tree t;

		tree_make(&t);
		(void)snprintf(path, sizeof(path), "/sys/devices/%s/dev", cases[i].path);
		tree_write(&t, path, "9:9\n");
		(void)snprintf(path, sizeof(path), "../../devices/%s", cases[i].path);
		tree_link(&t, "/sys/dev/block/9:9", path);
		expect_refused(device_drivers(&t.root, "9:9", collect, list, &e), &e, "target",
			       cases[i].word);
		assert_non_null(strstr(e.text, cases[i].word));
		assert_non_null(strstr(e.text, "set another Target="));
		assert_string_equal(list, "");
	}
}

#define SUBSYSTEM "/sys/devices/virtual/nvme-subsystem/nvme-subsys0"

static void test_nvme_multipath_has_its_controllers_drivers(void **state _unused_)
{
	struct ukd_error e = {0};
	char list[256] = "";
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, SUBSYSTEM "/nvme0n1/nvme0n1p2/dev", "259:2\n");
	tree_write(&t, SUBSYSTEM "/model", "x\n");
	tree_link(&t, "/sys/dev/block/259:2",
		  "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p2");
	tree_link(&t, SUBSYSTEM "/nvme1", "../../nvme-fabrics/ctl/nvme1");
	tree_link(&t, SUBSYSTEM "/nvme0", "../../../pci0000:00/0000:00:04.0/nvme/nvme0");
	tree_write(&t, "/sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/x", "");
	tree_write(&t, "/sys/bus/pci/drivers/nvme/x", "");
	tree_write(&t, "/sys/module/nvme/initstate", "live\n");
	tree_link(&t, "/sys/bus/pci/drivers/nvme/module", "../../../../module/nvme");
	tree_link(&t, "/sys/devices/pci0000:00/0000:00:04.0/driver",
		  "../../../bus/pci/drivers/nvme");
	if (device_drivers(&t.root, "259:2", collect, list, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(list, "nvme ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drivers_from_the_bus_down),
		cmocka_unit_test(test_drivers_of_no_device),
		cmocka_unit_test(test_driver_that_cannot_be_added_ends_it),
		cmocka_unit_test(test_disks_that_nothing_here_connects_to),
		cmocka_unit_test(test_nvme_multipath_has_its_controllers_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
