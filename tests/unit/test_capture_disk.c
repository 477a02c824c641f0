// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Captures to real file systems on loop devices: found by label, UUID and name, mounted, filled up.
 * Needs root, loop devices and mkfs; what is missing is skipped and says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capture/capture.h"
#include "fixture_capture.h"
#include "util/cleanup.h"

#define UUID "6f2c3f0e-5f0b-4e6e-9a51-0d1b6a8f7c11"
#define NAME "/run/ukdump/target/crash/20261121T183822Z-unknown"

struct disk {
	struct tree tree;
	struct capture c;
	char loop[64]; /* /dev/loopN, or empty */
};

static int setup(void **state)
{
	struct disk *d = calloc(1, sizeof(*d));
	struct ukd_error e;

	(void)umask(077);
	tree_make(&d->tree);
	d->c.root = &d->tree.root;
	assert_int_equal(settings_init(&d->c.settings, &e), 0);
	d->c.settings.store.keep_free = 0;
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct disk *d = *state;
	char command[128];

	(void)umount2(tree_path(&d->tree, "/run/ukdump/target"), MNT_DETACH);
	(void)snprintf(command, sizeof(command), "losetup -d %s", d->loop);
	if (d->loop[0])
		assert_int_equal(system(command), 0);
	settings_free(&d->c.settings);
	tree_remove(&d->tree);
	free(d);
	return 0;
}

/* Runs a command in the tree; false if it fails. */
static bool shell(const struct disk *d, const char *command)
{
	char line[1400];

	(void)snprintf(line, sizeof(line),
		       "cd %s && PATH=$PATH:/usr/sbin:/sbin && { %s; } >/dev/null 2>&1",
		       d->tree.path, command);
	return system(line) == 0;
}

static void attach(struct disk *d)
{
	_buffer_ struct buffer b = {0};
	char table[128];
	struct ukd_error e;
	struct stat st;

	if (getuid() != 0 || !shell(d, "losetup -f --show disk >loop")) {
		print_message("no loop device here\n");
		skip();
	}
	assert_int_equal(root_read(&d->tree.root, "/loop", 60, &b, &e), 0);
	(void)snprintf(d->loop, sizeof(d->loop), "%.*s", (int)strcspn((char *)b.data, "\n"),
		       (char *)b.data);
	assert_int_equal(stat(d->loop, &st), 0);
	assert_int_equal(mknod(tree_path(&d->tree, d->loop), S_IFBLK | 0600, st.st_rdev), 0);
	(void)snprintf(table, sizeof(table),
		       "major minor  #blocks  name\n\n   1   0   4096 ram0\n   7   0   4096 %s\n",
		       d->loop + strlen("/dev/"));
	tree_write(&d->tree, "/proc/partitions", table);
}

static void make_disk(struct disk *d, const char *size, const char *mkfs)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "truncate -s %s disk && %s disk", size, mkfs);
	if (!shell(d, command)) {
		print_message("cannot run %s\n", mkfs);
		skip();
	}
	attach(d);
}

static enum dump_state run(struct disk *d, const char *target)
{
	struct ukd_error e;
	char conf[512];
	int n = snprintf(conf, sizeof(conf), "[Dump]\nTarget=%s\nTimeoutSec=20\n", target);

	assert_int_equal(settings_parse(&d->c.settings, (struct bytes){(uint8_t *)conf, (size_t)n},
					"t", &e),
			 0);
	budget_start(&d->c.budget, d->c.settings.dump.timeout_s);
	return capture_run(&d->c);
}

static const char *reason(const struct disk *d)
{
	return d->c.record.targets[0].reason;
}

/* Mounts the disk again and looks for a file of the dump. */
static bool disk_has(struct disk *d, const char *fs, const char *name, uint64_t *ret_size)
{
	char path[256];
	struct stat st;
	bool found;

	assert_int_equal(
		mount(d->loop, tree_path(&d->tree, "/run/ukdump/target"), fs, MS_RDONLY, NULL), 0);
	(void)snprintf(path, sizeof(path), NAME "/%s", name);
	found = stat(tree_path(&d->tree, path), &st) == 0;
	if (found && ret_size)
		*ret_size = (uint64_t)st.st_size;
	assert_int_equal(umount2(tree_path(&d->tree, "/run/ukdump/target"), 0), 0);
	return found;
}

static void save_to(struct disk *d, const char *size, const char *mkfs, const char *fs,
		    const char *target)
{
	make_disk(d, size, mkfs);
	tree_makedumpfile(&d->tree, "cp @/good \"$out\"");
	if (run(d, target) != STATE_COMPLETE)
		fail_msg("%s: %s", target, reason(d));
	assert_string_equal(d->c.record.targets[0].device, d->loop);
	assert_true(disk_has(d, fs, "vmcore", NULL));
	assert_true(disk_has(d, fs, "dmesg.txt", NULL));
	assert_true(disk_has(d, fs, "manifest.json", NULL));
	assert_false(disk_has(d, fs, "vmcore-incomplete", NULL));
}

static void test_ext4_by_label(void **state)
{
	save_to(*state, "16M", "mkfs.ext4 -q -F -L ukdump", "ext4", "LABEL=ukdump:/crash");
}

static void test_ext4_by_uuid(void **state)
{
	save_to(*state, "16M", "mkfs.ext4 -q -F -U " UUID, "ext4", "UUID=" UUID ":/crash");
}

static void test_xfs(void **state)
{
	save_to(*state, "320M", "mkfs.xfs -q -f -m uuid=" UUID, "xfs", "UUID=" UUID ":/crash");
}

static void test_btrfs(void **state)
{
	save_to(*state, "160M", "mkfs.btrfs -q -f -U " UUID, "btrfs", "UUID=" UUID ":/crash");
}

static void test_by_name(void **state)
{
	struct disk *d = *state;
	char target[96];

	make_disk(d, "16M", "mkfs.ext4 -q -F");
	tree_makedumpfile(&d->tree, "cp @/good \"$out\"");
	(void)snprintf(target, sizeof(target), "%s:/crash", d->loop);
	assert_int_equal(run(d, target), STATE_COMPLETE);
}

/* Never mounted: a type that is not ours, nothing at all. */
static void test_foreign_type(void **state)
{
	struct disk *d = *state;

	make_disk(d, "16M", "mkfs.ext2 -q -F -L ukdump");
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_FAILED);
	assert_non_null(strstr(reason(d), "holds ext2, not ext4"));
}

static void test_empty_device(void **state)
{
	struct disk *d = *state;
	char target[96];

	make_disk(d, "16M", "true");
	(void)snprintf(target, sizeof(target), "%s:/crash", d->loop);
	assert_int_equal(run(d, target), STATE_FAILED);
	assert_non_null(strstr(reason(d), "holds nothing known"));
}

static void test_damaged_file_system(void **state)
{
	struct disk *d = *state;

	make_disk(d, "16M",
		  "mkfs.ext4 -q -F -O ^metadata_csum,^uninit_bg -L ukdump disk && "
		  "dd if=/dev/urandom of=disk bs=1k seek=2 count=1000 conv=notrunc && :");
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_FAILED);
	assert_non_null(strstr(reason(d), "(ext4)"));
	assert_non_null(strstr(reason(d), "mount"));
}

/* A core larger than the disk: makedumpfile fails, a copy does not fit, so what fits is kept. */
static void test_disk_full(void **state)
{
	struct disk *d = *state;
	struct record *r = &d->c.record;
	uint64_t size;

	make_disk(d, "16M", "mkfs.ext4 -q -F -L ukdump");
	assert_int_equal(truncate(tree_path(&d->tree, "/good"), 0), 0);
	assert_true(shell(d, "chmod 600 proc/vmcore && dd if=/dev/zero of=proc/vmcore bs=1M "
			     "count=40 oflag=append conv=notrunc"));
	tree_makedumpfile(&d->tree, "echo 'No space left' >&2; exit 1");
	d->c.settings.store.keep_free = MIB(2);
	/* The program header has to promise what the file does not keep: 40 MiB of memory. */
	assert_true(shell(d, "printf '\\0\\0\\200\\2' | dd of=proc/vmcore bs=1 seek=152 "
			     "conv=notrunc"));
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_PARTIAL);
	assert_string_equal(r->collector.args[0], "copy");
	assert_int_equal(r->collector.exit, -1);
	assert_non_null(strstr(reason(d), "no space left"));
	assert_true(disk_has(d, "ext4", "vmcore-incomplete", &size));
	assert_false(disk_has(d, "ext4", "vmcore", NULL));
	assert_true(disk_has(d, "ext4", "dmesg.txt", NULL));
	assert_int_equal(size, r->bytes);
	assert_in_range(size, MIB(8), MIB(14)); /* 2 MiB stay free, the rest is used */
}

/* A disk that old dumps have filled: the oldest goes before the next is written. */
static void test_room_is_made(void **state)
{
	struct disk *d = *state;

	tree_write(&d->tree, "/etc/ukdump/build.conf", "machine_id=0123abc\n");
	/* With the directory that disk_has() counts names from. */
	assert_true(shell(d, "mkdir -p old/crash && cd old/crash && mkdir 20261121T183822Z-unknown "
			     "20261101T000000Z-0123abc 20261102T000000Z-0123abc && for i in *abc; "
			     "do dd if=/dev/urandom of=$i/vmcore bs=1M count=5; done"));
	assert_true(shell(d,
			  "for i in good proc/vmcore; do "
			  "dd if=/dev/zero of=$i bs=1M count=4 oflag=append conv=notrunc; done"));
	make_disk(d, "16M", "mkfs.ext4 -q -F -m 0 -L ukdump -d old");
	d->c.settings.store.keep_free = MIB(1);
	tree_makedumpfile(&d->tree, "cp @/good \"$out\"");
	if (run(d, "LABEL=ukdump:/crash") != STATE_COMPLETE)
		fail_msg("%s", reason(d));
	assert_string_equal(d->c.record.stages[3].name, "retention");
	assert_string_equal(d->c.record.stages[3].reason,
			    "removed 1 (5.0 MiB): 20261101T000000Z-0123abc");
	assert_true(disk_has(d, "ext4", "../20261121T183822Z-0123abc/vmcore", NULL));
	assert_true(disk_has(d, "ext4", "../20261102T000000Z-0123abc/vmcore", NULL));
	assert_false(disk_has(d, "ext4", "../20261101T000000Z-0123abc", NULL));
}

/*
 * The same file system shows on what a stacked device is made of. A target that is on one is
 * not looked for on disks, and a device that another one holds is none.
 */
static void test_parts_of_other_devices(void **state)
{
	struct disk *d = *state;
	char path[128];

	make_disk(d, "16M", "mkfs.ext4 -q -F -L ukdump");
	(void)snprintf(path, sizeof(path), "/sys/class/block/%s/holders/dm-0",
		       d->loop + strlen("/dev/"));
	tree_write(&d->tree, path, "");
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_FAILED);
	assert_non_null(strstr(reason(d), "no device LABEL=ukdump"));
	assert_int_equal(remove(tree_path(&d->tree, path)), 0);
	memset(&d->c.record, 0, sizeof(d->c.record));
	tree_write(&d->tree, "/etc/ukdump/build.conf",
		   "target.0=LABEL=ukdump:/crash\n"
		   "layer.0=/dev/disk/by-id/dm-uuid-x LVM volume vg/lv\n");
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_FAILED);
	assert_non_null(strstr(reason(d), "LVM volume vg/lv is not there"));
}

/* makedumpfile stops at the limit itself and leaves a dump marked incomplete: kept, not copied. */
static void test_incomplete_dump(void **state)
{
	struct disk *d = *state;

	make_disk(d, "16M", "mkfs.ext4 -q -F -L ukdump");
	assert_true(shell(d, "dd if=/dev/zero of=proc/vmcore bs=1M count=40 oflag=append "
			     "conv=notrunc"));
	tree_makedumpfile(&d->tree, "cp @/good \"$out\"; printf '\\050' | dd of=\"$out\" bs=1 "
				    "seek=424 conv=notrunc 2>/dev/null; exit 1");
	assert_int_equal(run(d, "LABEL=ukdump:/crash"), STATE_PARTIAL);
	assert_int_equal(d->c.record.collector.attempts, 1);
	assert_true(disk_has(d, "ext4", "vmcore-incomplete", NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ext4_by_label),
		TEST(test_ext4_by_uuid),
		TEST(test_xfs),
		TEST(test_btrfs),
		TEST(test_by_name),
		TEST(test_foreign_type),
		TEST(test_empty_device),
		TEST(test_damaged_file_system),
		TEST(test_room_is_made),
		TEST(test_disk_full),
		TEST(test_incomplete_dump),
		TEST(test_parts_of_other_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
