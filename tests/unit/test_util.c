// SPDX-License-Identifier: GPL-2.0-or-later
/* src/util: numbers, error texts, files, snapshots, publishing, child processes, roots. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_tree.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/log.h"
#include "util/process.h"
#include "util/self.h"

static double now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

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

static void test_parse_u64(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {{"0", 0},
		    {"007", 7},
		    {"0x0", 0},
		    {"18446744073709551615", UINT64_MAX},
		    {"0xffffFFFF", UINT32_MAX},
		    {"0xffffffffffffffff", UINT64_MAX}};
	static const char *const bad[] = {"",
					  "0x",
					  "0X1",
					  " 1",
					  "1 ",
					  "+1",
					  "-1",
					  "1a",
					  "0x1g",
					  "1.",
					  "18446744073709551616",
					  "0x10000000000000000",
					  "99999999999999999999"};
	uint64_t v;

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		v = 4711;
		assert_true(parse_u64(good[i].text, &v));
		assert_true(v == good[i].value);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 4711;
		if (parse_u64(bad[i], &v) || v != 4711)
			fail_msg("'%s' is taken as a number", bad[i]);
	}
}

static void test_parse_size(void **state _unused_)
{
	static const char *const bad[] = {"",
					  "K",
					  "1k",
					  "1KB",
					  "1.5G",
					  "16777216T",
					  "-1M",
					  "1 M",
					  "M1",
					  "1KK",
					  "00000000000000000000000000000001M"};
	uint64_t v = 0;

	assert_true(parse_size("17", &v) && v == 17);
	assert_true(parse_size("3K", &v) && v == 3072);
	assert_true(parse_size("0x10M", &v) && v == MIB(16));
	assert_true(parse_size("2G", &v) && v == MIB(2048));
	assert_true(parse_size("16777215T", &v) && v == 16777215ull << 40);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 4711;
		if (parse_size(bad[i], &v) || v != 4711)
			fail_msg("'%s' is taken as a size", bad[i]);
	}
}

static void test_parse_bool(void **state _unused_)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};
	static const char *const bad[] = {"", "Yes", "y", "2", "yes ", "o"};
	bool v;

	for (unsigned int i = 0; i < 4; i++) {
		assert_true(parse_bool(yes[i], &v) && v);
		assert_true(parse_bool(no[i], &v) && !v);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_bool(bad[i], &v));
}

static void test_format(void **state _unused_)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 bytes"},
		     {1023, "1023 bytes"},
		     {1024, "1.0 KiB"},
		     {1536, "1.5 KiB"},
		     {1048575, "1023.9 KiB"},
		     {MIB(112), "112.0 MiB"},
		     {MIB(1) * 1536, "1.5 GiB"},
		     {1ull << 40, "1.0 TiB"},
		     {UINT64_MAX, "16777215.9 TiB"}};
	char text[FORMAT_SIZE_MAX];

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_size(cases[i].bytes, text), cases[i].text);
	format_hex((struct bytes){(const uint8_t *)"\x00\x7f\xff", 3}, text);
	assert_string_equal(text, "007fff");
}

static void test_parse_hex(void **state _unused_)
{
	static const char *const bad[] = {"",	  "00f",  "00ff0", "00ff00ff", "00fg",
					  "0x00", " 00f", "-0ff",  "+1+1"};
	uint8_t v[2];

	assert_true(parse_hex("00fF", v, 2) && v[0] == 0 && v[1] == 0xff);
	assert_true(parse_hex("", v, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_hex(bad[i], v, 2))
			fail_msg("'%s' was taken", bad[i]);
}

static void test_error_texts(void **state _unused_)
{
	struct ukd_error e = {0};

	assert_int_equal(ukd_fail(&e, -EIO, "a %d", 1), -EIO);
	assert_string_equal(e.text, "a 1");
	assert_string_equal(e.check, "");
	assert_int_equal(ukd_refuse(&e, "pe.mz", "not %s", "PE"), -EBADMSG);
	assert_string_equal(e.check, "pe.mz");
	assert_int_equal(ukd_prefix(&e, "%s", "/x"), -EBADMSG);
	assert_string_equal(e.text, "/x: not PE");
	assert_string_equal(e.check, "pe.mz");
	assert_int_equal(ukd_fail_errno(&e, -ENOENT, "/y"), -ENOENT);
	assert_string_equal(e.text, "/y: No such file or directory");
	assert_string_equal(e.check, "");
	/* The old text may be an argument of the new one. */
	assert_int_equal(ukd_fail(&e, -EIO, "%s; and more", e.text), -EIO);
	assert_string_equal(e.text, "/y: No such file or directory; and more");
}

static void test_error_texts_drive_no_terminal(void **state _unused_)
{
	struct ukd_error e = {0};

	(void)ukd_fail(&e, -EIO, "%s", "a\033[2J\nb\x7f\tc");
	assert_string_equal(e.text, "a?[2J?b??c");
	(void)ukd_prefix(&e, "%s", "x\ny");
	assert_string_equal(e.text, "x?y: a?[2J?b??c");
	(void)ukd_fail_errno(&e, -EIO, "%s", "x\ny");
	assert_string_equal(e.text, "x?y: Input/output error");
}

static void test_long_error_texts_are_cut(void **state _unused_)
{
	char path[2000];
	struct ukd_error e = {0};

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	(void)ukd_fail(&e, -EIO, "%s", path);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	(void)ukd_fail_errno(&e, -ENOENT, "%s", path);
	assert_non_null(strstr(e.text, "ppp: No such file or directory"));
	(void)ukd_refuse(&e, "pe.mz", "why");
	(void)ukd_prefix(&e, "%s", path);
	assert_non_null(strstr(e.text, "ppp: why"));
	(void)ukd_refuse(&e, "a.name.that.is.much.too.long.for.a.check", "why");
	assert_int_equal(strlen(e.check), sizeof(e.check) - 1);
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
	double begin = now();

	tree_make(&t);
	tree_write(&t, "/dir/file", "12345");
	tree_link(&t, "/link", "dir/file");
	assert_int_equal(mkfifo(tree_path(&t, "/fifo"), 0600), 0);
	expect_type_refused(&t, "/dir");
	expect_type_refused(&t, "/fifo"); /* nobody writes: must not wait */
	if (mknod(tree_path(&t, "/device"), S_IFCHR | 0600, makedev(1, 5)) == 0)
		expect_type_refused(&t, "/device");
	assert_true(now() - begin < 5);
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

/* Runs a shell command. */
static int shell(const char *command, struct process *p, struct ukd_error *e)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	p->argv = argv;
	return process_run(p, e);
}

static int run(const char *command, unsigned int limit, struct buffer *output, size_t max,
	       struct ukd_error *e)
{
	struct process p = {PROCESS_DEFAULTS, .output = output, .output_max = max};

	p.timeout_s = limit;
	return shell(command, &p, e);
}

static void test_exit_codes(void **state _unused_)
{
	const char *const none[] = {"/no/such/program", NULL}, *const dir[] = {"/tmp", NULL};
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};

	assert_int_equal(run("exit 0", 10, NULL, 0, &e), 0);
	assert_int_equal(run("exit 37", 10, NULL, 0, &e), 37);
	assert_int_equal(run("kill -TERM $$", 10, NULL, 0, &e), -ECHILD);
	assert_non_null(strstr(e.text, "signal 15"));
	p.argv = none;
	assert_int_equal(process_run(&p, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/no/such/program"));
	p.argv = dir;
	assert_int_equal(process_run(&p, &e), -EACCES);
	assert_int_equal(process_run_ok(&(struct process){PROCESS_DEFAULTS, .argv = none}, &e),
			 -ENOENT);
	const char *const no[] = {"false", NULL};
	assert_int_equal(process_run_ok(&(struct process){PROCESS_DEFAULTS, .argv = no}, &e),
			 -EREMOTEIO);
	assert_non_null(strstr(e.text, "exit status 1"));
}

static void test_oom_score_is_the_childs(void **state _unused_)
{
	struct process p = {PROCESS_DEFAULTS, .oom_score_adj = OOM_SCORE_FIRST};
	struct ukd_error e = {0};

	assert_int_equal(shell("read x </proc/self/oom_score_adj; test $x = 500", &p, &e), 0);
	p.oom_score_adj = 0;
	assert_int_equal(shell("read x </proc/self/oom_score_adj; test $x != 500", &p, &e), 0);
}

static void test_time_limit_kills_the_whole_group(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char command[256];
	double begin = now();

	tree_make(&t);
	(void)snprintf(command, sizeof(command),
		       "trap '' TERM; (trap '' TERM; sleep 3; echo x >%s) & sleep 60",
		       tree_path(&t, "/late"));
	assert_int_equal(run(command, 1, NULL, 0, &e), -ETIMEDOUT);
	assert_non_null(strstr(e.text, "not done after 1 s"));
	assert_true(now() - begin < 3);
	sleep(3);
	assert_false(tree_has(&t, "/late"));
}

static void test_output_is_collected_and_cut(void **state _unused_)
{
	_buffer_ struct buffer all = {0}, cut = {0}, none = {0}, large = {0};
	struct ukd_error e = {0};

	assert_int_equal(run("echo out; echo err >&2; printf 'a b'", 10, &all, 100, &e), 0);
	assert_string_equal((char *)all.data, "out\na b");
	assert_int_equal(run("seq 100000; exit 3", 20, &cut, 10, &e), 3);
	assert_string_equal((char *)cut.data, "1\n2\n3\n4\n5\n");
	assert_int_equal(run("exit 0", 10, &none, 10, &e), 0);
	assert_int_equal(none.len, 0);
	assert_int_equal(run("head -c 1000000 /dev/zero", 20, &large, MIB(2), &e), 0);
	assert_int_equal(large.len, 1000000);
}

static void test_output_held_open_by_a_grandchild_is_not_waited_for(void **state _unused_)
{
	_buffer_ struct buffer out = {0};
	struct ukd_error e = {0};
	double begin = now();

	assert_int_equal(run("sleep 5 & echo done", 20, &out, 100, &e), 0);
	assert_string_equal((char *)out.data, "done\n");
	assert_true(now() - begin < 4);
}

static bool stop_at_two(void *ctx, unsigned int seconds)
{
	unsigned int *calls = ctx;

	(*calls)++;
	return seconds >= 2;
}

static void test_tick_is_called_and_may_stop(void **state _unused_)
{
	unsigned int calls = 0;
	struct process p = {PROCESS_DEFAULTS, .tick = stop_at_two, .tick_ctx = &calls};
	struct ukd_error e = {0};
	double begin = now();

	assert_int_equal(shell("sleep 30", &p, &e), -ECANCELED);
	assert_int_equal(calls, 2);
	assert_true(now() - begin < 5);
}

static void test_standard_descriptors(void **state _unused_)
{
	_close_ int out = memfd_create("out", MFD_CLOEXEC), in = memfd_create("in", MFD_CLOEXEC);
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};
	char text[32] = {0};

	p.stdout_fd = out;
	p.stderr_fd = STDOUT_FILENO;				       /* where stdout goes */
	assert_int_equal(shell("cat; echo a; echo b >&2", &p, &e), 0); /* stdin is /dev/null */
	assert_int_equal(pread(out, text, sizeof(text), 0), 4);
	assert_string_equal(text, "a\nb\n");
	assert_int_equal(fd_write_full(in, "hello", 5), 0);
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	p.stdin_fd = in;
	assert_int_equal(shell("read x; test \"$x\" = hello", &p, &e), 0);
}

/* What this process itself inherited and would pass on. */
static unsigned int count_inheritable(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		n += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	return n;
}

static void test_no_descriptor_leaks_into_the_child(void **state _unused_)
{
	_buffer_ struct buffer out = {0};
	struct ukd_error e = {0};
	unsigned int lines = 0;

	assert_int_equal(run("ls /proc/$$/fd", 10, &out, 1000, &e), 0);
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, count_inheritable());
}

static void test_stops_are_held_and_told(void **state _unused_)
{
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		sigset_t before;

		stops_hold(&before);
		if (stops_pending() || shell("kill -TERM $$; sleep 5", &p, &e) != -ECHILD)
			_exit(1);
		(void)raise(SIGTERM);
		if (!stops_pending())
			_exit(2);
		stops_release(&before);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void test_closed_standard_descriptors(void **state _unused_)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			(void)close(fd);
		standard_descriptors();
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			if (write(fd, "x", 1) != -1 || errno != EBADF || fcntl(fd, F_GETFD) < 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_log_drives_no_terminal(void **state _unused_)
{
	_close_ int fd = memfd_create("kmsg", MFD_CLOEXEC);
	char text[64] = "";

	log_to_kmsg(fd);
	log_error("a\nb\033[31m");
	log_to_kmsg(-1);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "<4>ukdump: error: a?b?[31m\n");
}

static void test_environment_and_chroot(void **state _unused_)
{
	static const char *const env[] = {"A=b", "PATH=/usr/bin:/bin", NULL};
	struct process p = {PROCESS_DEFAULTS, .env = env, .chroot_dir = "/no/such/dir"};
	struct ukd_error e = {0};

	assert_int_equal(shell("exit 0", &p, &e), geteuid() ? -EPERM : -ENOENT);
	p.chroot_dir = NULL;
	assert_int_equal(shell("test \"$A\" = b && test -z \"$HOME\"", &p, &e), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_with_secrets_do_not_go_to_fat),
		cmocka_unit_test(test_copies_of_private_files),
		cmocka_unit_test(test_parse_u64),
		cmocka_unit_test(test_parse_size),
		cmocka_unit_test(test_parse_bool),
		cmocka_unit_test(test_parse_hex),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_error_texts),
		cmocka_unit_test(test_error_texts_drive_no_terminal),
		cmocka_unit_test(test_long_error_texts_are_cut),
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
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_oom_score_is_the_childs),
		cmocka_unit_test(test_time_limit_kills_the_whole_group),
		cmocka_unit_test(test_output_is_collected_and_cut),
		cmocka_unit_test(test_output_held_open_by_a_grandchild_is_not_waited_for),
		cmocka_unit_test(test_tick_is_called_and_may_stop),
		cmocka_unit_test(test_standard_descriptors),
		cmocka_unit_test(test_no_descriptor_leaks_into_the_child),
		cmocka_unit_test(test_stops_are_held_and_told),
		cmocka_unit_test(test_closed_standard_descriptors),
		cmocka_unit_test(test_log_drives_no_terminal),
		cmocka_unit_test(test_environment_and_chroot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
