// SPDX-License-Identifier: GPL-2.0-or-later
/* Revocations: SBAT, lists of certificates and digests, this machine's variables, the verdicts. */
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

#include "auth/revoked.h"
#include "auth/siglist.h"
#include "auth/sign.h"
#include "auth/trust.h"
#include "fixture_auth.h"
#include "fixture_pe.h"
#include "pe/sbat.h"
#include "util/cleanup.h"
#include "util/root.h"

#define TEXT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static const uint8_t x509_type[] = EFI_CERT_X509_GUID;
static const uint8_t other_type[16] = {0xe8, 0x66, 0x57, 0x3c}; /* as EFI_CERT_RSA2048 */

struct digest_type {
	const struct digest_alg *alg;
	uint8_t image[16];
	uint8_t certificate[16];
};

static const struct digest_type digest_types[] = {
	{SHA256,
	 EFI_GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28),
	 EFI_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed)},
	{SHA384,
	 EFI_GUID(0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01),
	 EFI_GUID(0x7076876e, 0x80c2, 0x4ee6, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b)},
	{SHA512,
	 EFI_GUID(0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a),
	 EFI_GUID(0x446dbf63, 0x2502, 0x4cda, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d)},
	{&digest_sha1,
	 EFI_GUID(0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd),
	 {0}},
};

static void revoked_freep(struct auth_revoked **r)
{
	auth_revoked_free(*r);
}
#define _revoked_ _cleanup_(revoked_freep)

/* SBAT ------------------------------------------------------------------------------------------*/

static void test_sbat_form(void **state _unused_)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"sbat,1,SBAT Version,sbat,1,https://example.org\n", true},
		{"sbat,1,v,p,1,u", true},
		{"\r\nsbat,1,v,p,1,u\r\n\r\nuki.deb,65535,v,p,1,u,more,columns\n\n", true},
		{"", false},
		{"\n\n", false},
		{"sbat,1,v,p,1\n", false},
		{"sbat,1,v,p,1,\n", false},
		{",1,v,p,1,u\n", false},
		{"sbat,,v,p,1,u\n", false},
		{"sbat,1,,p,1,u\n", false},
		{"sbat,0,v,p,1,u\n", false},
		{"sbat,65536,v,p,1,u\n", false},
		{"sbat,4294967297,v,p,1,u\n", false},
		{"sbat,-1,v,p,1,u\n", false},
		{"sbat,+1,v,p,1,u\n", false},
		{"sbat, 1,v,p,1,u\n", false},
		{"sbat,1x,v,p,1,u\n", false},
		{"sbat,0x1,v,p,1,u\n", false},
		{"sb at,1,v,p,1,u\n", false},
		{"sb\x1b"
		 "at,1,v,p,1,u\n",
		 false},
		{"\xef\xbb\xbfsbat,1,v,p,1,u\n", false},
		{"sbat,1,v,p,1,u\nshim\n", false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct bytes text = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
		int r = sbat_check_image(text, &e);

		if ((r == 0) != cases[i].ok)
			fail_msg("'%s': %d %s", cases[i].text, r, e.text);
		if (r < 0)
			assert_string_equal(e.check, "uki.sbat");
	}
}

/* Cut after every byte: nothing is read behind the end, and only whole lines are taken. */
static void test_sbat_cut(void **state _unused_)
{
	static const char text[] = "sbat,1,v,p,1,u\nuki,2,v,p,1,u";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		_free_ uint8_t *copy = malloc(len + !len);
		struct ukd_error e = {0};
		bool whole = len == 14 || len == 15;

		memcpy(copy, text, len);
		assert_int_equal(sbat_check_image((struct bytes){copy, len}, &e),
				 whole ? 0 : -EBADMSG);
	}
}

static int compare(const char *image, const char *level, struct ukd_error *e)
{
	_revoked_ struct auth_revoked *r = auth_revoked_new();
	struct bytes text = {(const uint8_t *)image, strlen(image)};

	assert_int_equal(
		revoked_set_level(r, (struct bytes){(const uint8_t *)level, strlen(level)}, e), 0);
	return revoked_check_sbat(r, text, e);
}

static void test_sbat_compare(void **state _unused_)
{
	static const struct {
		const char *image, *level;
		bool ok;
	} cases[] = {
		{"sbat,1,v,p,1,u\nuki,2,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuki,3,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuki,1,v,p,1,u\n", "sbat,1,2023012900\nuki,2\n", false},
		{"sbat,1,v,p,1,u\nuki,9,v,p,1,u\n", "sbat,1,2023012900\nuki,10\n", false},
		{"sbat,1,v,p,1,u\n", "sbat,2,2023012900\n", false},
		{"sbat,1,v,p,1,u\nuki.d,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nuk,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		{"sbat,1,v,p,1,u\nUKI,1,v,p,1,u\n", "sbat,1\nuki,2\n", true},
		/* the strictest of several */
		{"uki,2,v,p,1,u\nuki,1,v,p,1,u\n", "uki,2\n", false},
		{"uki,2,v,p,1,u\n", "uki,1\nuki,3\n", false},
		{"uki,2,v,p,1,u\n", "uki,3\nuki,1\n", false},
	};
	struct ukd_error e = {0};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = compare(cases[i].image, cases[i].level, &e);

		if ((r == 0) != cases[i].ok)
			fail_msg("case %u: %d %s", i, r, e.text);
		if (r < 0)
			assert_string_equal(e.check, "revoked.sbat");
	}
	assert_int_equal(compare("uki,1,v,p,1,u\n", "uki,2\n", &e), -EBADMSG);
	assert_string_equal(e.text, "component 'uki' has SBAT generation 1, this machine's SBAT "
				    "level needs 2");
	assert_int_equal(revoked_check_sbat(NULL, TEXT("uki,1,v,p,1,u\n"), &e), 0);
}

static void test_sbat_level(void **state _unused_)
{
	static const char *const bad[] = {"",	  "\n",	      "sbat\n",	   "sbat,\n",
					  ",1\n", "sbat,0\n", "sbat,1x\n", "sbat,1\nshim\n"};
	_revoked_ struct auth_revoked *good = auth_revoked_new(), *odd = auth_revoked_new();
	struct ukd_error e = {0};
	char text[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		_revoked_ struct auth_revoked *r = auth_revoked_new();
		struct bytes level = {(const uint8_t *)bad[i], strlen(bad[i])};

		assert_int_equal(revoked_set_level(r, level, &e), -EBADMSG);
		assert_string_equal(e.check, "efi.sbat-level");
	}
	assert_int_equal(revoked_set_level(good, TEXT("sbat,1,2023012900\r\nshim,2\n\0\0"), &e), 0);
	auth_revoked_describe(good, text, sizeof(text));
	assert_string_equal(text, "SBAT level 2023012900");
	assert_int_equal(revoked_check_sbat(good, TEXT("shim,1,v,p,1,u"), &e), -EBADMSG);
	assert_int_equal(revoked_set_level(odd, TEXT("sbat,1,\x1b[31m\n"), &e), 0);
	auth_revoked_describe(odd, text, sizeof(text));
	assert_string_equal(text, "SBAT level");
}

/* Lists -----------------------------------------------------------------------------------------*/

static struct auth_revoked *revoked_in(const struct buffer *lists)
{
	struct auth_revoked *r = auth_revoked_new();
	struct ukd_error e = {0};

	assert_non_null(r);
	if (revoked_add_siglists(r, buffer_bytes(lists), "dbx", &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

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

/* Verdicts --------------------------------------------------------------------------------------*/

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
		cmocka_unit_test(test_sbat_form),
		cmocka_unit_test(test_sbat_cut),
		cmocka_unit_test(test_sbat_compare),
		cmocka_unit_test(test_sbat_level),
		cmocka_unit_test(test_entry_sizes),
		cmocka_unit_test(test_lists_described),
		cmocka_unit_test(test_lists_cut),
		cmocka_unit_test(test_unreadable_certificate),
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
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_host_broken),
		cmocka_unit_test(test_host_as_anyone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
