// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/need_storage.c and need_iscsi.c: what an image needs for what devices are made of. */
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
#include "fixture_storage.h"
#include "fixture_tree.h"

#define SESSION_DISK "/sys/devices/platform/host2/session7/target2:0:0/2:0:0:3/block/sda"

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
