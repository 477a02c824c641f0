// SPDX-License-Identifier: GPL-2.0-or-later
/* src/util/file.c and root.c: files, snapshots, publishing, roots. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_tree.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/root.h"

/* In place of libc's: the kernels that tests run on can seldom mount FAT. */
static char statfs_asked[256];
static long statfs_type;

int statfs(const char *path, struct statfs *ret)
{
	(void)snprintf(statfs_asked, sizeof(statfs_asked), "%s", path);
	*ret = (struct statfs){.f_type = strcmp(path, ".") ? statfs_type : EXT4_SUPER_MAGIC};
	return 0;
}

/* An image with keys does not go to an ESP. */
static void test_files_with_secrets_do_not_go_to_fat(void **state _unused_)
{
	struct ukd_error e = {0};

	statfs_type = EXT4_SUPER_MAGIC;
	assert_int_equal(file_check_private("/boot/efi/x.efi", &e), 0);
	statfs_type = MSDOS_SUPER_MAGIC;
	assert_true(file_check_private("/boot/efi/x.efi", &e) < 0);
	assert_string_equal(e.check, "file.private");
	assert_string_equal(statfs_asked, "/boot/efi/");
	assert_true(file_check_private("/x.efi", &e) < 0);
	assert_string_equal(statfs_asked, "/");
	assert_int_equal(file_check_private("x.efi", &e), 0);
	assert_string_equal(statfs_asked, ".");
}

/* An image of mode 0600 may hold keys: a copy is refused there, unless it lies there itself. */
static void test_copies_of_private_files(void **state _unused_)
{
	char name[] = "ukdump-test-XXXXXX", path[64];
	struct ukd_error e = {0};
	bool is_private;
	_close_ int fd = -1;

	assert_int_equal(chdir("/tmp"), 0);
	fd = mkstemp(name);
	(void)snprintf(path, sizeof(path), "/tmp/%s", name);
	statfs_type = MSDOS_SUPER_MAGIC;
	assert_int_equal(file_check_copy(name, "/boot/efi/x.efi", &is_private, &e), -EBADMSG);
	assert_string_equal(e.check, "file.private");
	assert_non_null(strstr(e.text, "(mode 0600)"));
	assert_int_equal(file_check_copy(name, "x.efi", &is_private, &e), 0);
	assert_true(is_private);
	assert_int_equal(file_check_copy(path, "/boot/efi/x.efi", &is_private, &e), 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(file_check_copy(name, "/boot/efi/x.efi", &is_private, &e), 0);
	assert_false(is_private);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(file_check_copy(name, "x.efi", &is_private, &e), -ENOENT);
}

static void expect_type_refused(const struct tree *t, const char *path)
{
	struct ukd_error e = {0};
	uint64_t size;
	int fd = -1;

	expect_refused(file_open_regular(AT_FDCWD, tree_path(t, path), &fd, &size, &e), &e,
		       "file.type", path);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(e.text, path));
}

static void test_only_regular_files_are_opened(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	uint64_t size;
	_close_ int fd = -1;
	uint64_t begin = clock_ms();

	tree_make(&t);
	tree_write(&t, "/dir/file", "12345");
	tree_link(&t, "/link", "dir/file");
	assert_int_equal(mkfifo(tree_path(&t, "/fifo"), 0600), 0);
	expect_type_refused(&t, "/dir");
	expect_type_refused(&t, "/fifo"); /* nobody writes: must not wait */
	if (mknod(tree_path(&t, "/device"), S_IFCHR | 0600, makedev(1, 5)) == 0)
		expect_type_refused(&t, "/device");
	assert_true(clock_ms() - begin < 5000);
	assert_int_equal(file_open_regular(AT_FDCWD, "/dev/null", &fd, &size, &e), -EBADMSG);
	assert_int_equal(file_open_regular(AT_FDCWD, tree_path(&t, "/no"), &fd, &size, &e),
			 -ENOENT);
	assert_int_equal(file_open_regular(AT_FDCWD, tree_path(&t, "/link"), &fd, &size, &e), 0);
	assert_int_equal(size, 5);
}

static void test_read_limits(void **state _unused_)
{
	_tree_ struct tree t;
	char text[8193];

	tree_make(&t);
	memset(text, 'x', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len = len * 2 + 1) {
		_buffer_ struct buffer b = {0}, c = {0};
		struct ukd_error e = {0};

		tree_write_bytes(&t, "/f", (struct bytes){(uint8_t *)text, len});
		assert_int_equal(file_read(AT_FDCWD, tree_path(&t, "/f"), len, &b, &e), 0);
		assert_int_equal(b.len, len);
		assert_int_equal(b.data[len], 0);
		if (!len)
			continue;
		assert_int_equal(file_read(AT_FDCWD, tree_path(&t, "/f"), len - 1, &c, &e), -EFBIG);
		assert_null(c.data);
		assert_non_null(strstr(e.text, "larger than the limit of"));
	}
}

static void test_files_without_a_size_are_read(void **state _unused_)
{
	_buffer_ struct buffer b = {0}, c = {0};
	struct ukd_error e = {0};

	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", MIB(1), &b, &e), 0);
	assert_true(b.len > 100);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 10, &c, &e), -EFBIG);
}

static void test_full_reads_say_where_the_end_is(void **state _unused_)
{
	_close_ int fd = memfd_create("t", MFD_CLOEXEC);
	char buf[8];

	assert_int_equal(fd_write_full(fd, "12345678", 8), 0);
	assert_int_equal(fd_pread_full(fd, buf, 8, 0), 0);
	assert_int_equal(fd_pread_full(fd, buf, 8, 1), -ENODATA);
	assert_int_equal(fd_pread_full(fd, buf, 1, 8), -ENODATA);
	assert_int_equal(fd_read_full(fd, buf, 1), -ENODATA);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	assert_int_equal(fd_read_full(fd, buf, 6), 0);
	assert_memory_equal(buf, "345678", 6);
	assert_int_equal(fd_read_full(-1, buf, 1), -EBADF);
	assert_int_equal(fd_write_full(-1, buf, 1), -EBADF);
}

static void test_snapshot_is_private_and_sealed(void **state _unused_)
{
	_close_ int fd = memfd_create("source", MFD_CLOEXEC), copy = -1;
	struct ukd_error e = {0};
	char buf[5] = {0};

	assert_int_equal(fd_write_full(fd, "1234", 4), 0);
	assert_int_equal(file_snapshot(fd, "source", 4, &copy, &e), 0);
	assert_int_equal(pwrite(fd, "evil", 4, 0), 4);
	assert_int_equal(fd_pread_full(copy, buf, 4, 0), 0);
	assert_string_equal(buf, "1234");
	assert_int_equal(pwrite(copy, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(copy, 0), -1);
	assert_int_equal(ftruncate(copy, 8), -1);
	assert_int_equal(fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE), -1); /* not even seals change */
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0), MAP_FAILED);
}

static void test_snapshot_of_a_file_that_changes(void **state _unused_)
{
	_close_ int fd = memfd_create("source", MFD_CLOEXEC), copy = -1;
	struct ukd_error e = {0};

	assert_int_equal(ftruncate(fd, 3000000), 0);
	expect_refused(file_snapshot(fd, "x", 3000001, &copy, &e), &e, "file.changed", "shrunk");
	expect_refused(file_snapshot(fd, "x", 2999999, &copy, &e), &e, "file.changed", "grown");
	assert_int_equal(copy, -1);
	assert_int_equal(file_snapshot(fd, "x", 3000000, &copy, &e), 0);
}

static void test_publish_is_atomic(void **state _unused_)
{
	_discard_ struct new_file f = NEW_FILE_NONE;
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct stat st;

	tree_make(&t);
	tree_write(&t, "/d/file", "old");
	assert_int_equal(file_create(AT_FDCWD, tree_path(&t, "/d/file"), 0640, &f, &e), 0);
	assert_int_equal(fd_write_full(f.fd, "new", 3), 0);
	_free_ char *before = tree_text(&t, "/d/file");
	assert_string_equal(before, "old");
	assert_int_equal(file_publish(&f, &e), 0);
	_free_ char *after = tree_text(&t, "/d/file");
	assert_string_equal(after, "new");
	assert_int_equal(tree_count(&t, "/d"), 1);
	assert_int_equal(stat(tree_path(&t, "/d/file"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	file_discard(&f); /* after publishing: nothing */
	assert_int_equal(tree_count(&t, "/d"), 1);
}

static void test_discard_leaves_nothing(void **state _unused_)
{
	struct new_file f = NEW_FILE_NONE;
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_make(&t);
	tree_write(&t, "/d/file", "old");
	assert_int_equal(file_create(AT_FDCWD, tree_path(&t, "/d/file"), 0600, &f, &e), 0);
	assert_int_equal(tree_count(&t, "/d"), 2);
	file_discard(&f);
	assert_int_equal(tree_count(&t, "/d"), 1);
	_free_ char *text = tree_text(&t, "/d/file");
	assert_string_equal(text, "old");
}

static void test_failed_publish_leaves_nothing(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_make(&t);
	tree_write(&t, "/d/target/x", "a directory that is not empty");
	assert_true(file_replace(AT_FDCWD, tree_path(&t, "/d/target"), 0600,
				 (struct bytes){(const uint8_t *)"x", 1}, &e) < 0);
	assert_int_equal(tree_count(&t, "/d"), 1);
	assert_int_equal(file_replace(AT_FDCWD, tree_path(&t, "/no/file"), 0600,
				      (struct bytes){NULL, 0}, &e),
			 -ENOENT);
	assert_non_null(strstr(e.text, "/no/file"));
}

static void test_stale_temporary_file_is_no_obstacle(void **state _unused_)
{
	struct new_file f = NEW_FILE_NONE;
	_tree_ struct tree t;
	struct ukd_error e = {0};
	unsigned int serial;
	char stale[128];

	tree_make(&t);
	assert_int_equal(file_create(AT_FDCWD, tree_path(&t, "/f"), 0600, &f, &e), 0);
	serial = (unsigned int)atoi(strrchr(f.temp, '.') + 1);
	file_discard(&f);
	for (unsigned int i = 1; i < 4; i++) {
		(void)snprintf(stale, sizeof(stale), "/f.tmp.%d.%u", (int)getpid(), serial + i);
		tree_write(&t, stale, "stale");
	}
	assert_int_equal(file_replace(AT_FDCWD, tree_path(&t, "/f"), 0600,
				      (struct bytes){(const uint8_t *)"x", 1}, &e),
			 0);
	_free_ char *text = tree_text(&t, "/f");
	assert_string_equal(text, "x");
}

static void test_modes_do_not_depend_on_the_umask(void **state _unused_)
{
	static const mode_t masks[] = {0, 022, 077};

	for (unsigned int i = 0; i < ARRAY_SIZE(masks); i++) {
		mode_t old = umask(masks[i]);
		_tree_ struct tree t;
		struct ukd_error e = {0};
		struct stat st;

		tree_make(&t);
		assert_int_equal(make_directories(t.root.fd, "a/b", 0755, &e), 0);
		assert_int_equal(
			file_replace(t.root.fd, "a/b/f", 0644, (struct bytes){NULL, 0}, &e), 0);
		(void)umask(old);
		assert_int_equal(stat(tree_path(&t, "/a/b"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(stat(tree_path(&t, "/a/b/f"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
	}
}

static void test_directories_that_exist_stay_as_they_are(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct stat st;

	tree_make(&t);
	assert_int_equal(make_directories(t.root.fd, "a", 0750, &e), 0);
	assert_int_equal(make_directories(t.root.fd, "a/b/c", 0700, &e), 0);
	assert_int_equal(stat(tree_path(&t, "/a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	tree_write(&t, "/a/file", "");
	assert_true(make_directories(t.root.fd, "a/file/x", 0700, &e) < 0);
}

static void test_root_links_stay_inside(void **state _unused_)
{
	_buffer_ struct buffer b = {0};
	_tree_ struct tree t;
	struct ukd_error e = {0};
	uint64_t v = 0;

	tree_make(&t);
	tree_write(&t, "/etc/inside", "42\n");
	tree_link(&t, "/absolute", "/etc/inside");
	tree_link(&t, "/dots", "../../../../../../etc/inside");
	tree_link(&t, "/out", "/etc/passwd");
	tree_link(&t, "/loop", "loop");
	assert_int_equal(root_read_u64(&t.root, "/absolute", &v, &e), 0);
	assert_int_equal(v, 42);
	v = 0;
	assert_int_equal(root_read_u64(&t.root, "/dots", &v, &e), 0);
	assert_int_equal(v, 42);
	assert_int_equal(root_read(&t.root, "/out", 64, &b, &e), -ENOENT);
	assert_false(root_exists(&t.root, "/out"));
	assert_true(root_exists(&t.root, "/etc"));
	assert_true(root_exists(&t.root, "/"));
	assert_int_equal(root_read(&t.root, "/loop", 64, &b, &e), -ELOOP);
	assert_int_equal(root_read(&t.root, "/../../etc/passwd", 64, &b, &e), -ENOENT);
}

static void test_root_numbers(void **state _unused_)
{
	static const char *const bad[] = {"", "\n", "-1\n", "1 2\n", "x\n"};
	_tree_ struct tree t;
	struct ukd_error e = {0};
	uint64_t v = 4711;

	tree_make(&t);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		tree_write(&t, "/n", bad[i]);
		assert_int_equal(root_read_u64(&t.root, "/n", &v, &e), -EINVAL);
		assert_int_equal(v, 4711);
	}
	assert_int_equal(root_read_u64(&t.root, "/gone", &v, &e), -ENOENT);
	assert_non_null(strstr(e.text, t.dir)); /* says which file, with the root */
	tree_write(&t, "/proc/sys/kernel/osrelease", "6.1.0-test\n");
	char release[32];
	assert_int_equal(root_kernel_release(&t.root, release, sizeof(release), &e), 0);
	assert_string_equal(release, "6.1.0-test");
}

static void test_root_of_the_system(void **state _unused_)
{
	_root_ struct root a = ROOT_NONE, b = ROOT_NONE;
	struct ukd_error e = {0};
	char release[128];

	assert_int_equal(root_open(NULL, &a, &e), 0);
	assert_int_equal(root_open("/", &b, &e), 0);
	assert_string_equal(a.path, "");
	assert_string_equal(b.path, "");
	assert_int_equal(root_kernel_release(&a, release, sizeof(release), &e), 0);
	assert_true(release[0]);
	assert_int_equal(root_open("/no/such/tree", &a, &e), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_with_secrets_do_not_go_to_fat),
		cmocka_unit_test(test_copies_of_private_files),
		cmocka_unit_test(test_only_regular_files_are_opened),
		cmocka_unit_test(test_read_limits),
		cmocka_unit_test(test_files_without_a_size_are_read),
		cmocka_unit_test(test_full_reads_say_where_the_end_is),
		cmocka_unit_test(test_snapshot_is_private_and_sealed),
		cmocka_unit_test(test_snapshot_of_a_file_that_changes),
		cmocka_unit_test(test_publish_is_atomic),
		cmocka_unit_test(test_discard_leaves_nothing),
		cmocka_unit_test(test_failed_publish_leaves_nothing),
		cmocka_unit_test(test_stale_temporary_file_is_no_obstacle),
		cmocka_unit_test(test_modes_do_not_depend_on_the_umask),
		cmocka_unit_test(test_directories_that_exist_stay_as_they_are),
		cmocka_unit_test(test_root_links_stay_inside),
		cmocka_unit_test(test_root_numbers),
		cmocka_unit_test(test_root_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
