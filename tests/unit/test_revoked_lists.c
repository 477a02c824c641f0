// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of certificates and digests, this machine's variables: src/auth/revoked_lists.c, efivar.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_revoked.h"
#include "util/cleanup.h"
#include "util/root.h"

static const uint8_t other_type[16] = {0xe8, 0x66, 0x57, 0x3c}; /* as EFI_CERT_RSA2048 */

static void expect_refused(const struct buffer *lists)
{
	_revoked_ struct auth_revoked *r = auth_revoked_new();
	struct ukd_error e = {0};

	assert_int_equal(revoked_add_siglists(r, buffer_bytes(lists), "dbx", &e), -EBADMSG);
	assert_string_equal(e.check, "efi.siglist");
	assert_true(!strncmp(e.text, "dbx: ", 5));
}

static void test_entry_sizes(void **state _unused_)
{
	uint8_t data[96] = {0};

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(digest_types) - 1; i++) {
		const struct digest_type *t = &digest_types[i / 2];
		const uint8_t *guid = i % 2 ? t->certificate : t->image;
		uint32_t len = t->alg->len + (i % 2 ? 16 : 0);

		for (uint32_t n = 1; n < len + 17; n++) {
			_buffer_ struct buffer b = {0};
			_revoked_ struct auth_revoked *r = NULL;

			fixture_add_list(&b, guid, (struct bytes){data, n}, 0);
			if (n == len)
				r = revoked_in(&b);
			else
				expect_refused(&b);
		}
	}
}

static void test_lists_described(void **state _unused_)
{
	_x509_ X509 *a = fixture_plain_cert("a", KEY_P256);
	_buffer_ struct buffer der = {0}, dbx = {0}, mok = {0};
	_revoked_ struct auth_revoked *r = NULL, *none = auth_revoked_new();
	uint8_t data[48] = {0};
	struct ukd_error e;
	char text[80];

	auth_revoked_describe(none, text, sizeof(text));
	assert_string_equal(text, "none");
	fixture_cert_der(a, &der);
	fixture_add_list(&dbx, x509_type, buffer_bytes(&der), 0);
	fixture_add_list(&dbx, digest_types[0].image, (struct bytes){data, 32}, 7);
	fixture_add_list(&dbx, other_type, (struct bytes){data, 5}, 0);
	r = revoked_in(&dbx);
	assert_int_equal(revoked_add_siglists(r, buffer_bytes(&mok), "MokListX", &e), 0);
	assert_int_equal(revoked_set_level(r, TEXT("sbat,1,2021030218\n"), &e), 0);
	auth_revoked_describe(r, text, sizeof(text));
	assert_string_equal(text, "dbx 2 (1 of other types), MokListX 0, SBAT level 2021030218");
}

static void test_lists_cut(void **state _unused_)
{
	_x509_ X509 *a = fixture_plain_cert("a", KEY_P256);
	_buffer_ struct buffer der = {0}, lists = {0};
	uint8_t data[48] = {0};
	size_t first;

	fixture_cert_der(a, &der);
	fixture_add_list(&lists, digest_types[0].certificate, (struct bytes){data, 48}, 0);
	first = lists.len;
	fixture_add_list(&lists, x509_type, buffer_bytes(&der), 0);
	for (size_t len = 1; len < lists.len; len++) {
		_buffer_ struct buffer cut = {.data = malloc(len), .len = len};

		memcpy(cut.data, lists.data, len);
		if (len != first)
			expect_refused(&cut);
	}
}

/* What claims to revoke a certificate, but is none. */
static void test_unreadable_certificate(void **state _unused_)
{
	_x509_ X509 *a = fixture_plain_cert("a", KEY_P256);
	_buffer_ struct buffer der = {0};

	fixture_cert_der(a, &der);
	for (int i = 0; i < 3; i++) {
		_buffer_ struct buffer lists = {0};

		fixture_add_list(&lists, x509_type,
				 (struct bytes){der.data, der.len + (i == 1) - (i == 2)}, 0);
		if (i)
			expect_refused(&lists);
		else
			auth_revoked_free(revoked_in(&lists));
	}
}

/* This machine's variables ----------------------------------------------------------------------*/

#define VARS   "sys/firmware/efi/efivars/"
#define TABLE  "sys/firmware/efi/mok-variables/"
#define SHIM   "-605dab50-e046-4300-abb6-3dd810dd8b23"
#define HIDDEN " (no EFI variables to be seen: is efivarfs mounted?)"
#define DBX    VARS "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f"

static char dir[] = "/tmp/ukdump-test.XXXXXX";
static struct root root = ROOT_NONE;

static int setup(void **state _unused_)
{
	struct ukd_error e;

	return mkdtemp(dir) && chmod(dir, 0755) == 0 && root_open(dir, &root, &e) == 0 ? 0 : -1;
}

static int teardown(void **state _unused_)
{
	char command[600];

	root_close(&root);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	fixture_pki_end();
	return system(command);
}

static void put(const char *path, struct bytes attrs, struct bytes content)
{
	_close_ int fd = openat(root.fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, attrs.p, attrs.len), 0);
	assert_int_equal(fd_write_full(fd, content.p, content.len), 0);
}

static void put_variable(const char *path, struct bytes content)
{
	put(path, TEXT("\6\0\0\0"), content);
}

static void put_table(const char *path, struct bytes content)
{
	put(path, TEXT(""), content);
}

static void expect_host(const char *text)
{
	_revoked_ struct auth_revoked *r = NULL;
	struct ukd_error e = {0};
	char seen[160];

	r = auth_revoked_of_host(&root, &e);
	if (!r)
		fail_msg("%s: %s", e.check, e.text);
	auth_revoked_describe(r, seen, sizeof(seen));
	assert_string_equal(seen, text);
}

static void expect_host_refused(const char *check)
{
	_revoked_ struct auth_revoked *r = NULL;
	struct ukd_error e = {0};

	r = auth_revoked_of_host(&root, &e);
	assert_null(r);
	assert_int_equal(e.code, -EBADMSG);
	assert_string_equal(e.check, check);
}

static void add_digests(struct buffer *b, unsigned int n)
{
	uint8_t data[32] = {0};

	for (unsigned int i = 0; i < n; i++)
		fixture_add_list(b, digest_types[0].image, (struct bytes){data, 32}, 0);
}

static void test_host(void **state _unused_)
{
	_buffer_ struct buffer one = {0}, two = {0}, three = {0};
	struct ukd_error e;

	add_digests(&one, 1);
	add_digests(&two, 2);
	add_digests(&three, 3);
	expect_host("none");
	assert_int_equal(make_directories(root.fd, "sys/firmware/efi", 0755, &e), 0);
	expect_host("none" HIDDEN);
	assert_int_equal(make_directories(root.fd, VARS, 0755, &e), 0);
	assert_int_equal(make_directories(root.fd, TABLE, 0755, &e), 0);
	expect_host("none" HIDDEN);
	put_table(TABLE "SbatLevelRT", TEXT("sbat,1,2021030218\n"));
	expect_host("SBAT level 2021030218" HIDDEN);
	assert_int_equal(unlinkat(root.fd, TABLE "SbatLevelRT", 0), 0);
	put_variable(DBX, buffer_bytes(&one));
	expect_host("dbx 1");
	put_variable(VARS "MokListXRT" SHIM, buffer_bytes(&two));
	put_variable(VARS "SbatLevelRT" SHIM, TEXT("sbat,1,2021030218\n"));
	expect_host("dbx 1, MokListX 2, SBAT level 2021030218");
	put_table(TABLE "MokListXRT", buffer_bytes(&three));
	put_table(TABLE "SbatLevelRT", TEXT("sbat,1,2023012900\n"));
	expect_host("dbx 1, MokListX 3, SBAT level 2023012900");
}

/* After test_host(): each variable broken in turn. */
static void test_host_broken(void **state _unused_)
{
	_buffer_ struct buffer one = {0};

	add_digests(&one, 1);
	put_table(DBX, TEXT("\6\0\0"));
	expect_host_refused("efi.variable");
	put_variable(DBX, (struct bytes){one.data, one.len - 1});
	expect_host_refused("efi.siglist");
	assert_int_equal(unlinkat(root.fd, DBX, 0), 0);
	assert_int_equal(mkdirat(root.fd, DBX, 0755), 0); /* cannot be read */
	expect_host_refused("efi.variable");
	assert_int_equal(unlinkat(root.fd, DBX, AT_REMOVEDIR), 0);
	expect_host("MokListX 3, SBAT level 2023012900");
	put_table(TABLE "MokListXRT", TEXT("x"));
	expect_host_refused("efi.siglist");
	put_table(TABLE "MokListXRT", TEXT(""));
	put_table(TABLE "SbatLevelRT", TEXT("sbat,1\nshim\n"));
	expect_host_refused("efi.sbat-level");
	put_table(TABLE "SbatLevelRT", TEXT("sbat,1,2023012900\n"));
	expect_host("MokListX 0, SBAT level 2023012900");
}

/* The table is for root only; everyone else reads the variables. */
static void test_host_as_anyone(void **state _unused_)
{
	uid_t self = geteuid();

	put_variable(DBX, TEXT(""));
	assert_int_equal(fchmodat(root.fd, TABLE "MokListXRT", 0, 0), 0);
	assert_int_equal(fchmodat(root.fd, TABLE "SbatLevelRT", 0, 0), 0);
	if (!self)
		assert_int_equal(seteuid(65534), 0);
	expect_host("dbx 0, MokListX 2, SBAT level 2021030218");
	assert_int_equal(seteuid(self), 0);
	/* A list that is there and that nobody else can see is not the same as none. */
	assert_int_equal(unlinkat(root.fd, VARS "MokListXRT" SHIM, 0), 0);
	if (!self)
		assert_int_equal(seteuid(65534), 0);
	expect_host_refused("efi.variable");
	assert_int_equal(seteuid(self), 0);
	assert_int_equal(fchmodat(root.fd, DBX, 0, 0), 0);
	if (!self)
		assert_int_equal(seteuid(65534), 0);
	expect_host_refused("efi.variable");
	assert_int_equal(seteuid(self), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_sizes),
		cmocka_unit_test(test_lists_described),
		cmocka_unit_test(test_lists_cut),
		cmocka_unit_test(test_unreadable_certificate),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_host_broken),
		cmocka_unit_test(test_host_as_anyone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
