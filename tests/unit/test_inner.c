// SPDX-License-Identifier: GPL-2.0-or-later
/* The signature of the kernel inside a plain UKI, judged while the UKI is read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/inner.h"
#include "auth/revoked.h"
#include "auth/sign.h"
#include "auth/siglist.h"
#include "auth/trust.h"
#include "fixture_auth.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "pe/kernel.h"
#include "util/cleanup.h"

#define KERNEL_CHECKSUM (FIXTURE_KERNEL_OPT + 64)
#define KERNEL_CERTDIR	(FIXTURE_KERNEL_OPT + 112 + 8 * 4)

static const uint8_t sha256_type[] =
	EFI_GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);
static const uint8_t x509_type[] = EFI_CERT_X509_GUID;

/* Made once: the UKI's signer, the kernel's and a stranger. */
static X509 *outer_signer, *kernel_signer, *foreign;
static struct auth_trust *trust;

static int setup(void **state _unused_)
{
	struct ukd_error e;

	outer_signer = fixture_plain_cert("outer", KEY_P256);
	kernel_signer = fixture_plain_cert("kernel", KEY_RSA_2048);
	foreign = fixture_plain_cert("foreign", KEY_P384);
	trust = fixture_trust(outer_signer);
	return trust_add(trust, kernel_signer, "kernel anchor", &e);
}

static int teardown(void **state _unused_)
{
	X509_free(outer_signer);
	X509_free(kernel_signer);
	X509_free(foreign);
	auth_trust_free(trust);
	fixture_pki_end();
	return 0;
}

static void kernel_digest(const struct buffer *kernel, const struct digest_alg *alg, uint8_t *ret)
{
	_image_digests_ struct image_digests digests = {0};
	struct bytes whole = buffer_bytes(kernel), part;
	struct pe_range ranges[PE_DIGEST_RANGES];
	struct kernel_image k;
	struct ukd_error e;

	assert_int_equal(kernel_image_parse(whole, whole.len, &k, &e), 0);
	kernel_image_ranges(&k, ranges);
	assert_int_equal(image_digests_want(&digests, alg, &e), 0);
	for (unsigned int i = 0; i < PE_DIGEST_RANGES; i++) {
		assert_true(bytes_sub(whole, ranges[i].off, ranges[i].len, &part));
		assert_int_equal(image_digests_put(&digests, part, &e), 0);
	}
	assert_int_equal(image_digests_finish(&digests, &e), 0);
	memcpy(ret, image_digests_get(&digests, alg), alg->len);
}

/* A WIN_CERTIFICATE with this content at the end of the kernel. */
static void kernel_attach(struct buffer *kernel, struct bytes der)
{
	uint32_t size = cert_entry_size(der.len);

	kernel->data = realloc(kernel->data, kernel->len + size + 1);
	assert_non_null(kernel->data);
	if (!load_le32(kernel->data + KERNEL_CERTDIR))
		store_le32(kernel->data + KERNEL_CERTDIR, (uint32_t)kernel->len);
	store_le32(kernel->data + KERNEL_CERTDIR + 4,
		   load_le32(kernel->data + KERNEL_CERTDIR + 4) + size);
	cert_entry_write(der, kernel->data + kernel->len);
	kernel->len += size;
}

static void kernel_sign(struct buffer *kernel, enum fixture_key key, X509 *signer,
			const struct digest_alg *alg)
{
	struct auth_key k = {.key = fixture_key(key), .signer = signer};
	_buffer_ struct buffer der = {0};
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct ukd_error e;

	k.others = sk_X509_new_null();
	kernel_digest(kernel, alg, digest);
	assert_int_equal(sign_digest_with(&k, alg, digest, &der, &e), 0);
	sk_X509_free(k.others);
	kernel_attach(kernel, buffer_bytes(&der));
}

/* The kernel, so long that its certificates lie behind what counts as its beginning. */
static void long_kernel_make(struct buffer *ret)
{
	uint8_t *data_size;

	fixture_kernel_make(ret);
	ret->data = realloc(ret->data, ret->len + UKI_KERNEL_HEAD);
	assert_non_null(ret->data);
	memset(ret->data + ret->len, 'x', UKI_KERNEL_HEAD);
	ret->len += UKI_KERNEL_HEAD;
	data_size = ret->data + FIXTURE_KERNEL_OPT + 160 + 40 + 16;
	store_le32(data_size, load_le32(data_size) + UKI_KERNEL_HEAD);
}

/* A signed plain UKI around the kernel; ballast: bytes of the initrd before it. */
static void uki_around(const struct buffer *kernel, uint32_t ballast, struct buffer *ret)
{
#define TEXT(s) (s), sizeof(s) - 1
	_free_ uint8_t *initrd = calloc(1, ballast);
	const struct fixture_section sections[] = {
		{".text", TEXT("\xf4\xeb\xfd"), PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ},
		{".sbat", TEXT("sbat,1,SBAT Version,sbat,1,https://example.org\n"), 0},
		{".osrel", TEXT("ID=test\n"), 0},
		{".initrd", initrd, ballast, 0},
		{".linux", kernel->data, (uint32_t)kernel->len, 0},
	};
#undef TEXT

	fixture_pe_make(sections, ARRAY_SIZE(sections), ret);
	fixture_sign(ret, KEY_P256, outer_signer, NULL, SHA256);
}

struct results {
	struct auth_result outer, inner;
};

static struct results verify(const struct buffer *kernel, const struct auth_trust *t,
			     const struct auth_revoked *revoked, uint32_t ballast)
{
	struct auth_policy policy = {(struct auth_trust *)t, (struct auth_revoked *)revoked};
	_buffer_ struct buffer pe = {0};
	struct ukd_error e = {0};
	struct results res;
	_uki_ struct uki u = {0};
	_close_ int fd = -1;

	uki_around(kernel, ballast, &pe);
	fd = fixture_memfd(buffer_bytes(&pe));
	memset(&res, 0xff, sizeof(res));
	if (auth_verify(fd, "test", pe.len, &policy, &u, &res.outer, &res.inner, &e) < 0)
		fail_msg("refused: %s: %s", e.check, e.text);
	return res;
}

/* The kernel's result; that of the UKI around it must be good. */
static struct auth_result inner_of(const struct buffer *kernel, uint32_t ballast)
{
	struct results res = verify(kernel, trust, NULL, ballast);

	assert_string_equal(res.outer.reason, "");
	assert_int_equal(res.outer.verdict, AUTH_TRUSTED);
	return res.inner;
}

static void expect(const struct buffer *kernel, enum auth_verdict verdict, const char *check)
{
	struct auth_result res = inner_of(kernel, 16);

	if (res.verdict != verdict || strcmp(res.check, check) != 0)
		fail_msg("%s (%s: %s), expected %s (%s)", auth_verdict_name(res.verdict), res.check,
			 res.reason, auth_verdict_name(verdict), check);
}

static void test_good(void **state _unused_)
{
	for (unsigned int a = 0; a < DIGEST_ALG_MAX; a++) {
		_buffer_ struct buffer kernel = {0};
		uint8_t id[EVP_MAX_MD_SIZE];
		struct auth_result res;

		fixture_kernel_make(&kernel);
		kernel_digest(&kernel, SHA256, id);
		kernel_sign(&kernel, KEY_RSA_2048, kernel_signer, &digest_algs[a]);
		res = inner_of(&kernel, 16);
		assert_string_equal(res.reason, "");
		assert_int_equal(res.verdict, AUTH_TRUSTED);
		assert_string_equal(res.anchor, "kernel anchor");
		assert_string_equal(res.digest_name, digest_algs[a].name);
		assert_string_equal(res.chain[0].subject, "CN = kernel");
		assert_int_equal(res.n_embedded, 1);
		assert_memory_equal(res.image_id, id, AUTH_SHA256_LEN);
	}
}

/* The end of a read may fall on any place of the kernel, its head and certificates included. */
static void test_pieces(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};
	uint32_t before = 3 * FIXTURE_FILE_ALIGN; /* the sections in front of the initrd */

	long_kernel_make(&kernel);
	kernel_sign(&kernel, KEY_RSA_2048, kernel_signer, SHA512);
	for (uint32_t at = 0; at <= kernel.len; at += FIXTURE_FILE_ALIGN) {
		struct auth_result res = inner_of(&kernel, (uint32_t)MIB(1) - before - at);

		assert_int_equal(res.verdict, AUTH_TRUSTED);
	}
}

static void test_no_kernel(void **state _unused_)
{
	_buffer_ struct buffer text = {.data = (uint8_t *)strdup("not really a kernel"), .len = 19};
	struct auth_result res;

	expect(&text, AUTH_MALFORMED, "kernel.pe");
	res = inner_of(&text, 16);
	assert_int_equal(res.n_signatures, 0);
	assert_true(res.reason[0]);
}

static void test_unsigned(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};
	uint8_t id[EVP_MAX_MD_SIZE];
	struct auth_result res;

	fixture_kernel_make(&kernel);
	kernel_digest(&kernel, SHA256, id);
	expect(&kernel, AUTH_UNSIGNED, "kernel.unsigned");
	res = inner_of(&kernel, 16);
	assert_string_equal(res.reason, "the kernel inside carries no signature");
	assert_memory_equal(res.image_id, id, AUTH_SHA256_LEN);
}

static void test_untrusted(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};

	fixture_kernel_make(&kernel);
	kernel_sign(&kernel, KEY_P384, foreign, SHA256);
	expect(&kernel, AUTH_UNTRUSTED, "auth.trust");
}

static void test_changed_kernel(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};
	size_t places[] = {0x10, 0x300, FIXTURE_PM, 0};

	fixture_kernel_make(&kernel);
	places[3] = kernel.len - 1;
	kernel_sign(&kernel, KEY_RSA_2048, kernel_signer, SHA256);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		kernel.data[places[i]] ^= 2;
		expect(&kernel, AUTH_DIGEST, "auth.digest");
		kernel.data[places[i]] ^= 2;
	}
	kernel.data[KERNEL_CHECKSUM] ^= 1; /* outside the digest by definition */
	expect(&kernel, AUTH_TRUSTED, "");
	kernel.data[kernel.len - 10] ^= 1; /* in the signature or its padding */
	assert_int_not_equal(inner_of(&kernel, 16).verdict, AUTH_TRUSTED);
}

static void test_malformed_certificates(void **state _unused_)
{
	static const uint8_t no_pkcs7[] = "\x30\x06"
					  "abcdef";
	_buffer_ struct buffer kernel = {0};

	fixture_kernel_make(&kernel);
	kernel_attach(&kernel, (struct bytes){no_pkcs7, 8});
	expect(&kernel, AUTH_MALFORMED, "auth.pkcs7");
	store_le16(kernel.data + kernel.len - 16 + 6, 1); /* wCertificateType */
	expect(&kernel, AUTH_MALFORMED, "cert.type");
}

static void test_two_signatures(void **state _unused_)
{
	_buffer_ struct buffer good_first = {0}, foreign_first = {0}, other = {0};

	fixture_kernel_make(&good_first);
	kernel_sign(&good_first, KEY_RSA_2048, kernel_signer, SHA256);
	kernel_sign(&good_first, KEY_P384, foreign, SHA384);
	expect(&good_first, AUTH_TRUSTED, "");
	fixture_kernel_make(&foreign_first);
	kernel_sign(&foreign_first, KEY_P384, foreign, SHA384);
	kernel_sign(&foreign_first, KEY_RSA_2048, kernel_signer, SHA256);
	expect(&foreign_first, AUTH_UNTRUSTED, "auth.trust");
	/* the second is another kernel's */
	fixture_kernel_make(&other);
	kernel_sign(&other, KEY_RSA_2048, kernel_signer, SHA256);
	other.data[FIXTURE_PM] ^= 2;
	kernel_sign(&other, KEY_RSA_2048, kernel_signer, SHA256);
	expect(&other, AUTH_DIGEST, "auth.digest");
}

/* What is revoked inside makes the UKI revoked, trusted or not. */
static void expect_revoked(const struct buffer *kernel, const struct auth_revoked *revoked,
			   const char *check)
{
	_auth_trust_ struct auth_trust *nobody = fixture_trust(NULL);
	const struct auth_trust *who[] = {trust, nobody};

	for (unsigned int i = 0; i < ARRAY_SIZE(who); i++) {
		struct results res = verify(kernel, who[i], revoked, 16);

		assert_int_equal(res.inner.verdict, AUTH_REVOKED);
		assert_string_equal(res.inner.check, check);
		assert_int_equal(res.outer.verdict, AUTH_REVOKED);
		assert_string_equal(res.outer.check, check);
		assert_true(!strncmp(res.outer.reason, ".linux: dbx revokes the ", 24));
	}
}

static void test_revoked(void **state _unused_)
{
	struct auth_revoked *by_digest = auth_revoked_new(), *by_signer = auth_revoked_new();
	_buffer_ struct buffer kernel = {0}, digests = {0}, certificates = {0}, der = {0};
	_buffer_ struct buffer bare = {0};
	uint8_t md[EVP_MAX_MD_SIZE];
	struct ukd_error e;

	fixture_kernel_make(&kernel);
	fixture_kernel_make(&bare);
	kernel_digest(&kernel, SHA256, md);
	kernel_sign(&kernel, KEY_RSA_2048, kernel_signer, SHA384);
	fixture_cert_der(kernel_signer, &der);
	fixture_add_list(&digests, sha256_type, (struct bytes){md, 32}, 0);
	fixture_add_list(&certificates, x509_type, buffer_bytes(&der), 0);
	assert_int_equal(revoked_add_siglists(by_digest, buffer_bytes(&digests), "dbx", &e), 0);
	assert_int_equal(revoked_add_siglists(by_signer, buffer_bytes(&certificates), "dbx", &e),
			 0);
	expect_revoked(&kernel, by_digest, "revoked.image");
	expect_revoked(&kernel, by_signer, "revoked.certificate");
	expect_revoked(&bare, by_digest, "revoked.image");
	auth_revoked_free(by_digest);
	auth_revoked_free(by_signer);
}

/* Whatever is not a plain UKI has no kernel that the running one would verify by itself. */
static void test_other_kinds(void **state _unused_)
{
#define TEXT(s) (s), sizeof(s) - 1
	static const struct fixture_section sections[] = {
		{".text", TEXT("\xf4\xeb\xfd"), PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ},
		{".sbat", TEXT("sbat,1,SBAT Version,sbat,1,https://example.org\n"), 0},
		{".cmdline", TEXT("quiet"), 0},
	};
#undef TEXT
	struct auth_policy policy = {.trust = trust};
	struct buffer made[2] = {0};

	fixture_pe_make(sections, ARRAY_SIZE(sections), &made[0]);
	fixture_sealed_make(&made[1]);
	for (unsigned int i = 0; i < 2; i++) {
		_close_ int fd = fixture_memfd(buffer_bytes(&made[i]));
		struct auth_result outer, inner, none = {0};
		struct ukd_error e = {0};
		_uki_ struct uki u = {0};

		memset(&inner, 0xff, sizeof(inner));
		if (auth_verify(fd, "test", made[i].len, &policy, &u, &outer, &inner, &e) < 0)
			fail_msg("refused: %s: %s", e.check, e.text);
		assert_int_equal(u.kind, i ? UKI_SEALED : UKI_ADDON);
		assert_memory_equal(&inner, &none, sizeof(none));
		buffer_free(&made[i]);
	}
}

/* Head and certificates are read twice. A file that changed in between is refused. */
static void test_changed_meanwhile(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0}, pe = {0};
	uint32_t raw, places[3];

	long_kernel_make(&kernel);
	places[1] = (uint32_t)kernel.len; /* the first byte of the certificate table */
	kernel_sign(&kernel, KEY_RSA_2048, kernel_signer, SHA256);
	uki_around(&kernel, 16, &pe);
	raw = fixture_section_offset(&pe, ".linux");
	places[0] = 0;
	places[2] = (uint32_t)kernel.len - 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		_close_ int fd = fixture_memfd(buffer_bytes(&pe));
		struct auth_policy policy = {.trust = trust};
		_inner_kernel_ struct inner_kernel k = {0};
		struct uki_section_sink sink = {inner_kernel_put, &k};
		struct ukd_error e = {0};
		_uki_ struct uki u = {0};

		assert_int_equal(uki_open(fd, "test", pe.len, &u, &e), 0);
		assert_int_equal(inner_kernel_open(&u, &policy, &k, &e), 0);
		assert_int_equal(pwrite(fd, "!", 1, raw + places[i]), 1);
		assert_true(uki_read(&u, NULL, 0, &sink, &e) < 0);
		assert_string_equal(e.check, "file.changed");
		assert_string_equal(e.check, "file.changed");
		assert_string_equal(e.text, "test: changed while it was read");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_no_kernel),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_changed_kernel),
		cmocka_unit_test(test_malformed_certificates),
		cmocka_unit_test(test_two_signatures),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_changed_meanwhile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
