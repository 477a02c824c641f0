// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One PKCS#7 blob: every deviation from the form that Authenticode, the kernel and DER ask for is
 * made on purpose from a good signature, here in the decoded structure, and must be refused by the
 * check meant for it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "auth/sign.h"
#include "auth/signature.h"
#include "fixture_pki.h"
#include "fixture_signature.h"

static void test_good(void **state _unused_)
{
	_signature_ struct signature s = {0};
	struct ukd_error e = {0};

	assert_int_equal(signature_parse(buffer_bytes(&good), &s, &e), 0);
	assert_string_equal(s.alg->name, "SHA256");
	assert_int_equal(s.digest[2], 3);
	assert_int_equal(X509_cmp(s.signer, signer), 0);
	assert_int_equal(signature_verify(&s, &e), 0);
}

static void test_repeatable(void **state _unused_)
{
	struct auth_key k = {.key = fixture_key(KEY_RSA_2048), .signer = signer};
	_buffer_ struct buffer again = {0};
	uint8_t digest[32] = {1, 2, 3};
	struct ukd_error e;

	assert_int_equal(auth_sign_digest(&k, digest, &again, &e), 0);
	assert_true(bytes_equal(buffer_bytes(&good), buffer_bytes(&again)));
}

/* Deviations that are made in the decoded structure. */

static PKCS7_SIGNER_INFO *info_of(PKCS7 *p7)
{
	return sk_PKCS7_SIGNER_INFO_value(PKCS7_get_signer_info(p7), 0);
}

static int attribute_index(PKCS7 *p7, int nid)
{
	STACK_OF(X509_ATTRIBUTE) *attrs = info_of(p7)->auth_attr;

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++)
		if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(sk_X509_ATTRIBUTE_value(attrs, i))) ==
		    nid)
			return i;
	fail();
	return -1;
}

static X509_ATTRIBUTE *attribute_of(PKCS7 *p7, int nid)
{
	return sk_X509_ATTRIBUTE_value(info_of(p7)->auth_attr, attribute_index(p7, nid));
}

static void drop_attribute(PKCS7 *p7, int nid)
{
	X509_ATTRIBUTE_free(
		sk_X509_ATTRIBUTE_delete(info_of(p7)->auth_attr, attribute_index(p7, nid)));
}

static void no_attributes(PKCS7 *p7)
{
	sk_X509_ATTRIBUTE_pop_free(info_of(p7)->auth_attr, X509_ATTRIBUTE_free);
	info_of(p7)->auth_attr = NULL;
}

static void no_content_type(PKCS7 *p7)
{
	drop_attribute(p7, NID_pkcs9_contentType);
}

static void no_message_digest(PKCS7 *p7)
{
	drop_attribute(p7, NID_pkcs9_messageDigest);
}

static void other_content_type(PKCS7 *p7)
{
	drop_attribute(p7, NID_pkcs9_contentType);
	assert_true(PKCS7_add_attrib_content_type(info_of(p7), NULL));
}

static void attribute_twice(PKCS7 *p7)
{
	X509_ATTRIBUTE *a = X509_ATTRIBUTE_dup(attribute_of(p7, NID_pkcs9_messageDigest));

	assert_true(sk_X509_ATTRIBUTE_push(info_of(p7)->auth_attr, a));
}

static void two_values(PKCS7 *p7)
{
	static const uint8_t value[32] = {0};

	assert_true(X509_ATTRIBUTE_set1_data(attribute_of(p7, NID_pkcs9_messageDigest),
					     V_ASN1_OCTET_STRING, value, sizeof(value)));
}

static void many_attributes(PKCS7 *p7)
{
	for (int i = 0; i < 40; i++) {
		char oid[32];

		(void)snprintf(oid, sizeof(oid), "1.2.3.%d", i);
		sk_X509_ATTRIBUTE_push(info_of(p7)->auth_attr,
				       X509_ATTRIBUTE_create_by_txt(NULL, oid, V_ASN1_OCTET_STRING,
								    (const uint8_t *)"x", 1));
	}
}

static void short_message_digest(PKCS7 *p7)
{
	static const uint8_t value[20] = {0};

	drop_attribute(p7, NID_pkcs9_messageDigest);
	assert_true(PKCS7_add1_attrib_digest(info_of(p7), value, sizeof(value)));
}

static void no_signer_info(PKCS7 *p7)
{
	PKCS7_SIGNER_INFO_free(sk_PKCS7_SIGNER_INFO_pop(PKCS7_get_signer_info(p7)));
}

static void two_signer_infos(PKCS7 *p7)
{
	assert_non_null(PKCS7_add_signature(p7, signer, fixture_key(KEY_RSA_2048), EVP_sha256()));
}

static void set_algorithm(X509_ALGOR *a, int nid)
{
	assert_true(X509_ALGOR_set0(a, OBJ_nid2obj(nid), V_ASN1_NULL, NULL));
}

static void sha1_by_signer(PKCS7 *p7)
{
	set_algorithm(info_of(p7)->digest_alg, NID_sha1);
}

static void md5_by_signer(PKCS7 *p7)
{
	set_algorithm(info_of(p7)->digest_alg, NID_md5);
}

static void sha384_by_signer(PKCS7 *p7)
{
	set_algorithm(info_of(p7)->digest_alg, NID_sha384);
}

static void sha1_listed(PKCS7 *p7)
{
	set_algorithm(sk_X509_ALGOR_value(p7->d.sign->md_algs, 0), NID_sha1);
}

static void two_listed(PKCS7 *p7)
{
	X509_ALGOR *a = X509_ALGOR_new();

	set_algorithm(a, NID_sha384);
	assert_true(sk_X509_ALGOR_push(p7->d.sign->md_algs, a));
}

static void pss(PKCS7 *p7)
{
	set_algorithm(info_of(p7)->digest_enc_alg, NID_rsassaPss);
}

static void ecdsa_with_rsa_key(PKCS7 *p7)
{
	set_algorithm(info_of(p7)->digest_enc_alg, NID_ecdsa_with_SHA256);
}

static void no_certificate(PKCS7 *p7)
{
	X509_free(sk_X509_pop(p7->d.sign->cert));
}

static void certificate_of_other(PKCS7 *p7)
{
	static const struct fixture_cert spec = {.name = "signer", .key = KEY_P256};

	no_certificate(p7);
	assert_true(sk_X509_push(p7->d.sign->cert, fixture_cert(&spec)));
}

static void version_three(PKCS7 *p7)
{
	assert_true(ASN1_INTEGER_set(p7->d.sign->version, 3));
}

static void info_version_three(PKCS7 *p7)
{
	assert_true(ASN1_INTEGER_set(info_of(p7)->version, 3));
}

static void content_is_data(PKCS7 *p7)
{
	PKCS7 *data = PKCS7_new();

	assert_true(PKCS7_set_type(data, NID_pkcs7_data));
	assert_true(PKCS7_set_content(p7, data));
}

static void set_time(PKCS7 *p7, long days)
{
	ASN1_TIME *t = ASN1_TIME_adj(NULL, time(NULL), (int)days, 0);

	assert_true(PKCS7_add0_attrib_signing_time(info_of(p7), t));
}

static void time_inside(PKCS7 *p7)
{
	set_time(p7, 0);
}

static void time_before(PKCS7 *p7)
{
	set_time(p7, -2);
}

static void time_after(PKCS7 *p7)
{
	set_time(p7, 2);
}

static void time_is_text(PKCS7 *p7)
{
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	ASN1_STRING_set(s, "today", 5);
	assert_true(PKCS7_add_signed_attribute(info_of(p7), NID_pkcs9_signingTime, V_ASN1_IA5STRING,
					       s));
}

static void time_is_wrong(PKCS7 *p7)
{
	ASN1_UTCTIME *s = ASN1_UTCTIME_new();

	ASN1_STRING_set(s, "999999999999Z", 13);
	assert_true(
		PKCS7_add_signed_attribute(info_of(p7), NID_pkcs9_signingTime, V_ASN1_UTCTIME, s));
}

/* A time of day before 2050 that is no UTCTime: libcrypto reads it, the kernel does not. */
static void time_is_generalized(PKCS7 *p7)
{
	ASN1_TIME *t = ASN1_GENERALIZEDTIME_adj(NULL, time(NULL), 0, 0);

	assert_true(PKCS7_add_signed_attribute(info_of(p7), NID_pkcs9_signingTime,
					       V_ASN1_GENERALIZEDTIME, t));
}

static void time_without_seconds(PKCS7 *p7)
{
	ASN1_TIME *t = ASN1_TIME_adj(NULL, time(NULL), 0, 0);

	assert_true(ASN1_STRING_set(t, "2601010000Z", 11));
	assert_true(
		PKCS7_add_signed_attribute(info_of(p7), NID_pkcs9_signingTime, V_ASN1_UTCTIME, t));
}

/* Nobody needs it, but the kernel reads it. */
static void unreadable_certificate(PKCS7 *p7)
{
	static const struct fixture_cert spec = {.name = "other", .key = KEY_ED25519};

	assert_true(sk_X509_push(p7->d.sign->cert, fixture_cert(&spec)));
}

static void revocation_list(PKCS7 *p7)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = ASN1_TIME_adj(NULL, time(NULL), 0, 0);

	assert_true(X509_CRL_set_issuer_name(crl, X509_get_subject_name(signer)) &&
		    X509_CRL_set1_lastUpdate(crl, now) &&
		    X509_CRL_sign(crl, fixture_key(KEY_RSA_2048), EVP_sha256()) > 0);
	ASN1_TIME_free(now);
	p7->d.sign->crl = sk_X509_CRL_new_null();
	assert_true(sk_X509_CRL_push(p7->d.sign->crl, crl));
}

static void revocation_list_empty(PKCS7 *p7)
{
	p7->d.sign->crl = sk_X509_CRL_new_null();
}

static void unauthenticated(PKCS7 *p7)
{
	ASN1_INTEGER *one = ASN1_INTEGER_new();

	assert_true(ASN1_INTEGER_set(one, 1));
	assert_true(PKCS7_add_attribute(info_of(p7), NID_description, V_ASN1_INTEGER, one));
}

static void unauthenticated_empty(PKCS7 *p7)
{
	X509_ATTRIBUTE *a = X509_ATTRIBUTE_new();

	assert_true(X509_ATTRIBUTE_set1_object(a, OBJ_nid2obj(NID_description)));
	info_of(p7)->unauth_attr = sk_X509_ATTRIBUTE_new_null();
	assert_true(sk_X509_ATTRIBUTE_push(info_of(p7)->unauth_attr, a));
}

static void unauthenticated_none(PKCS7 *p7)
{
	info_of(p7)->unauth_attr = sk_X509_ATTRIBUTE_new_null();
}

/* X509_NAME_cmp() finds no difference. */
static void issuer_in_capitals(PKCS7 *p7)
{
	X509_NAME *name = info_of(p7)->issuer_and_serial->issuer;

	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					       (const unsigned char *)"SIGNER", -1, -1, 0));
	assert_int_equal(X509_NAME_cmp(name, X509_get_issuer_name(signer)), 0);
}

static const struct {
	const char *name;
	void (*change)(PKCS7 *p7);
	const char *check;
} changes[] = {
	{"no attributes", no_attributes, "auth.attributes"},
	{"no contentType", no_content_type, "auth.attributes"},
	{"no messageDigest", no_message_digest, "auth.attributes"},
	{"contentType is data", other_content_type, "auth.attributes"},
	{"an attribute twice", attribute_twice, "auth.attributes"},
	{"an attribute with two values", two_values, "auth.attributes"},
	{"40 attributes", many_attributes, "auth.attributes"},
	{"messageDigest of 20 bytes", short_message_digest, "auth.attributes"},
	{"no SignerInfo", no_signer_info, "auth.signer-info"},
	{"two SignerInfos", two_signer_infos, "auth.signer-info"},
	{"SignerInfo version 3", info_version_three, "auth.signer-info"},
	{"SHA-1 by the signer", sha1_by_signer, "auth.digest-algorithm"},
	{"MD5 by the signer", md5_by_signer, "auth.digest-algorithm"},
	{"SHA-384 by the signer", sha384_by_signer, "auth.digest-algorithm"},
	{"SHA-1 listed", sha1_listed, "auth.digest-algorithm"},
	{"two algorithms listed", two_listed, "auth.digest-algorithm"},
	{"RSA-PSS", pss, "auth.signature-algorithm"},
	{"ECDSA with an RSA key", ecdsa_with_rsa_key, "auth.signature-algorithm"},
	{"no certificate", no_certificate, "auth.signer"},
	{"certificate of another", certificate_of_other, "auth.signer"},
	{"SignedData version 3", version_three, "auth.pkcs7"},
	{"content is data", content_is_data, "auth.content-type"},
	{"signingTime inside", time_inside, NULL},
	{"signingTime before", time_before, "auth.signing-time"},
	{"signingTime after", time_after, "auth.signing-time"},
	{"signingTime is text", time_is_text, "auth.signing-time"},
	{"signingTime is wrong", time_is_wrong, "auth.signing-time"},
	{"signingTime is generalized", time_is_generalized, "auth.signing-time"},
	{"an unreadable certificate", unreadable_certificate, "auth.certificates"},
	{"a revocation list", revocation_list, "auth.certificates"},
	{"an empty one", revocation_list_empty, "auth.certificates"},
	{"an unauthenticated attribute", unauthenticated, NULL},
	{"an unauthenticated attribute without values", unauthenticated_empty, "auth.attributes"},
	{"no unauthenticated attribute", unauthenticated_none, "auth.attributes"},
	{"issuer in capitals", issuer_in_capitals, "auth.signer"},
};

/* The good one, changed. Allocates ret. */
static struct bytes changed(void (*change)(PKCS7 *), unsigned char **ret)
{
	const unsigned char *p = good.data;
	_pkcs7_ PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)good.len);
	int len;

	change(p7);
	len = i2d_PKCS7(p7, ret);
	assert_true(len > 0);
	return (struct bytes){*ret, (uint64_t)len};
}

static void test_changes(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(changes); i++) {
		_ossl_mem_ unsigned char *der = NULL;

		expect(changes[i].name, changed(changes[i].change, &der), changes[i].check);
	}
}

/* OpenSSL 3.6 does not decode it, those before leave it to us. */
static void test_time_without_seconds(void **state _unused_)
{
	_signature_ struct signature s = {0};
	_ossl_mem_ unsigned char *der = NULL;
	struct ukd_error e = {0};

	assert_true(signature_parse(changed(time_without_seconds, &der), &s, &e) < 0);
	if (strcmp(e.check, "auth.signing-time") != 0)
		assert_string_equal(e.check, "auth.pkcs7");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_time_without_seconds),
	};

	return cmocka_run_group_tests(tests, signature_begin, signature_end);
}
