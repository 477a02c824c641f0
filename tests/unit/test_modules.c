// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/modules.c: load order from modules.dep, names, built-in and missing modules. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/makedumpfile.h"
#include "build/modules.h"
#include "fixture_tree.h"

#define DIR "/usr/lib/modules/6.1/"

/* As depmod writes it: all that a module needs, the last to be loaded first. */
static const char dep[] =
	"kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz "
	"kernel/lib/crc16.ko.xz\n"
	"kernel/fs/jbd2/jbd2.ko.xz:\n"
	"kernel/fs/mbcache.ko.xz:\n"
	"kernel/lib/crc16.ko.xz:\n"
	"kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko "
	"kernel/drivers/virtio/virtio.ko\n"
	"kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n"
	"kernel/drivers/virtio/virtio.ko:\n"
	"kernel/crypto/sha1-generic.ko.zst:\n"
	"updates/dkms/zfs.ko: kernel/lib/crc16.ko.xz\n";

static const char builtin[] = "kernel/drivers/ata/ahci.ko\nkernel/fs/xfs/xfs.ko\n";

static void tree_with(struct tree *t, struct module_tree **m, const char *deps)
{
	struct ukd_error e = {0};

	tree_make(t);
	tree_write(t, DIR "modules.dep", deps);
	tree_write(t, DIR "modules.builtin", builtin);
	if (module_tree_load(&t->root, "6.1", m, &e) < 0)
		fail_msg("%s", e.text);
}

static void expect(const char *deps, const char *name, int ret, const char *list)
{
	_module_tree_ struct module_tree *m = NULL;
	_buffer_ struct buffer b = {0};
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_with(&t, &m, deps);
	assert_int_equal(module_add(m, name, &b, &e), ret);
	assert_string_equal(b.data ? (char *)b.data : "", list);
	assert_int_equal(b.len, strlen(list));
}

static void test_what_is_needed_comes_first(void **state _unused_)
{
	expect(dep, "ext4", 1,
	       DIR "kernel/lib/crc16.ko.xz\n" DIR "kernel/fs/mbcache.ko.xz\n" DIR
		   "kernel/fs/jbd2/jbd2.ko.xz\n" DIR "kernel/fs/ext4/ext4.ko.xz\n");
	expect(dep, "jbd2", 1, DIR "kernel/fs/jbd2/jbd2.ko.xz\n");
}

static void test_dash_and_underscore_are_one(void **state _unused_)
{
	const char *list = DIR "kernel/drivers/virtio/virtio.ko\n" DIR
			       "kernel/drivers/virtio/virtio_ring.ko\n" DIR
			       "kernel/drivers/block/virtio_blk.ko\n";

	expect(dep, "virtio_blk", 1, list);
	expect(dep, "virtio-blk", 1, list);
	expect(dep, "sha1_generic", 1, DIR "kernel/crypto/sha1-generic.ko.zst\n");
}

static void test_built_in_adds_nothing(void **state _unused_)
{
	expect(dep, "ahci", 1, "");
	expect(dep, "xfs", 1, "");
}

static void test_missing_is_told(void **state _unused_)
{
	static const char *const names[] = {"btrfs", "ext", "xt4", "ext4.ko", "kernel/fs/ext4/ext4",
					    "",	     "crc"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(dep, names[i], 0, "");
}

static void test_each_once(void **state _unused_)
{
	_module_tree_ struct module_tree *m = NULL;
	_buffer_ struct buffer b = {0};
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_with(&t, &m, dep);
	assert_int_equal(module_add(m, "virtio_ring", &b, &e), 1);
	assert_int_equal(module_add(m, "virtio_blk", &b, &e), 1);
	assert_int_equal(module_add(m, "virtio", &b, &e), 1);
	assert_int_equal(module_add(m, "zfs", &b, &e), 1);
	assert_int_equal(module_add(m, "ext4", &b, &e), 1);
	assert_string_equal((char *)b.data,
			    DIR "kernel/drivers/virtio/virtio.ko\n" DIR
				"kernel/drivers/virtio/virtio_ring.ko\n" DIR
				"kernel/drivers/block/virtio_blk.ko\n" DIR
				"kernel/lib/crc16.ko.xz\n" DIR "updates/dkms/zfs.ko\n" DIR
				"kernel/fs/mbcache.ko.xz\n" DIR "kernel/fs/jbd2/jbd2.ko.xz\n" DIR
				"kernel/fs/ext4/ext4.ko.xz\n");
}

static void test_one_name_is_the_beginning_of_another(void **state _unused_)
{
	/* the longer path is in the list first */
	expect("k/dm-mod-extra.ko: k/dm-mod.ko.xz k/dm-mod.ko\nk/dm-mod.ko:\n", "dm_mod_extra", 1,
	       DIR "k/dm-mod.ko\n" DIR "k/dm-mod.ko.xz\n" DIR "k/dm-mod-extra.ko\n");
	expect("k/b.ko: k/a.ko k/a.ko.xz\n", "b", 1,
	       DIR "k/a.ko.xz\n" DIR "k/a.ko\n" DIR "k/b.ko\n");
}

static void test_lines_that_depmod_does_not_write(void **state _unused_)
{
	expect("", "ext4", 0, "");
	expect("\n\n:\n", "ext4", 0, "");
	expect("k/a.ko", "a", 1, DIR "k/a.ko\n"); /* no colon, no line feed */
	expect("k/a.ko:   k/b.ko  \n", "a", 1, DIR "k/b.ko\n" DIR "k/a.ko\n");
	expect("a.ko:\n", "a", 1, DIR "a.ko\n"); /* no directory */
}

static void test_no_index(void **state _unused_)
{
	struct module_tree *m = NULL;
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_make(&t);
	assert_int_equal(module_tree_load(&t.root, "6.1", &m, &e), -ENOENT);
	assert_non_null(strstr(e.text, "run 'depmod 6.1'"));
	assert_null(m);
	tree_write(&t, DIR "modules.dep", "k/a.ko:\n"); /* builtin may be missing */
	assert_int_equal(module_tree_load(&t.root, "6.1", &m, &e), 0);
	module_tree_free(m);
}

static int join(void *ctx, const char *alias, struct ukd_error *e)
{
	char *text = ctx;

	(void)e;
	(void)strcat(strcat(text, alias), "|");
	return 0;
}

static void test_aliases(void **state _unused_)
{
	_module_tree_ struct module_tree *m = NULL;
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char text[256] = "";

	tree_make(&t);
	tree_write(&t, DIR "modules.dep", "k/a-b.ko:\n");
	tree_write(&t, DIR "modules.alias",
		   "# Aliases\nalias pci:v0000* a_b\nalias pci:v0001* a_bc\nalias x y a_b\n"
		   "alias pci:v0002* other\nalias  a_b\nalias fs-a a_b");
	assert_int_equal(module_tree_load(&t.root, "6.1", &m, &e), 0);
	assert_int_equal(module_aliases(m, "a-b", join, text, &e), 0);
	assert_string_equal(text, "pci:v0000*|x y|fs-a|");
}

static void test_makedumpfile_and_kernels(void **state _unused_)
{
	static const struct {
		const char *tool, *kernel, *word;
	} cases[] = {
		{"1.7.6", "6.12.107+deb13-amd64", "larger than needed"},
		{"1.7.5", "6.13.0", "larger than needed"},
		{"1.7.6", "6.11.300", NULL},
		{"1.7.7", "6.12.0", NULL},
		{"1.7.9", "7.0.9", NULL},
		{"1.7.9", "7.1.0-rc1", "is a guess; DumpLevel=1"},
		{"1.7.6", "7.1", "is a guess"},
		{"1.7.10", "7.1", NULL},
		{"x", "7.1", NULL},
		{"1.7.6", "custom", NULL},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		const char *problem;

		(void)snprintf(text, sizeof(text), "makedumpfile: version %s (released on x)\n",
			       cases[i].tool);
		problem = makedumpfile_problem(text, cases[i].kernel, 31);
		if (cases[i].word)
			assert_non_null(strstr(problem ? problem : "", cases[i].word));
		else
			assert_null(problem);
	}
	assert_null(makedumpfile_problem("", "7.1", 31));
	assert_non_null(makedumpfile_problem("version 1.7.9", "7.1", 2));
	assert_null(makedumpfile_problem("version 1.7.9", "7.1", 1)); /* leaves out zeroes only */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_needed_comes_first),
		cmocka_unit_test(test_dash_and_underscore_are_one),
		cmocka_unit_test(test_built_in_adds_nothing),
		cmocka_unit_test(test_missing_is_told),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_one_name_is_the_beginning_of_another),
		cmocka_unit_test(test_lines_that_depmod_does_not_write),
		cmocka_unit_test(test_no_index),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_makedumpfile_and_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
