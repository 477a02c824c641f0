// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates that libcrypto reads and the kernel does not, each made on purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "auth/kernel_cert.h"
#include "fixture_pki.h"
#include "util/cleanup.h"

static int teardown(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

static void expect_der(const char *what, struct bytes der, bool good)
{
	_x509_ X509 *cert = cert_from_der(der);
	struct ukd_error e = {0};
	int r;

	/* OpenSSL 3.6 decodes no certificate with an odd time. */
	if (!cert && !good)
		return;
	assert_non_null(cert);
	r = kernel_cert_check(cert, &e);
	if (good ? r < 0 : r >= 0 || strcmp(e.check, "auth.certificates") != 0)
		fail_msg("%s: result %d (%s: %s)", what, r, e.check, e.text);
}

/* As somebody else would read it: decoded anew. Takes cert. */
static void expect(const char *what, X509 *cert, bool good)
{
	_buffer_ struct buffer der = {0};

	fixture_cert_der(cert, &der);
	X509_free(cert);
	expect_der(what, buffer_bytes(&der), good);
}

static X509 *make(enum fixture_key key)
{
	return fixture_cert(&(struct fixture_cert){.name = "odd", .key = key, .no_skid = true});
}

static X509 *sign(X509 *cert)
{
	assert_true(X509_sign(cert, fixture_key(KEY_RSA_2048), EVP_sha256()) > 0);
	return cert;
}

static void test_good(void **state _unused_)
{
	static const enum fixture_key keys[] = {KEY_RSA_1024, KEY_RSA_2048, KEY_RSA_3072, KEY_P256,
						KEY_P384};

	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		expect("good",
		       fixture_cert(&(struct fixture_cert){.name = "good",
							   .key = keys[i],
							   .ca = i % 2,
							   .akid = "keyid,issuer:always"}),
		       true);
	expect("SHA-1",
	       fixture_cert(&(struct fixture_cert){
		       .name = "old", .key = KEY_RSA_2048, .weak_digest = true}),
	       true);
}

static void with_key(const char *what, EVP_PKEY *key, bool good)
{
	X509 *cert = make(KEY_RSA_2048);

	assert_non_null(key);
	assert_true(X509_set_pubkey(cert, key));
	EVP_PKEY_free(key);
	expect(what, sign(cert), good);
}

/* An RSA key with the modulus of a good one. */
static EVP_PKEY *with_exponent(int bits)
{
	_bignum_ BIGNUM *n = NULL, *e = BN_new();
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	assert_true(EVP_PKEY_get_bn_param(fixture_key(KEY_RSA_2048), OSSL_PKEY_PARAM_RSA_N, &n));
	assert_true(BN_set_bit(e, bits - 1) && BN_set_bit(e, 0));
	assert_true(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
		    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e));
	params = OSSL_PARAM_BLD_to_param(b);
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0 &&
		    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *ec_key(const char *param, const char *value)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_true(EVP_PKEY_set_utf8_string_param(key, param, value));
	return key;
}

static void test_keys(void **state _unused_)
{
	with_key("exponent of 64 bits", with_exponent(64), true);
	with_key("exponent of 65 bits", with_exponent(65), false);
	with_key("RSA-2560", EVP_RSA_gen(2560u), false);
	with_key("P-224", EVP_EC_gen("P-224"), false);
	with_key("P-521", EVP_EC_gen("P-521"), true);
	with_key("Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false);
	with_key("compressed point",
		 ec_key(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"), false);
	with_key("explicit curve", ec_key(OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), false);
}

static void test_algorithms(void **state _unused_)
{
	static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11};
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	X509 *cert = make(KEY_RSA_2048);
	_buffer_ struct buffer der = {0};
	uint8_t *first;

	assert_true(EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, fixture_key(KEY_RSA_2048)));
	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(X509_sign_ctx(cert, md) > 0);
	EVP_MD_CTX_free(md);
	fixture_cert_der(cert, &der);
	expect("RSA-PSS", cert, false);
	expect("signed with Ed25519", make(KEY_ED25519), false);

	buffer_free(&der);
	cert = make(KEY_RSA_2048);
	fixture_cert_der(cert, &der);
	expect("as it was", cert, true);
	first = memmem(der.data, der.len, oid, sizeof(oid));
	assert_non_null(first);
	first[sizeof(oid) - 1] = 12;
	expect_der("SHA-384 inside, SHA-256 outside", buffer_bytes(&der), false);
	first[sizeof(oid) - 1] = 11;
	der.data[der.len - 257] = 1;
	expect_der("a bit less of a signature", buffer_bytes(&der), false);
}

static ASN1_TIME *time_of(int type, const char *text)
{
	ASN1_TIME *t = ASN1_STRING_type_new(type);

	assert_true(t && ASN1_STRING_set(t, text, -1));
	return t;
}

static void with_time(int type, const char *text, bool good)
{
	ASN1_TIME *t = time_of(type, text);
	X509 *cert = make(KEY_RSA_2048);

	assert_int_equal(is_kernel_time(t), good);
	assert_true(X509_set1_notAfter(cert, t));
	ASN1_TIME_free(t);
	expect(text, sign(cert), good);
}

static void test_times(void **state _unused_)
{
	with_time(V_ASN1_UTCTIME, "491231235959Z", true);
	with_time(V_ASN1_UTCTIME, "700101000000Z", true);
	with_time(V_ASN1_UTCTIME, "691231235959Z", false);
	with_time(V_ASN1_UTCTIME, "4912312359Z", false);
	with_time(V_ASN1_UTCTIME, "491231235959+0100", false);
	with_time(V_ASN1_GENERALIZEDTIME, "20500101000000Z", true);
	with_time(V_ASN1_GENERALIZEDTIME, "99991231235959Z", true);
	with_time(V_ASN1_GENERALIZEDTIME, "20491231235959Z", false);
	with_time(V_ASN1_GENERALIZEDTIME, "20500101000000.5Z", false);
	with_time(V_ASN1_GENERALIZEDTIME, "19491231235959Z", false);
}

static void add_raw(X509 *cert, int nid, struct bytes data)
{
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	assert_true(ASN1_OCTET_STRING_set(os, data.p, (int)data.len));
	ext = X509_EXTENSION_create_by_NID(NULL, nid, 0, os);
	assert_true(ext && X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(os);
}

static void with_extension(const char *what, int nid, struct bytes data, unsigned int times,
			   bool good)
{
	X509 *cert = make(KEY_RSA_2048);
	int at = X509_get_ext_by_NID(cert, nid, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	while (times--)
		add_raw(cert, nid, data);
	expect(what, sign(cert), good);
}

/* The list is there, with nothing in it: in its place are a unique id and the rest of a list. */
static void test_no_extensions(void **state _unused_)
{
	static const uint8_t some[] = {0xa3, 16, 0x30, 14};
	static const uint8_t id[] = {0x81, 12, 0}, none[] = {0xa3, 2, 0x30, 0};
	_buffer_ struct buffer der = {0};
	X509 *cert = make(KEY_RSA_2048);
	uint8_t *at;

	fixture_cert_der(cert, &der);
	X509_free(cert);
	at = memmem(der.data, der.len, some, sizeof(some));
	assert_non_null(at);
	memcpy(at, id, sizeof(id));
	memcpy(at + 14, none, sizeof(none));
	expect_der("no extensions", buffer_bytes(&der), false);
}

#define RAW(...)                                                                       \
	(struct bytes)                                                                 \
	{                                                                              \
		(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) \
	}

/* Context tags [4] around an empty name and around one with a common name of one letter. */
#define EMPTY_NAME 0xa4, 2, 0x30, 0
#define NAME	   0xa4, 14, 0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, 'a'

static void test_extensions(void **state _unused_)
{
	uint8_t longest[131] = {4, 127}, too_long[131] = {4, 0x81, 128};
	const int skid = NID_subject_key_identifier, akid = NID_authority_key_identifier;

	with_extension("key id of 127", skid, (struct bytes){longest, 129}, 1, true);
	with_extension("key id of 128", skid, (struct bytes){too_long, 131}, 1, false);
	with_extension("no key id", skid, RAW(4, 0), 1, false);
	with_extension("bytes behind it", skid, RAW(4, 1, 7, 0), 1, false);
	with_extension("key id twice", skid, RAW(4, 1, 7), 2, false);
	with_extension("no usage", NID_key_usage, RAW(3, 1, 0), 1, false);
	with_extension("a usage", NID_key_usage, RAW(3, 2, 7, 0x80), 1, true);
	with_extension("CA:FALSE said", NID_basic_constraints, RAW(0x30, 3, 1, 1, 0), 1, false);
	with_extension("path only", NID_basic_constraints, RAW(0x30, 3, 2, 1, 0), 1, false);
	with_extension("CA with path", NID_basic_constraints, RAW(0x30, 6, 1, 1, 0xff, 2, 1, 0), 1,
		       true);
	with_extension("authority", akid, RAW(0x30, 3, 0x80, 1, 7), 1, true);
	with_extension("one name", akid, RAW(0x30, 21, 0xa1, 16, NAME, 0x82, 1, 1), 1, true);
	with_extension("two names", akid, RAW(0x30, 37, 0xa1, 32, NAME, NAME, 0x82, 1, 1), 1,
		       false);
	with_extension("empty name", akid, RAW(0x30, 9, 0xa1, 4, EMPTY_NAME, 0x82, 1, 1), 1, false);
	with_extension("a name of a machine", akid, RAW(0x30, 8, 0xa1, 3, 0x82, 1, 'a', 0x82, 1, 1),
		       1, false);
	with_extension("no authority", akid, RAW(4, 1, 7), 1, false);
	with_extension("two authorities", akid, RAW(0x30, 3, 0x80, 1, 7), 2, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	   cmocka_unit_test(test_keys),
		cmocka_unit_test(test_algorithms), cmocka_unit_test(test_times),
		cmocka_unit_test(test_extensions), cmocka_unit_test(test_no_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
