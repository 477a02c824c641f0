// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's walk through a signature's certificates: src/auth/embedded.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <openssl/x509v3.h>

#include "auth/embedded.h"
#include "fixture_checks.h"
#include "fixture_pki.h"
#include "util/cleanup.h"

#define WALK_MAX 4

struct walk {
	X509 *cert[WALK_MAX]; /* signer first */
	PKCS7 *p7;
	struct signature s;
};

static void walk_add(struct walk *w, struct fixture_cert c)
{
	unsigned int i = 0;

	while (w->cert[i])
		i++;
	w->cert[i] = fixture_cert(&c);
	if (!w->p7) {
		w->p7 = PKCS7_new();
		assert_true(PKCS7_set_type(w->p7, NID_pkcs7_signed));
		w->s = (struct signature){.p7 = w->p7, .signer = w->cert[i]};
	}
	assert_true(PKCS7_add_certificate(w->p7, w->cert[i]));
}

static void walk_end(struct walk *w)
{
	for (unsigned int i = 0; i < WALK_MAX; i++)
		X509_free(w->cert[i]);
	PKCS7_free(w->p7);
}

static unsigned int walk_length(const struct walk *w)
{
	struct auth_result a = {0};
	struct ukd_error e = {0};

	if (embedded_check(&w->s, &e) < 0)
		fail_msg("%s", e.text);
	embedded_describe(&w->s, &a);
	return a.n_embedded;
}

static void test_walk_follows_authority_key_ids(void **state _unused_)
{
	static const char *const akids[] = {"keyid:always", "issuer:always",
					    "keyid:always,issuer:always"};
	X509 *root = fixture_cert(&(struct fixture_cert){.name = "root", .ca = true});

	for (unsigned int i = 0; i < ARRAY_SIZE(akids); i++) {
		_cleanup_(walk_end) struct walk w = {0};
		X509 *ca = fixture_cert(&(struct fixture_cert){.name = "ca",
							       .ca = true,
							       .key = KEY_RSA_3072,
							       .issuer = root,
							       .akid = akids[i]});

		walk_add(&w, (struct fixture_cert){.name = "signer",
						   .key = KEY_RSA_2048_B,
						   .issuer = ca,
						   .issuer_key = KEY_RSA_3072,
						   .akid = akids[i]});
		assert_int_equal(walk_length(&w), 1);
		assert_true(PKCS7_add_certificate(w.p7, root)); /* not named by the signer */
		assert_int_equal(walk_length(&w), 1);
		assert_true(PKCS7_add_certificate(w.p7, ca));
		assert_int_equal(walk_length(&w), 3);
		X509_free(ca);
	}
	X509_free(root);
}

static void test_walk_ends_without_an_authority(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0}, alone = {0};
	X509 *ca = fixture_cert(&(struct fixture_cert){.name = "ca", .ca = true});

	walk_add(&w, (struct fixture_cert){.name = "signer", .key = KEY_RSA_2048_B, .issuer = ca});
	assert_true(PKCS7_add_certificate(w.p7, ca));
	assert_int_equal(walk_length(&w), 1); /* no authority key id: the kernel looks no further */
	walk_add(&alone, (struct fixture_cert){.name = "self", .akid = "keyid:always"});
	assert_int_equal(walk_length(&alone), 1);
	X509_free(ca);
}

/* Another certificate with the issuer's key id: libcrypto would try the next, the kernel does not. */
static void test_walk_refuses_what_has_not_signed(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0};
	struct fixture_cert evil = {
		.name = "evil", .key = KEY_RSA_3072, .ca = true, .no_skid = true};
	X509 *ca = fixture_cert(&(struct fixture_cert){.name = "ca", .ca = true});
	X509 *other = fixture_cert(&evil);
	struct ukd_error e = {0};

	/* the same key id on another key, signed by itself */
	assert_true(X509_add1_ext_i2d(other, NID_subject_key_identifier,
				      (void *)X509_get0_subject_key_id(ca), 0, 0));
	assert_true(X509_sign(other, fixture_key(KEY_RSA_3072), EVP_sha256()));
	walk_add(&w, (struct fixture_cert){.name = "signer",
					   .key = KEY_RSA_2048_B,
					   .issuer = ca,
					   .akid = "keyid:always"});
	assert_true(PKCS7_add_certificate(w.p7, other));
	assert_true(PKCS7_add_certificate(w.p7, ca));
	expect_refused(embedded_check(&w.s, &e), &e, "auth.chain", "evil");
	assert_non_null(strstr(e.text, "has not signed it"));
	X509_free(other);
	X509_free(ca);
}

/* An authority key id whose key id is not that of the certificate with its issuer and serial. */
static void test_walk_refuses_a_contradiction(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0};
	X509 *ca = fixture_cert(&(struct fixture_cert){.name = "ca", .ca = true});
	X509 *other = X509_dup(ca);
	ASN1_OCTET_STRING *skid = ASN1_OCTET_STRING_new();
	struct ukd_error e = {0};

	assert_true(ASN1_OCTET_STRING_set(skid, (const unsigned char *)"other", 5));
	assert_true(
		X509_add1_ext_i2d(other, NID_subject_key_identifier, skid, 0, X509V3_ADD_REPLACE));
	assert_true(X509_sign(other, fixture_key(KEY_RSA_2048), EVP_sha256()));
	walk_add(&w, (struct fixture_cert){.name = "signer",
					   .key = KEY_RSA_2048_B,
					   .issuer = ca,
					   .akid = "keyid:always,issuer:always"});
	assert_true(PKCS7_add_certificate(w.p7, other));
	expect_refused(embedded_check(&w.s, &e), &e, "auth.chain", "other");
	assert_non_null(strstr(e.text, "contradicts itself"));
	ASN1_OCTET_STRING_free(skid);
	X509_free(other);
	X509_free(ca);
}

/* A root that is on nobody's way is parsed, and checked, all the same. */
static void test_roots_have_signed_themselves(void **state _unused_)
{
	static const char *const akids[] = {NULL, "keyid:always", "issuer:always"};

	for (unsigned int i = 0; i < ARRAY_SIZE(akids); i++) {
		_cleanup_(walk_end) struct walk w = {0};
		X509 *root = fixture_cert(
			&(struct fixture_cert){.name = "root", .ca = true, .akid = akids[i]});
		struct ukd_error e = {0};

		walk_add(&w, (struct fixture_cert){.name = "signer", .key = KEY_RSA_2048_B});
		assert_true(PKCS7_add_certificate(w.p7, root));
		assert_int_equal(walk_length(&w), 1);
		assert_true(X509_sign(root, fixture_key(KEY_RSA_3072), EVP_sha256()));
		expect_refused(embedded_check(&w.s, &e), &e, "auth.chain", "forged root");
		assert_non_null(strstr(e.text, "'CN = root': it names itself"));
		X509_free(root);
	}
}

/* libcrypto has no answer for a key of another kind than the signature; the kernel has one. */
static void test_root_of_another_kind(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0};
	X509 *root = fixture_cert(&(struct fixture_cert){.name = "root", .ca = true});
	struct ukd_error e = {0};

	walk_add(&w, (struct fixture_cert){.name = "signer", .key = KEY_RSA_2048_B});
	assert_true(PKCS7_add_certificate(w.p7, root));
	assert_true(X509_sign(root, fixture_key(KEY_P256), EVP_sha256()));
	expect_refused(embedded_check(&w.s, &e), &e, "auth.chain", "root by ECDSA");
	X509_free(root);
}

/* The kernel compares the bytes of names: this one is no root, and nobody asks who signed it. */
static void test_nearly_a_root(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0};
	X509 *root = fixture_cert(&(struct fixture_cert){.name = "root", .ca = true});
	X509_NAME *name = X509_get_issuer_name(root);
	struct ukd_error e = {0};

	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					       (const unsigned char *)"ROOT", -1, -1, 0));
	assert_true(X509_sign(root, fixture_key(KEY_RSA_3072), EVP_sha256()));
	assert_int_equal(X509_NAME_cmp(name, X509_get_subject_name(root)), 0);
	walk_add(&w, (struct fixture_cert){.name = "signer", .key = KEY_RSA_2048_B});
	assert_true(PKCS7_add_certificate(w.p7, root));
	assert_int_equal(embedded_check(&w.s, &e), 0);
	X509_free(root);
}

static void test_root_that_contradicts_itself(void **state _unused_)
{
	_cleanup_(walk_end) struct walk w = {0};
	X509 *root = fixture_cert(&(struct fixture_cert){
		.name = "root", .ca = true, .akid = "keyid:always,issuer:always"});
	ASN1_OCTET_STRING *skid = ASN1_OCTET_STRING_new();
	struct ukd_error e = {0};

	walk_add(&w, (struct fixture_cert){.name = "signer", .key = KEY_RSA_2048_B});
	assert_true(PKCS7_add_certificate(w.p7, root));
	assert_true(ASN1_OCTET_STRING_set(skid, (const unsigned char *)"other", 5));
	assert_true(
		X509_add1_ext_i2d(root, NID_subject_key_identifier, skid, 0, X509V3_ADD_REPLACE));
	assert_true(X509_sign(root, fixture_key(KEY_RSA_2048), EVP_sha256()));
	expect_refused(embedded_check(&w.s, &e), &e, "auth.chain", "contradiction");
	ASN1_OCTET_STRING_free(skid);
	X509_free(root);
}

static void test_certificate_digests(void **state _unused_)
{
	struct fixture_cert rsa = {.name = "a"}, weak = {.name = "b", .weak_digest = true},
			    ed = {.name = "c", .key = KEY_ED25519};
	const struct {
		const struct fixture_cert *cert;
		unsigned int len;
	} cases[] = {{&rsa, 32}, {&weak, 20}, {&ed, 0}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		X509 *cert = fixture_cert(cases[i].cert);
		struct auth_cert_id id;
		uint8_t digest[32];
		unsigned char *der = NULL;
		int len = i2d_re_X509_tbs(cert, &der);

		cert_id(cert, &id);
		assert_int_equal(id.tbs_len, cases[i].len);
		if (id.tbs_len == 32) {
			assert_true(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL));
			assert_memory_equal(id.tbs, digest, 32);
		}
		OPENSSL_free(der);
		X509_free(cert);
	}
}

static int end(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_follows_authority_key_ids),
		cmocka_unit_test(test_walk_ends_without_an_authority),
		cmocka_unit_test(test_walk_refuses_what_has_not_signed),
		cmocka_unit_test(test_walk_refuses_a_contradiction),
		cmocka_unit_test(test_roots_have_signed_themselves),
		cmocka_unit_test(test_root_of_another_kind),
		cmocka_unit_test(test_nearly_a_root),
		cmocka_unit_test(test_root_that_contradicts_itself),
		cmocka_unit_test(test_certificate_digests),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
