// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/luks.c and luks_image.c: slots of devices in files, by the real cryptsetup, which needs
 * no device-mapper for them, and keys in images.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/luks.h"
#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_tree.h"
#include "util/cpio.h"
#include "util/process.h"

#define UUID	   "01234567-89ab-cdef-0123-456789abcdef"
#define PASSPHRASE "a passphrase"
#define IMAGES	   "/var/lib/ukdump/images"

static int passphrase(const char *text)
{
	return fixture_memfd((struct bytes){(const uint8_t *)text, strlen(text)});
}

/* A device in a file, or a skipped test. */
static const char *make_device(struct tree *t, const char *type)
{
	static char path[256];
	_buffer_ struct buffer log = {0};
	struct ukd_error e = {0};
	const char *node;
	int fd, r;

	tree_make(t);
	tree_write(t, "/device", "");
	/* tree_path()'s own memory is used again soon */
	(void)snprintf(path, sizeof(path), "%s", tree_path(t, "/device"));
	node = path;
	assert_int_equal(truncate(node, MIB(20)), 0);
	fd = passphrase(PASSPHRASE);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	const char *const argv[] = {
		"cryptsetup", "-q", "luksFormat", "--type", type,
		"--uuid",     UUID, "--pbkdf",	  "pbkdf2", "--pbkdf-force-iterations",
		"1000",	      node, "-",	  NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &log, .output_max = 4096};

	p.stdin_fd = fd;
	p.stderr_fd = STDOUT_FILENO;
	r = process_run(&p, &e);
	(void)close(fd);
	if (r == -ENOENT)
		skip();
	if (r)
		fail_msg("cryptsetup: %d %s %s", r, e.text, log.data ? (char *)log.data : "");
	return node;
}

static void expect_ok(int r, const struct ukd_error *e)
{
	if (r < 0)
		fail_msg("%s", e->text);
}

static void add_try_forget(const char *type, unsigned int version)
{
	struct luks_info info;
	struct luks_key key, other = {.slot = 0};
	struct ukd_error e = {0};
	int fd, slot = -2;
	_tree_ struct tree t = {0};
	const char *node = make_device(&t, type);

	expect_ok(luks_read(node, &info, &e), &e);
	assert_int_equal(info.version, version);
	assert_string_equal(info.cipher, "aes-xts-plain64");
	assert_int_equal(info.n, 0);
	assert_int_equal(info.n_keys, 1);
	fd = passphrase(PASSPHRASE);
	expect_ok(luks_add(node, &info, fd, &key, &e), &e);
	(void)close(fd);
	assert_int_equal(key.slot, 1);
	assert_int_equal(luks_try(node, key.bytes, 1, &slot, &e), 1);
	assert_int_equal(slot, 1);
	assert_int_equal(luks_try(node, key.bytes, LUKS_ANY_SLOT, &slot, &e), 1);
	assert_int_equal(slot, 1);
	assert_int_equal(luks_try(node, key.bytes, 0, &slot, &e), 0);
	assert_int_equal(luks_try(node, other.bytes, LUKS_ANY_SLOT, &slot, &e), 0);
	expect_ok(luks_read(node, &info, &e), &e);
	assert_int_equal(info.n_keys, 2);
	assert_int_equal(info.n, version == 2 ? 1 : 0);
	if (version == 2)
		assert_int_equal(info.slot[0], 1);
	expect_ok(luks_forget(node, 1, &e), &e);
	assert_int_equal(luks_try(node, key.bytes, LUKS_ANY_SLOT, &slot, &e), 0);
	expect_ok(luks_read(node, &info, &e), &e);
	assert_int_equal(info.n + info.n_keys, 1);
	/* and never the last one */
	expect_refused(luks_forget(node, 0, &e), &e, "luks.last", "last");
}

static void test_luks2(void **state _unused_)
{
	add_try_forget("luks2", 2);
}

static void test_luks1(void **state _unused_)
{
	add_try_forget("luks1", 1);
}

static void test_wrong_passphrase(void **state _unused_)
{
	struct luks_info info;
	struct luks_key key;
	struct ukd_error e = {0};
	_tree_ struct tree t = {0};
	const char *node = make_device(&t, "luks2");
	int fd = passphrase("another");

	expect_ok(luks_read(node, &info, &e), &e);
	expect_refused(luks_add(node, &info, fd, &key, &e), &e, "luks.passphrase", "wrong");
	(void)close(fd);
	expect_ok(luks_read(node, &info, &e), &e);
	assert_int_equal(info.n_keys, 1);
}

static void test_what_is_no_device(void **state _unused_)
{
	struct luks_info info;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/device", "hello");
	assert_true(luks_read(tree_path(&t, "/device"), &info, &e) < 0);
	assert_non_null(strstr(e.text, "luksDump"));
}

/* An image whose .initrd begins with the key. */
static void write_image(const struct tree *t, const char *name, const struct luks_key *key,
			mode_t mode, time_t time)
{
	const struct timespec times[] = {{.tv_sec = time}, {.tv_sec = time}};
	_buffer_ struct buffer archive = {0}, image = {0};
	struct fixture_section initrd = {".initrd", NULL, 0, 0};
	struct ukd_error e = {0};
	char path[128];

	expect_ok(luks_archive(UUID, key, &archive, &e), &e);
	assert_int_equal(archive.len % 4, 0);
	initrd.data = archive.data;
	initrd.len = (uint32_t)archive.len;
	fixture_uki_with(&initrd, 1, &image);
	(void)snprintf(path, sizeof(path), IMAGES "/%s", name);
	tree_write_bytes(t, path, buffer_bytes(&image));
	assert_int_equal(chmod(tree_path(t, path), mode), 0);
	assert_int_equal(utimensat(AT_FDCWD, tree_path(t, path), times, 0), 0);
}

static void test_the_newest_image_whose_key_opens(void **state _unused_)
{
	struct luks_key key, old = {.bytes = {1}}, found = {.slot = -2};
	struct luks_info info;
	struct ukd_error e = {0};
	_tree_ struct tree t = {0};
	const char *node = make_device(&t, "luks2");
	int fd = passphrase(PASSPHRASE);

	expect_ok(luks_read(node, &info, &e), &e);
	assert_int_equal(luks_find_key(&t.root, IMAGES, node, UUID, &found, &e), -ENOENT);
	assert_non_null(strstr(e.text, "ukdumpctl luks enroll"));
	expect_ok(luks_add(node, &info, fd, &key, &e), &e);
	(void)close(fd);
	tree_write(&t, IMAGES "/not-an-image", "MZ");
	write_image(&t, "newer.efi", &old, 0600, 2000);
	assert_int_equal(luks_find_key(&t.root, IMAGES, node, UUID, &found, &e), -ENOENT);
	write_image(&t, "older.efi", &key, 0600, 1000);
	expect_ok(luks_find_key(&t.root, IMAGES, node, UUID, &found, &e), &e);
	assert_memory_equal(found.bytes, key.bytes, LUKS_KEY_LEN);
	assert_int_equal(found.slot, 1);
	/* of another device */
	assert_int_equal(luks_find_key(&t.root, IMAGES, node,
				       "11234567-89ab-cdef-0123-456789abcdef", &found, &e),
			 -ENOENT);
	write_image(&t, "open.efi", &key, 0640, 3000);
	expect_refused(luks_find_key(&t.root, IMAGES, node, UUID, &found, &e), &e, "luks.mode",
		       "open");
}

/* What a hostile image may have in the place of the key's archive. */
static void test_archives(void **state _unused_)
{
	static const struct luks_key key = {.bytes = {7}};
	_buffer_ struct buffer good = {0};
	struct ukd_error e = {0};
	struct bytes found;
	const char *path = LUKS_KEY_DIR "/" UUID ".key";
	size_t needed = 0;

	expect_ok(luks_archive(UUID, &key, &good, &e), &e);
	assert_true(cpio_find_file(buffer_bytes(&good), path, &found));
	assert_int_equal(found.len, LUKS_KEY_LEN);
	assert_memory_equal(found.p, key.bytes, LUKS_KEY_LEN);
	assert_false(cpio_find_file(buffer_bytes(&good), "etc/other", &found));
	assert_int_equal(cpio_length(buffer_bytes(&good)), good.len);
	needed = (size_t)(found.p - good.data) + LUKS_KEY_LEN;
	for (size_t len = 0; len < needed; len++) {
		assert_false(cpio_find_file((struct bytes){good.data, len}, path, &found));
		assert_int_equal(cpio_length((struct bytes){good.data, len}), 0);
	}
	/* sizes of names and contents that lead out of it, or wrap */
	for (size_t field = 6; field <= 11; field += 5) {
		_buffer_ struct buffer bad = {0};

		expect_ok(luks_archive(UUID, &key, &bad, &e), &e);
		memcpy(bad.data + 6 + field * 8, "ffffffff", 8);
		assert_false(cpio_find_file(buffer_bytes(&bad), path, &found));
		assert_int_equal(cpio_length(buffer_bytes(&bad)), 0);
		memcpy(bad.data + 6 + field * 8, "0000000x", 8);
		assert_false(cpio_find_file(buffer_bytes(&bad), path, &found));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_luks2),
		cmocka_unit_test(test_luks1),
		cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_what_is_no_device),
		cmocka_unit_test(test_the_newest_image_whose_key_opens),
		cmocka_unit_test(test_archives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
