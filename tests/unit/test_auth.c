// SPDX-License-Identifier: GPL-2.0-or-later
/* auth_verify(): images signed in every right and wrong way. Keys and images are made here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/digest.h"
#include "auth/trust.h"
#include "fixture_auth.h"
#include "fixture_pe.h"
#include "fixture_pki.h"
#include "util/cleanup.h"

static int try_verify(const struct buffer *pe, const struct auth_trust *t, struct auth_result *res,
		      struct ukd_error *e)
{
	_close_ int fd = fixture_memfd(buffer_bytes(pe));
	struct auth_policy policy = {.trust = (struct auth_trust *)t};
	struct auth_result inner;
	_uki_ struct uki u = {0};

	return auth_verify(fd, "test", pe->len, &policy, &u, res, &inner, e);
}

static struct auth_result verify(const struct buffer *pe, const struct auth_trust *t)
{
	struct ukd_error e = {0};
	struct auth_result res;

	memset(&res, 0xff, sizeof(res));
	if (try_verify(pe, t, &res, &e) < 0)
		fail_msg("refused: %s: %s", e.check, e.text);
	return res;
}

static void expect(const struct buffer *pe, const struct auth_trust *t, enum auth_verdict verdict,
		   const char *check)
{
	struct auth_result res = verify(pe, t);

	if (res.verdict != verdict || strcmp(res.check, check) != 0)
		fail_msg("%s (%s: %s), expected %s (%s)", auth_verdict_name(res.verdict), res.check,
			 res.reason, auth_verdict_name(verdict), check);
	assert_true(verdict == AUTH_TRUSTED ? !res.reason[0] : res.reason[0]);
}

static void test_algorithms(void **state _unused_)
{
	static const struct {
		enum fixture_key key;
		const char *name;
	} kinds[] = {{KEY_RSA_2048, "RSA-2048"},
		     {KEY_RSA_3072, "RSA-3072"},
		     {KEY_P256, "EC prime256v1"},
		     {KEY_P384, "EC secp384r1"}};

	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++)
		for (unsigned int a = 0; a < DIGEST_ALG_MAX; a++) {
			_x509_ X509 *cert = fixture_plain_cert("signer", kinds[k].key);
			_auth_trust_ struct auth_trust *t = fixture_trust(cert);
			_buffer_ struct buffer pe = {0};
			uint8_t id[EVP_MAX_MD_SIZE];
			struct auth_result res;

			fixture_uki_make(&pe);
			fixture_digest(&pe, SHA256, id);
			fixture_sign(&pe, kinds[k].key, cert, NULL, &digest_algs[a]);
			res = verify(&pe, t);
			assert_string_equal(res.reason, "");
			assert_int_equal(res.verdict, AUTH_TRUSTED);
			assert_string_equal(res.digest_name, digest_algs[a].name);
			assert_string_equal(res.key_name, kinds[k].name);
			assert_string_equal(res.anchor, "test anchor");
			assert_string_equal(res.warning, "");
			assert_string_equal(res.chain[0].subject, "CN = signer");
			assert_int_equal(res.chain[0].skid_len, 20);
			assert_int_equal(res.n_chain, 1);
			assert_int_equal(res.n_signatures, 1);
			assert_memory_equal(res.image_id, id, AUTH_SHA256_LEN);
		}
}

static void test_unsigned(void **state _unused_)
{
	_auth_trust_ struct auth_trust *t = fixture_trust(NULL);
	_buffer_ struct buffer pe = {0};
	uint8_t id[EVP_MAX_MD_SIZE];

	fixture_uki_make(&pe);
	fixture_digest(&pe, SHA256, id);
	expect(&pe, t, AUTH_UNSIGNED, "auth.unsigned");
	assert_memory_equal(verify(&pe, t).image_id, id, AUTH_SHA256_LEN);
}

static void test_chain(void **state _unused_)
{
	_x509_ X509 *root = fixture_cert(
		&(struct fixture_cert){.name = "root", .key = KEY_RSA_3072, .ca = true});
	_x509_ X509 *middle = fixture_cert(&(struct fixture_cert){.name = "middle",
								  .key = KEY_P384,
								  .issuer = root,
								  .issuer_key = KEY_RSA_3072,
								  .ca = true});
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){.name = "leaf",
								.key = KEY_RSA_2048,
								.issuer = middle,
								.issuer_key = KEY_P384,
								.eku = "codeSigning"});
	X509 *anchors[] = {root, middle, leaf};

	for (unsigned int i = 0; i < ARRAY_SIZE(anchors); i++) {
		_auth_trust_ struct auth_trust *t = fixture_trust(anchors[i]);
		_buffer_ struct buffer with = {0}, without = {0};
		struct auth_result res;

		fixture_uki_make(&with);
		fixture_uki_make(&without);
		fixture_sign(&with, KEY_RSA_2048, leaf, middle, SHA256);
		fixture_sign(&without, KEY_RSA_2048, leaf, NULL, SHA256);
		res = verify(&with, t);
		assert_int_equal(res.verdict, AUTH_TRUSTED);
		assert_int_equal(res.n_chain, 3 - i);
		/* Without the intermediate the root is out of reach. */
		assert_int_equal(verify(&without, t).verdict,
				 anchors[i] == root ? AUTH_UNTRUSTED : AUTH_TRUSTED);
	}
}

static void test_intermediate_eku(void **state _unused_)
{
	_x509_ X509 *root =
		fixture_cert(&(struct fixture_cert){.name = "root", .key = KEY_P256, .ca = true});
	_x509_ X509 *middle = fixture_cert(&(struct fixture_cert){.name = "tls",
								  .key = KEY_P384,
								  .issuer = root,
								  .issuer_key = KEY_P256,
								  .ca = true,
								  .eku = "serverAuth"});
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){
		.name = "leaf", .key = KEY_RSA_2048, .issuer = middle, .issuer_key = KEY_P384});
	_auth_trust_ struct auth_trust *far = fixture_trust(root), *near = fixture_trust(middle);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_RSA_2048, leaf, middle, SHA256);
	expect(&pe, far, AUTH_WRONG_USE, "auth.eku");
	expect(&pe, near, AUTH_TRUSTED, "");
}

static void test_not_ca(void **state _unused_)
{
	/* An ordinary certificate of a trusted root makes a certificate of its own. */
	_x509_ X509 *root =
		fixture_cert(&(struct fixture_cert){.name = "root", .key = KEY_P256, .ca = true});
	_x509_ X509 *user = fixture_cert(&(struct fixture_cert){
		.name = "user", .key = KEY_P384, .issuer = root, .issuer_key = KEY_P256});
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){
		.name = "leaf", .key = KEY_RSA_2048, .issuer = user, .issuer_key = KEY_P384});
	_auth_trust_ struct auth_trust *t = fixture_trust(root);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_RSA_2048, leaf, user, SHA256);
	expect(&pe, t, AUTH_UNTRUSTED, "auth.trust");
}

static void test_weak_chain(void **state _unused_)
{
	_x509_ X509 *root = fixture_cert(
		&(struct fixture_cert){.name = "root", .key = KEY_RSA_2048, .ca = true});
	_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){.name = "leaf",
								.key = KEY_P256,
								.issuer = root,
								.issuer_key = KEY_RSA_2048,
								.weak_digest = true});
	_auth_trust_ struct auth_trust *t = fixture_trust(root);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_P256, leaf, NULL, SHA256);
	expect(&pe, t, AUTH_UNTRUSTED, "auth.trust");
}

static void test_untrusted(void **state _unused_)
{
	_x509_ X509 *signer = fixture_plain_cert("same name", KEY_RSA_2048);
	_x509_ X509 *other = fixture_plain_cert("same name", KEY_RSA_2048_B);
	_auth_trust_ struct auth_trust *t = fixture_trust(other), *none = fixture_trust(NULL);
	_buffer_ struct buffer pe = {0};
	struct auth_result res;

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_RSA_2048, signer, NULL, SHA256);
	expect(&pe, t, AUTH_UNTRUSTED, "auth.trust");
	expect(&pe, none, AUTH_UNTRUSTED, "auth.trust");
	res = verify(&pe, t);
	assert_int_equal(res.n_chain, 1);
	assert_string_equal(res.chain[0].subject, "CN = same name");
	assert_string_equal(res.anchor, "");
}

static void test_eku(void **state _unused_)
{
	static const struct {
		const char *eku;
		enum auth_verdict verdict;
	} cases[] = {
		{NULL, AUTH_TRUSTED},
		{"codeSigning", AUTH_TRUSTED},
		{"serverAuth,codeSigning", AUTH_TRUSTED},
		{"anyExtendedKeyUsage", AUTH_TRUSTED},
		{"codeSigning,1.3.6.1.4.1.2312.16.1.2", AUTH_WRONG_USE}, /* as shim */
		{"serverAuth,clientAuth", AUTH_WRONG_USE},
		{"1.3.6.1.4.1.2312.16.1.2", AUTH_WRONG_USE}, /* modules only */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_x509_ X509 *cert = fixture_cert(&(struct fixture_cert){
			.name = "signer", .key = KEY_RSA_2048, .eku = cases[i].eku});
		_auth_trust_ struct auth_trust *t = fixture_trust(cert);
		_buffer_ struct buffer pe = {0};

		fixture_uki_make(&pe);
		fixture_sign(&pe, KEY_RSA_2048, cert, NULL, SHA256);
		expect(&pe, t, cases[i].verdict,
		       cases[i].verdict == AUTH_TRUSTED ? "" : "auth.eku");
	}
}

/* shim: whatever vouches for an image must not be there for modules, an anchor included. */
static void test_module_signing(void **state _unused_)
{
	static const char *const usages[] = {"codeSigning,1.3.6.1.4.1.2312.16.1.2",
					     "1.3.6.1.4.1.2312.16.1.2", "codeSigning", NULL};

	for (unsigned int i = 0; i < ARRAY_SIZE(usages); i++) {
		_x509_ X509 *root = fixture_cert(&(struct fixture_cert){
			.name = "root", .key = KEY_P256, .ca = true, .eku = usages[i]});
		_x509_ X509 *leaf = fixture_cert(&(struct fixture_cert){.name = "leaf",
									.key = KEY_RSA_2048,
									.issuer = root,
									.issuer_key = KEY_P256,
									.eku = "codeSigning"});
		_auth_trust_ struct auth_trust *t = fixture_trust(root),
					       *near = fixture_trust(leaf);
		_buffer_ struct buffer pe = {0};

		fixture_uki_make(&pe);
		fixture_sign(&pe, KEY_RSA_2048, leaf, root, SHA256);
		expect(&pe, t, i < 2 ? AUTH_WRONG_USE : AUTH_TRUSTED, i < 2 ? "auth.eku" : "");
		expect(&pe, near, AUTH_TRUSTED, ""); /* the root does not vouch here */
	}
}

static void test_validity(void **state _unused_)
{
	static const struct {
		long from, to;
		const char *says;
	} cases[] = {{-20, -10, "expired on "}, {10, 20, "not valid before "}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_x509_ X509 *cert = fixture_cert(&(struct fixture_cert){.name = "signer",
									.key = KEY_RSA_2048,
									.from = cases[i].from,
									.to = cases[i].to});
		_auth_trust_ struct auth_trust *t = fixture_trust(cert);
		_buffer_ struct buffer pe = {0};

		fixture_uki_make(&pe);
		fixture_sign(&pe, KEY_RSA_2048, cert, NULL, SHA256);
		expect(&pe, t, AUTH_TRUSTED, "");
		assert_non_null(strstr(verify(&pe, t).warning, cases[i].says));
	}
}

static void test_weak_key(void **state _unused_)
{
	_x509_ X509 *weak = fixture_plain_cert("weak", KEY_RSA_1024);
	_auth_trust_ struct auth_trust *t = fixture_trust(weak);
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_RSA_1024, weak, NULL, SHA256);
	expect(&pe, t, AUTH_WRONG_USE, "auth.key");
}

/* crypto/rsa.c knows five sizes of keys. */
static void test_odd_key(void **state _unused_)
{
	_x509_ X509 *odd = fixture_cert(
		&(struct fixture_cert){.name = "odd", .key = KEY_RSA_2560, .ca = true});
	_x509_ X509 *signer = fixture_cert(&(struct fixture_cert){
		.name = "signer", .key = KEY_RSA_2048, .issuer = odd, .issuer_key = KEY_RSA_2560});
	_auth_trust_ struct auth_trust *t = fixture_trust(odd);
	_buffer_ struct buffer by_odd = {0}, by_signer = {0};

	fixture_uki_make(&by_signer);
	fixture_sign(&by_signer, KEY_RSA_2048, signer, NULL, SHA256);
	expect(&by_signer, t, AUTH_WRONG_USE, "auth.key");
	fixture_uki_make(&by_odd);
	fixture_sign(&by_odd, KEY_RSA_2560, odd, NULL, SHA256);
	expect(&by_odd, t, AUTH_MALFORMED, "auth.certificates");
}

static void test_tampered(void **state _unused_)
{
	_x509_ X509 *cert = fixture_plain_cert("signer", KEY_RSA_2048);
	_auth_trust_ struct auth_trust *t = fixture_trust(cert);
	static const char *const sections[] = {".text", ".osrel", ".cmdline", ".initrd", ".linux"};
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	fixture_sign(&pe, KEY_RSA_2048, cert, NULL, SHA256);
	for (unsigned int i = 0; i < ARRAY_SIZE(sections); i++) {
		uint8_t *p = pe.data + fixture_section_offset(&pe, sections[i]) + 3;

		*p ^= 1;
		expect(&pe, t, AUTH_DIGEST, "auth.digest");
		*p ^= 1;
	}
	pe.data[FIXTURE_OPT_OFFSET + 70] ^= 1; /* DllCharacteristics */
	expect(&pe, t, AUTH_DIGEST, "auth.digest");
	pe.data[FIXTURE_OPT_OFFSET + 70] ^= 1;
	pe.data[0x10] ^= 1; /* DOS header */
	expect(&pe, t, AUTH_DIGEST, "auth.digest");
	pe.data[0x10] ^= 1;
	pe.data[FIXTURE_CHECKSUM] ^= 1; /* outside the digest by definition */
	expect(&pe, t, AUTH_TRUSTED, "");
}

static void test_every_signature_byte(void **state _unused_)
{
	_x509_ X509 *cert = fixture_plain_cert("signer", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(cert);
	_buffer_ struct buffer pe = {0};
	size_t from;

	fixture_uki_make(&pe);
	from = pe.len + 8;
	fixture_sign(&pe, KEY_P256, cert, NULL, SHA256);
	expect(&pe, t, AUTH_TRUSTED, "");
	for (size_t i = from; i < pe.len; i++) {
		struct ukd_error e = {0};
		struct auth_result res = {0};
		int r;

		pe.data[i] ^= 0x04;
		r = try_verify(&pe, t, &res, &e);
		if (r >= 0 && res.verdict == AUTH_TRUSTED)
			fail_msg("trusted with byte %zu of the signature changed", i - from);
		pe.data[i] ^= 0x04;
	}
}

static void test_transplanted(void **state _unused_)
{
	_x509_ X509 *cert = fixture_plain_cert("signer", KEY_RSA_2048);
	_auth_trust_ struct auth_trust *t = fixture_trust(cert);
	_buffer_ struct buffer from = {0}, to = {0}, der = {0};

	fixture_uki_make(&from);
	fixture_uki_make(&to);
	to.data[fixture_section_offset(&to, ".cmdline")] ^= 1;
	fixture_sign_blob(&from, KEY_RSA_2048, cert, NULL, SHA256, &der);
	fixture_attach(&to, buffer_bytes(&der));
	expect(&to, t, AUTH_DIGEST, "auth.digest");
}

static void test_two_signatures(void **state _unused_)
{
	_x509_ X509 *good = fixture_plain_cert("good", KEY_RSA_2048),
		    *foreign = fixture_plain_cert("foreign", KEY_P256);
	_auth_trust_ struct auth_trust *t = fixture_trust(good);
	_buffer_ struct buffer pe = {0}, other = {0}, ours = {0}, theirs = {0}, wrong = {0};
	struct buffer *orders[][2] = {
		{&ours, &theirs}, {&theirs, &ours}, {&ours, &wrong}, {&ours, &other}};
	static const struct {
		enum auth_verdict verdict;
		const char *check;
	} expected[] = {{AUTH_TRUSTED, ""},
			{AUTH_UNTRUSTED, "auth.trust"},
			{AUTH_DIGEST, "auth.digest"},
			{AUTH_BAD_SIGNATURE, "auth.signature"}};

	fixture_uki_make(&pe);
	fixture_sign_blob(&pe, KEY_RSA_2048, good, NULL, SHA256, &ours);
	fixture_sign_blob(&pe, KEY_P256, foreign, NULL, SHA384, &theirs);
	fixture_sign_blob(&pe, KEY_RSA_2048, good, NULL, SHA256, &other);
	other.data[other.len - 1] ^= 1; /* the last byte of the RSA signature */
	pe.data[FIXTURE_OPT_OFFSET + 70] ^= 1;
	fixture_sign_blob(&pe, KEY_P256, foreign, NULL, SHA512, &wrong);
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		_buffer_ struct buffer two = {0};

		fixture_uki_make(&two);
		fixture_attach(&two, buffer_bytes(orders[i][0]));
		fixture_attach(&two, buffer_bytes(orders[i][1]));
		expect(&two, t, expected[i].verdict, expected[i].check);
		assert_int_equal(verify(&two, t).n_signatures, 2);
	}
}

static int end_of_pki(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),     cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_chain),	       cmocka_unit_test(test_intermediate_eku),
		cmocka_unit_test(test_not_ca),	       cmocka_unit_test(test_weak_chain),
		cmocka_unit_test(test_untrusted),      cmocka_unit_test(test_eku),
		cmocka_unit_test(test_module_signing), cmocka_unit_test(test_validity),
		cmocka_unit_test(test_weak_key),       cmocka_unit_test(test_odd_key),
		cmocka_unit_test(test_tampered),       cmocka_unit_test(test_every_signature_byte),
		cmocka_unit_test(test_transplanted),   cmocka_unit_test(test_two_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, end_of_pki);
}
