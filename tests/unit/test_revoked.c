// SPDX-License-Identifier: GPL-2.0-or-later
/* Verdicts about images of which something is revoked: src/auth/revoked.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "auth/sign.h"
#include "auth/trust.h"
#include "fixture_pe.h"
#include "fixture_revoked.h"
#include "util/cleanup.h"

static struct auth_result verify(const struct buffer *pe, const struct auth_trust *t,
				 const struct auth_revoked *r)
{
	_close_ int fd = fixture_memfd(buffer_bytes(pe));
	struct auth_policy policy = {(struct auth_trust *)t, (struct auth_revoked *)r};
	struct auth_result res, inner;
	struct ukd_error e = {0};
	_uki_ struct uki u = {0};

	if (auth_verify(fd, "test", pe->len, &policy, &u, &res, &inner, &e) < 0)
		fail_msg("refused: %s: %s", e.check, e.text);
	return res;
}

static void expect(const struct buffer *pe, const struct auth_trust *t,
		   const struct auth_revoked *r, const char *check)
{
	struct auth_result res = verify(pe, t, r);

	if (res.verdict != (*check ? AUTH_REVOKED : AUTH_TRUSTED) || strcmp(res.check, check) != 0)
		fail_msg("%s (%s: %s), expected check '%s'", auth_verdict_name(res.verdict),
			 res.check, res.reason, check);
}

static struct auth_revoked *revoke_data(const uint8_t type[16], struct bytes data)
{
	_buffer_ struct buffer lists = {0};

	fixture_add_list(&lists, type, data, 0);
	return revoked_in(&lists);
}

static struct auth_revoked *revoke_cert(const X509 *cert)
{
	_buffer_ struct buffer der = {0};

	fixture_cert_der(cert, &der);
	return revoke_data(x509_type, buffer_bytes(&der));
}

/* An entry of any of the kinds for images signed with any digest. */
static void test_image_digests(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("signer", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(signer), *nobody = fixture_trust(NULL);

	for (unsigned int a = 0; a < DIGEST_ALG_MAX; a++)
		for (unsigned int i = 0; i < ARRAY_SIZE(digest_types); i++) {
			const struct digest_type *type = &digest_types[i];
			_revoked_ struct auth_revoked *r = NULL, *close = NULL;
			_buffer_ struct buffer pe = {0};
			uint8_t md[EVP_MAX_MD_SIZE];

			fixture_uki_make(&pe);
			fixture_digest(&pe, type->alg, md);
			r = revoke_data(type->image, (struct bytes){md, type->alg->len});
			md[type->alg->len - 1] ^= 1;
			close = revoke_data(type->image, (struct bytes){md, type->alg->len});
			expect(&pe, t, r, "revoked.image");
			assert_int_equal(verify(&pe, t, close).verdict, AUTH_UNSIGNED);
			fixture_sign(&pe, KEY_P256, signer, NULL, &digest_algs[a]);
			expect(&pe, t, r, "revoked.image");
			expect(&pe, nobody, r, "revoked.image");
			expect(&pe, t, close, "");
			expect(&pe, t, NULL, "");
		}
}

/* A good signature comes before: what was changed is not the image that was revoked. */
static void test_digest_comes_first(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("signer", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(signer);
	_revoked_ struct auth_revoked *r = revoke_cert(signer);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, signer, NULL, SHA256);
	expect(&pe, t, r, "revoked.certificate");
	pe.data[fixture_section_offset(&pe, ".initrd")] ^= 1;
	assert_int_equal(verify(&pe, t, r).verdict, AUTH_DIGEST);
}

struct chain {
	X509 *root, *middle, *leaf, *stranger;
};

static X509 *ca(const char *name, enum fixture_key key, const X509 *issuer,
		enum fixture_key issuer_key)
{
	return fixture_cert(&(struct fixture_cert){
		.name = name, .key = key, .issuer = issuer, .issuer_key = issuer_key, .ca = true});
}

static void chain_make(struct chain *c)
{
	c->root = ca("root", KEY_RSA_3072, NULL, 0);
	c->middle = ca("middle", KEY_P384, c->root, KEY_RSA_3072);
	c->leaf = fixture_cert(&(struct fixture_cert){
		.name = "leaf", .key = KEY_P256, .issuer = c->middle, .issuer_key = KEY_P384});
	c->stranger = ca("middle", KEY_RSA_2048, NULL, 0);
}

static void chain_free(struct chain *c)
{
	X509_free(c->root);
	X509_free(c->middle);
	X509_free(c->leaf);
	X509_free(c->stranger);
}
#define _chain_ _cleanup_(chain_free)

/*
 * Every certificate of the chain, with every one of it as the anchor and with none; the root is
 * above the anchor then, and revokes all the same.
 */
static void test_certificates(void **state _unused_)
{
	_chain_ struct chain c = {0};
	_buffer_ struct buffer with = {0}, without = {0};
	X509 *chain[4];

	chain_make(&c);
	fixture_uki_make(&with);
	fixture_uki_make(&without);
	fixture_sign(&with, KEY_P256, c.leaf, c.middle, SHA256);
	fixture_sign(&without, KEY_P256, c.leaf, NULL, SHA256);
	chain[0] = c.leaf, chain[1] = c.middle, chain[2] = c.root, chain[3] = NULL;
	for (int revoked = 0; revoked < 3; revoked++)
		for (int anchor = 0; anchor < 4; anchor++) {
			_auth_trust_ struct auth_trust *t = fixture_trust(chain[anchor]);
			_revoked_ struct auth_revoked *r = revoke_cert(chain[revoked]);
			bool known = revoked < 2 || anchor == 1;

			expect(&with, t, r, "revoked.certificate");
			/* Nobody has the intermediate that leads to the revoked root. */
			if (!known)
				assert_int_not_equal(verify(&without, t, r).verdict, AUTH_REVOKED);
			else
				expect(&without, t, r, "revoked.certificate");
		}
}

static void test_stranger(void **state _unused_)
{
	_chain_ struct chain c = {0};
	_auth_trust_ struct auth_trust *t = NULL;
	_revoked_ struct auth_revoked *r = NULL, *renamed = NULL;
	_x509_ X509 *other_name = ca("other middle", KEY_P384, NULL, 0);
	_buffer_ struct buffer pe = {0};

	chain_make(&c);
	t = fixture_trust(c.root);
	r = revoke_cert(c.stranger);	   /* the intermediate's name, another key */
	renamed = revoke_cert(other_name); /* its key, another name */
	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, c.leaf, c.middle, SHA256);
	expect(&pe, t, r, "");
	expect(&pe, t, renamed, "");
}

/* What is signed in it counts: anyone can change the signature below a certificate's content. */
static void test_other_signature_of_the_certificate(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("signer", KEY_P256), *again = X509_dup(signer);
	_auth_trust_ struct auth_trust *t = fixture_trust(signer);
	_revoked_ struct auth_revoked *r = NULL;
	_buffer_ struct buffer pe = {0};

	assert_true(X509_sign(again, fixture_key(KEY_P256), EVP_sha256()));
	assert_int_not_equal(X509_cmp(signer, again), 0);
	r = revoke_cert(again);
	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, signer, NULL, SHA256);
	expect(&pe, t, r, "revoked.certificate");
}

/* A CA with two certificates: a chain builder finds the way to the good root, and stops. */
static void test_cross_certified(void **state _unused_)
{
	_x509_ X509 *good = ca("good root", KEY_RSA_2048, NULL, 0);
	_x509_ X509 *bad = ca("bad root", KEY_RSA_2048_B, NULL, 0);
	_x509_ X509 *by_good = ca("middle", KEY_P384, good, KEY_RSA_2048);
	_x509_ X509 *by_bad = ca("middle", KEY_P384, bad, KEY_RSA_2048_B);
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){
		.name = "leaf", .key = KEY_P256, .issuer = by_good, .issuer_key = KEY_P384});
	_auth_trust_ struct auth_trust *t = fixture_trust(good);
	_revoked_ struct auth_revoked *r = revoke_cert(bad);
	struct ukd_error e;

	for (int both = 0; both < 2; both++) {
		_buffer_ struct buffer pe = {0};

		if (both)
			assert_int_equal(trust_add(t, by_bad, "other", &e), 0);
		fixture_uki_make(&pe);
		fixture_sign(&pe, KEY_P256, leaf, by_good, SHA256);
		expect(&pe, t, r, both ? "revoked.certificate" : "");
	}
}

/* A weak key, a weak digest, no CA: good enough to be revoked. */
static void test_weak_issuer(void **state _unused_)
{
	_x509_ X509 *weak = fixture_plain_cert("weak", KEY_RSA_1024);
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){.name = "leaf",
								.key = KEY_P256,
								.issuer = weak,
								.issuer_key = KEY_RSA_1024,
								.weak_digest = true});
	_auth_trust_ struct auth_trust *t = fixture_trust(leaf);
	_revoked_ struct auth_revoked *r = revoke_cert(weak);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, leaf, NULL, SHA256);
	expect(&pe, t, NULL, "");
	expect(&pe, t, r, "revoked.certificate");
}

/* Hash of the TBSCertificate and a time, in each algorithm, for each certificate of the chain. */
static void test_certificate_digests(void **state _unused_)
{
	static const uint8_t time[16] = {0xe7, 0x07, 3, 9}; /* 2023-03-09 */
	_chain_ struct chain c = {0};
	_auth_trust_ struct auth_trust *t = NULL;
	_buffer_ struct buffer pe = {0};
	X509 *certs[3];

	chain_make(&c);
	t = fixture_trust(c.root);
	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, c.leaf, c.middle, SHA256);
	certs[0] = c.leaf, certs[1] = c.middle, certs[2] = c.root;
	for (unsigned int i = 0; i < 2 * DIGEST_ALG_MAX * ARRAY_SIZE(certs); i++) {
		const struct digest_type *type = &digest_types[i / 2 % DIGEST_ALG_MAX];
		_ossl_mem_ unsigned char *tbs = NULL;
		_revoked_ struct auth_revoked *r = NULL;
		uint8_t data[EVP_MAX_MD_SIZE + 16] = {0};
		int len = i2d_re_X509_tbs(certs[i / 2 / DIGEST_ALG_MAX], &tbs);

		assert_true(len > 0);
		assert_true(
			EVP_Q_digest(NULL, type->alg->name, NULL, tbs, (size_t)len, data, NULL));
		if (i % 2)
			memcpy(data + type->alg->len, time, sizeof(time));
		r = revoke_data(type->certificate, (struct bytes){data, type->alg->len + 16u});
		expect(&pe, t, r, "revoked.certificate");
		assert_int_equal(strstr(verify(&pe, t, r).reason, "as of 2023-03-09") != NULL,
				 i % 2);
	}
}

/* Each embedded certificate may claim to be issued by each other: how many there are is limited. */
static void test_many_certificates(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("signer", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(signer);
	_certs_ STACK_OF(X509) *others = sk_X509_new_null();
	struct auth_key key = {fixture_key(KEY_P256), signer, others};

	for (int n = 1; n <= 17; n++) {
		_buffer_ struct buffer pe = {0}, der = {0};
		uint8_t md[EVP_MAX_MD_SIZE];
		struct auth_result res;
		struct ukd_error e;

		fixture_uki_make(&pe);
		fixture_digest(&pe, SHA256, md);
		assert_int_equal(sign_digest_with(&key, SHA256, md, &der, &e), 0);
		fixture_attach(&pe, buffer_bytes(&der));
		res = verify(&pe, t, NULL);
		assert_int_equal(res.verdict, n <= 16 ? AUTH_TRUSTED : AUTH_MALFORMED);
		assert_string_equal(res.check, n <= 16 ? "" : "auth.certificates");
		sk_X509_push(others, fixture_plain_cert("same name", KEY_P256));
	}
}

static void test_second_signature(void **state _unused_)
{
	_x509_ X509 *good = fixture_plain_cert("good", KEY_P256);
	_x509_ X509 *bad = fixture_plain_cert("bad", KEY_P384);
	_auth_trust_ struct auth_trust *t = fixture_trust(good);
	_revoked_ struct auth_revoked *r = revoke_cert(bad);
	_buffer_ struct buffer pe = {0}, first = {0}, second = {0};

	fixture_uki_make(&pe);
	fixture_sign_blob(&pe, KEY_P256, good, NULL, SHA256, &first);
	fixture_sign_blob(&pe, KEY_P384, bad, NULL, SHA256, &second);
	fixture_attach(&pe, buffer_bytes(&first));
	fixture_attach(&pe, buffer_bytes(&second));
	expect(&pe, t, NULL, "");
	expect(&pe, t, r, "revoked.certificate");
	assert_true(!strncmp(verify(&pe, t, r).reason, "signature 2 of 2: ", 18));
}

static void test_sbat_verdict(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("signer", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(signer), *nobody = fixture_trust(NULL);
	_revoked_ struct auth_revoked *same = auth_revoked_new(), *higher = auth_revoked_new();
	_buffer_ struct buffer pe = {0};
	struct ukd_error e;

	assert_int_equal(revoked_set_level(same, TEXT("sbat,1,2023012900\nshim,9\n"), &e), 0);
	assert_int_equal(revoked_set_level(higher, TEXT("sbat,2,2030010100\n"), &e), 0);
	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, signer, NULL, SHA256);
	expect(&pe, t, same, "");
	expect(&pe, t, higher, "revoked.sbat");
	expect(&pe, nobody, higher, "revoked.sbat");
}

/* A file whose .sbat is not whole is no UKI, level or not. */
static void test_sbat_malformed(void **state _unused_)
{
	_auth_trust_ struct auth_trust *nobody = fixture_trust(NULL);
	struct auth_policy policy = {.trust = nobody};
	struct auth_result res, inner;
	_buffer_ struct buffer pe = {0};
	struct ukd_error e = {0};
	_close_ int fd = -1;
	struct uki u;

	fixture_uki_make(&pe);
	memcpy(pe.data + fixture_section_offset(&pe, ".sbat"), "sbat,1,\n", 8);
	fd = fixture_memfd(buffer_bytes(&pe));
	assert_int_equal(auth_verify(fd, "test", pe.len, &policy, &u, &res, &inner, &e), -EBADMSG);
	assert_string_equal(e.check, "uki.sbat");
	assert_true(!strncmp(e.text, "test: SBAT line 1: ", 19));
}

static int end(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_digests),
		cmocka_unit_test(test_digest_comes_first),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_other_signature_of_the_certificate),
		cmocka_unit_test(test_cross_certified),
		cmocka_unit_test(test_weak_issuer),
		cmocka_unit_test(test_certificate_digests),
		cmocka_unit_test(test_many_certificates),
		cmocka_unit_test(test_second_signature),
		cmocka_unit_test(test_sbat_verdict),
		cmocka_unit_test(test_sbat_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
