// SPDX-License-Identifier: GPL-2.0-or-later
/* Trust anchors, EFI_SIGNATURE_LISTs, signing keys, the host key. */
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

#include <openssl/x509v3.h>

#include "auth/siglist.h"
#include "auth/sign.h"
#include "auth/trust.h"
#include "fixture_auth.h"
#include "fixture_pki.h"
#include "util/cleanup.h"
#include "util/root.h"

static char dir[] = "/tmp/ukdump-test.XXXXXX";
static struct root root = ROOT_NONE;

static char *in_dir(const char *name)
{
	static char path[2][512];
	static unsigned int turn;

	turn ^= 1;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int setup(void **state _unused_)
{
	struct ukd_error e;

	return mkdtemp(dir) && root_open(dir, &root, &e) == 0 ? 0 : -1;
}

static int teardown(void **state _unused_)
{
	char command[600];

	root_close(&root);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	fixture_pki_end();
	return system(command);
}

static X509 *plain(const char *name)
{
	return fixture_cert(&(struct fixture_cert){.name = name, .key = KEY_P256});
}

static void write_file(const char *name, const void *data, size_t len)
{
	_close_ int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, data, len), 0);
}

static void test_files(void **state _unused_)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	_x509_ X509 *a = plain("a"), *b = plain("b");
	_buffer_ struct buffer der = {0};
	struct ukd_error e;

	fixture_write_pem_cert(in_dir("two.pem"), a, false);
	fixture_write_pem_cert(in_dir("two.pem"), b, true);
	fixture_cert_der(a, &der);
	write_file("a.der", der.data, der.len);
	write_file("long.der", der.data, der.len + 1);
	write_file("text.pem", "nothing\n", 8);
	write_file("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n", 33);

	assert_int_equal(auth_trust_add_file(t, &root, "/two.pem", &e), 2);
	assert_int_equal(auth_trust_add_file(t, &root, "/a.der", &e), 1);
	assert_int_equal(auth_trust_count(t), 2); /* a is kept once */
	assert_int_equal(auth_trust_add_file(t, NULL, in_dir("a.der"), &e), 1);
	assert_int_equal(auth_trust_add_file(t, &root, "/absent.der", &e), -ENOENT);
	assert_int_equal(auth_trust_add_file(t, &root, "/long.der", &e), -EINVAL);
	assert_int_equal(auth_trust_add_file(t, &root, "/text.pem", &e), -EINVAL);
	assert_int_equal(auth_trust_add_file(t, &root, "/cut.pem", &e), -EINVAL);
	assert_int_equal(auth_trust_count(t), 2);
}

static void test_directory(void **state _unused_)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	_x509_ X509 *a = plain("a"), *b = plain("b");
	struct ukd_error e;

	assert_int_equal(auth_trust_add_dir(t, &root, "/trust.d", &e), 0);
	assert_int_equal(mkdir(in_dir("trust.d"), 0755), 0);
	assert_int_equal(auth_trust_add_dir(t, &root, "/trust.d", &e), 0);
	fixture_write_pem_cert(in_dir("trust.d/b.crt"), b, false);
	fixture_write_pem_cert(in_dir("trust.d/a.pem"), a, false);
	write_file("trust.d/README", "x", 1);
	write_file("trust.d/.hidden.crt", "x", 1);
	assert_int_equal(auth_trust_add_dir(t, &root, "/trust.d", &e), 2);
	assert_int_equal(auth_trust_count(t), 2);
	write_file("trust.d/c.der", "x", 1);
	assert_int_equal(auth_trust_add_dir(t, &root, "/trust.d", &e), -EINVAL);
	assert_non_null(strstr(e.text, "/trust.d/c.der"));
}

static int add_siglists(struct buffer *b, unsigned int *ret_count)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	struct ukd_error e = {0};
	int r = trust_add_siglists(t, buffer_bytes(b), "test", &e);

	*ret_count = auth_trust_count(t);
	if (r < 0)
		assert_string_equal(e.check, "efi.siglist");
	return r;
}

static void test_siglists(void **state _unused_)
{
	static const uint8_t sha256_guid[16] = {0x26, 0x16, 0xc4, 0xc1};
	_x509_ X509 *a = plain("a"), *b = plain("b");
	_buffer_ struct buffer der_a = {0}, der_b = {0}, lists = {0};
	uint8_t hash[32] = {0};
	unsigned int n;

	fixture_cert_der(a, &der_a);
	fixture_cert_der(b, &der_b);
	assert_int_equal(add_siglists(&lists, &n), 0);
	fixture_add_list(&lists, efi_cert_x509_guid, buffer_bytes(&der_a), 0);
	fixture_add_list(&lists, sha256_guid, (struct bytes){hash, 32}, 0);
	fixture_add_list(&lists, efi_cert_x509_guid, buffer_bytes(&der_b), 5);
	fixture_add_list(&lists, efi_cert_x509_guid, buffer_bytes(&der_a), 0);
	fixture_add_list(&lists, efi_cert_x509_guid, (struct bytes){hash, 32},
			 0); /* no certificate */
	assert_int_equal(add_siglists(&lists, &n), 3);
	assert_int_equal(n, 2);
}

/* A list cut after every byte: none is read beyond its end, and only whole ones are taken. */
static void test_siglists_cut(void **state _unused_)
{
	_x509_ X509 *a = plain("a");
	_buffer_ struct buffer der = {0}, lists = {0};
	unsigned int n;

	fixture_cert_der(a, &der);
	fixture_add_list(&lists, efi_cert_x509_guid, buffer_bytes(&der), 0);
	for (size_t len = 1; len < lists.len; len++) {
		_buffer_ struct buffer cut = {.data = malloc(len), .len = len};

		memcpy(cut.data, lists.data, len);
		assert_int_equal(add_siglists(&cut, &n), -EBADMSG);
	}
}

static void test_siglists_hostile(void **state _unused_)
{
	static const struct {
		uint32_t list, header, size;
	} cases[] = {
		{0, 0, 48},	     {27, 0, 48},	   {0xffffffff, 0, 48}, {77, 0, 48},
		{76, 49, 48},	     {76, 0, 0},	   {76, 0, 16},		{76, 0, 47},
		{76, 0, 49},	     {76, 0xffffffff, 48}, {44, 0, 48},		{76, 0, 1},
		{76, 0, 0xffffffff}, {60, 0xfffffff0, 48},
	};
	unsigned int n;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer b = {0};
		uint8_t hash[32] = {0};

		fixture_add_list(&b, efi_cert_x509_guid, (struct bytes){hash, 32}, 0);
		assert_int_equal(b.len, 76);
		store_le32(b.data + 16, cases[i].list);
		store_le32(b.data + 20, cases[i].header);
		store_le32(b.data + 24, cases[i].size);
		assert_int_equal(add_siglists(&b, &n), -EBADMSG);
	}
}

static void test_efi_variables(void **state _unused_)
{
	static const char *const paths[] = {
		"sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
		"sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23",
		"sys/firmware/efi/mok-variables/MokListRT",
	};
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	X509 *certs[] = {plain("db"), plain("mok"), plain("mok table")};
	struct ukd_error e;

	assert_int_equal(auth_trust_add_uefi_db(t, &root, &e), 0);
	assert_int_equal(auth_trust_add_mok(t, &root, &e), 0);
	assert_int_equal(make_directories(root.fd, "sys/firmware/efi/efivars", 0755, &e), 0);
	assert_int_equal(make_directories(root.fd, "sys/firmware/efi/mok-variables", 0755, &e), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
		_buffer_ struct buffer der = {0},
				       var = {.data = calloc(1, 4), .len = i < 2 ? 4 : 0};

		fixture_cert_der(certs[i], &der);
		fixture_add_list(&var, efi_cert_x509_guid, buffer_bytes(&der), 0);
		write_file(paths[i], var.data, var.len);
		assert_int_equal(i ? auth_trust_add_mok(t, &root, &e) :
				     auth_trust_add_uefi_db(t, &root, &e),
				 1);
		assert_int_equal(auth_trust_count(t), i + 1);
	}
	write_file(paths[0], "abc", 3);
	assert_int_equal(auth_trust_add_uefi_db(t, &root, &e), -EBADMSG);
	assert_string_equal(e.check, "efi.variable");
	for (unsigned int i = 0; i < ARRAY_SIZE(certs); i++)
		X509_free(certs[i]);
}

static void test_cert_id(void **state _unused_)
{
	_x509_ X509 *with = plain("with\x1b[31m"), *without = NULL;
	struct auth_cert_id id;

	cert_id(with, &id);
	assert_int_equal(id.skid_len, 20);
	assert_null(strchr(id.subject, '\x1b'));
	without = fixture_cert(
		&(struct fixture_cert){.name = "without", .key = KEY_P256, .no_skid = true});
	/* The kernel shows the encoding, where a leading zero keeps the number positive. */
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(without), 0x80ff));
	cert_id(without, &id);
	assert_int_equal(id.skid_len, 3);
	assert_memory_equal(id.skid, "\0\x80\xff", 3);
}

static void test_key_load(void **state _unused_)
{
	_x509_ X509 *cert = plain("signer"), *other = NULL;
	_auth_key_ struct auth_key *k = NULL;
	struct ukd_error e = {0};
	char uri[600];

	other = fixture_cert(&(struct fixture_cert){.name = "other", .key = KEY_RSA_2048});
	fixture_write_pem_key(in_dir("k.pem"), fixture_key(KEY_P256), NULL);
	fixture_write_pem_cert(in_dir("c.pem"), cert, false);
	fixture_write_pem_cert(in_dir("c.pem"), other, true);
	fixture_write_pem_cert(in_dir("other.pem"), other, false);

	assert_int_equal(auth_key_load(&root, "/k.pem", "/c.pem", &k, &e), 0);
	assert_int_equal(sk_X509_num(k->others), 1);
	auth_key_free(take_ptr(&k));

	(void)snprintf(uri, sizeof(uri), "file:%s", in_dir("k.pem"));
	assert_int_equal(auth_key_load(NULL, uri, in_dir("c.pem"), &k, &e), 0);
	auth_key_free(take_ptr(&k));

	assert_int_equal(auth_key_load(&root, "/k.pem", "/other.pem", &k, &e), -EBADMSG);
	assert_string_equal(e.check, "key.pair");
	assert_int_equal(auth_key_load(&root, "/absent.pem", "/c.pem", &k, &e), -ENOENT);
	assert_int_equal(auth_key_load(&root, "/c.pem", "/c.pem", &k, &e), -EBADMSG);
	assert_string_equal(e.check, "key.mode");
	assert_true(auth_key_load(&root, "nosuch:thing", "/c.pem", &k, &e) < 0);
	assert_int_equal(chmod(in_dir("k.pem"), 0640), 0);
	assert_int_equal(auth_key_load(&root, "/k.pem", "/c.pem", &k, &e), -EBADMSG);
	assert_string_equal(e.check, "key.mode");
	assert_int_equal(auth_key_load(NULL, uri, in_dir("c.pem"), &k, &e), -EBADMSG);
	assert_null(k);
}

static void test_key_refused(void **state _unused_)
{
	_x509_ X509 *weak = NULL, *tls = NULL;
	_auth_key_ struct auth_key *k = NULL;
	struct ukd_error e = {0};

	weak = fixture_cert(&(struct fixture_cert){.name = "weak", .key = KEY_RSA_1024});
	tls = fixture_cert(
		&(struct fixture_cert){.name = "tls", .key = KEY_P384, .eku = "serverAuth"});
	fixture_write_pem_key(in_dir("weak.pem"), fixture_key(KEY_RSA_1024), NULL);
	fixture_write_pem_cert(in_dir("weak.crt"), weak, false);
	fixture_write_pem_key(in_dir("tls.pem"), fixture_key(KEY_P384), NULL);
	fixture_write_pem_cert(in_dir("tls.crt"), tls, false);
	assert_int_equal(auth_key_load(&root, "/weak.pem", "/weak.crt", &k, &e), -EBADMSG);
	assert_string_equal(e.check, "auth.key");
	assert_int_equal(auth_key_load(&root, "/tls.pem", "/tls.crt", &k, &e), -EBADMSG);
	assert_string_equal(e.check, "auth.eku");
}

static void test_passphrase(void **state _unused_)
{
	_x509_ X509 *cert = plain("signer");
	_auth_key_ struct auth_key *k = NULL;
	_close_ int in = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY);
	struct ukd_error e = {0};

	fixture_write_pem_key(in_dir("locked.pem"), fixture_key(KEY_P256), "secret");
	fixture_write_pem_cert(in_dir("locked.crt"), cert, false);
	assert_true(dup2(null, STDIN_FILENO) >= 0);
	assert_int_equal(auth_key_load(&root, "/locked.pem", "/locked.crt", &k, &e), -ENOTTY);
	assert_non_null(strstr(e.text, "passphrase"));
	if (in >= 0)
		(void)dup2(in, STDIN_FILENO);
}

static void test_host_key(void **state _unused_)
{
	_auth_key_ struct auth_key *k = NULL;
	struct ukd_error e = {0};
	struct stat st;

	assert_int_equal(auth_make_host_key(&root, "test host", "/local.key", "/local.crt", &e), 0);
	assert_int_equal(stat(in_dir("local.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(in_dir("local.crt"), &st), 0);
	assert_int_equal(st.st_mode & 0444, 0444);
	assert_int_equal(auth_key_load(&root, "/local.key", "/local.crt", &k, &e), 0);
	assert_int_equal(EVP_PKEY_get_bits(k->key), 3072);
	assert_int_equal(X509_check_ca(k->signer), 0);
	assert_int_equal(X509_get_extended_key_usage(k->signer), XKU_CODE_SIGN);
	assert_int_equal(X509_get_key_usage(k->signer), KU_DIGITAL_SIGNATURE);
	assert_non_null(X509_get0_subject_key_id(k->signer));
	assert_int_equal(auth_make_host_key(&root, "test host", "/none/k", "/none/c", &e), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_siglists),
		cmocka_unit_test(test_siglists_cut),
		cmocka_unit_test(test_siglists_hostile),
		cmocka_unit_test(test_efi_variables),
		cmocka_unit_test(test_cert_id),
		cmocka_unit_test(test_key_load),
		cmocka_unit_test(test_key_refused),
		cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_host_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
