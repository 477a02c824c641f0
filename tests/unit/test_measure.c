// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCR 11 and signed policies. The values that begin with "3fa38355" and so on were printed by
 * systemd-measure 257 (calculate, sign) for the contents of fixture_uki_make().
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "auth/pcrsig.h"
#include "fixture_pe.h"
#include "fixture_pki.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define SHA256 0 /* index in measure_banks */
#define SHA512 3
#define READY  4 /* index in measure_points */

#define TEXT(s) (s), sizeof(s) - 1

static void measure(const struct buffer *pe, unsigned int profile, struct pcr_values *ret)
{
	_close_ int fd = fixture_memfd(buffer_bytes(pe));
	_measured_image_ struct measured_image *m = NULL;
	_uki_ struct uki u = {0};
	struct uki_profile p;
	struct ukd_error e = {0};

	if (uki_open(fd, "test", pe->len, &u, &e) < 0 || uki_read(&u, NULL, 0, NULL, &e) < 0)
		fail_msg("%s", e.text);
	m = measure_image(&u, &e);
	assert_non_null(m);
	uki_profile_get(&u, profile, &p);
	assert_int_equal(measure_profile(m, &p, ret, &e), 0);
}

static void assert_hex(const uint8_t *value, size_t len, const char *expected)
{
	char hex[2 * MEASURE_DIGEST_MAX + 1];

	format_hex((struct bytes){value, len}, hex);
	assert_string_equal(hex, expected);
}

static void test_values(void **state _unused_)
{
	static const char *const stub[MEASURE_BANKS] = {
		"3fa3835551fbcd2b6881b71a2555c0156fe6a9586726e0d375e8452db58797b5",
		"6245f3c3279df70500bbadce78fb39ec4146f38e",
		"0f8fb0e96acf007f4db340d86ae9d98c1b4532cc735f6432c3574ea3035fa58975bccdf58209d604a8"
		"2232d5c806f0c8",
		"6a953f8987f239595074cf1b854b02b6b8aff1a8a573a7661c51ccf5b95cb32a2f0ffeb9340b607abe"
		"557183f0fd95095ffb9e67f154312f9c1f393e7e13f9fc",
	};
	static const char *const ready[MEASURE_BANKS] = {
		"d2ee22d43a8938fd47e93b3865d5c6ef00bdda25112d09841838f8f4c2a88ac6",
		"6b7b0f647047d099c92b132ee678bc2f46e533d5",
		"cc107699dbd0268ce7a3697d3bf5a01e999d8757a24451d9f82e7704777b8e5a320a2d990838e01a92"
		"af084b0335d7cd",
		"d76dfa316b63a02c3c0502cfe5c19f1da0a0ed6128bb88114db3455f2b2637b3654d0c7fc8ad91c725"
		"48c21d74b7cd8906ba43a69dcbda7e350799c85f953628",
	};
	_buffer_ struct buffer pe = {0};
	struct pcr_values v;

	fixture_uki_make(&pe);
	measure(&pe, 0, &v);
	for (unsigned int b = 0; b < MEASURE_BANKS; b++) {
		assert_hex(v.value[b][0], measure_banks[b].len, stub[b]);
		assert_hex(v.value[b][READY], measure_banks[b].len, ready[b]);
	}
}

static void make(const struct fixture_section *more, unsigned int n, struct buffer *ret)
{
	struct fixture_section sections[16] = {
		{".text", TEXT("\xf4\xeb\xfd code"), PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ},
		{".sbat", TEXT("sbat,1,x\n"), 0},
		{".osrel", TEXT("ID=test\n"), 0},
		{".linux", TEXT("kernel"), 0},
		{".initrd", TEXT("initrd"), 0},
	};

	for (unsigned int i = 0; i < n; i++)
		sections[5 + i] = more[i];
	fixture_pe_make(sections, 5 + n, ret);
}

static void value_of(const struct fixture_section *more, unsigned int n, unsigned int profile,
		     uint8_t ret[32])
{
	_buffer_ struct buffer pe = {0};
	struct pcr_values v;

	make(more, n, &pe);
	measure(&pe, profile, &v);
	memcpy(ret, v.value[SHA256][0], 32);
}

/* What is not measured leaves the value, what is measured changes it. */
static void test_what_counts(void **state _unused_)
{
	static const struct {
		struct fixture_section section;
		bool counts;
	} cases[] = {
		{{".cmdline", TEXT("x"), 0}, true},	 {{".ucode", TEXT("x"), 0}, true},
		{{".splash", TEXT("x"), 0}, true},	 {{".dtb", TEXT("x"), 0}, true},
		{{".uname", TEXT("x"), 0}, true},	 {{".pcrpkey", TEXT("x"), 0}, true},
		{{".profile", TEXT("ID=x\n"), 0}, true}, {{".hwids", TEXT("x"), 0}, true},
		{{".pcrsig", TEXT("x"), 0}, false},	 {{".dtbauto", TEXT("x"), 0}, false},
		{{".efifw", TEXT("x"), 0}, false},	 {{".sbom", TEXT("x"), 0}, false},
		{{".other", TEXT("x"), 0}, false},
	};
	uint8_t base[32], value[32];

	value_of(NULL, 0, 0, base);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		value_of(&cases[i].section, 1, 0, value);
		if (!memcmp(value, base, 32) == cases[i].counts)
			fail_msg("%s: measured: %d", cases[i].section.name, !cases[i].counts);
	}
}

/* A profile is measured like a UKI of its own with the sections that count in it. */
static void test_profiles(void **state _unused_)
{
	static const struct fixture_section both[] = {
		{".cmdline", TEXT("base"), 0},	 {".uname", TEXT("1"), 0},
		{".profile", TEXT("ID=a\n"), 0}, {".pcrsig", TEXT("{}"), 0},
		{".profile", TEXT("ID=b\n"), 0}, {".cmdline", TEXT("own"), 0},
	};
	static const struct fixture_section first[] = {
		{".profile", TEXT("ID=a\n"), 0},
		{".cmdline", TEXT("base"), 0},
		{".uname", TEXT("1"), 0},
	};
	static const struct fixture_section second[] = {
		{".profile", TEXT("ID=b\n"), 0},
		{".uname", TEXT("1"), 0},
		{".cmdline", TEXT("own"), 0},
	};
	uint8_t value[32], expected[32];

	value_of(both, ARRAY_SIZE(both), 0, value);
	value_of(first, ARRAY_SIZE(first), 0, expected);
	assert_memory_equal(value, expected, 32);
	value_of(both, ARRAY_SIZE(both), 1, value);
	assert_memory_not_equal(value, expected, 32);
	value_of(second, ARRAY_SIZE(second), 0, expected);
	assert_memory_equal(value, expected, 32);
}

static void test_policy_digest(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	uint8_t digest[PCR_POLICY_LEN];
	struct pcr_values v;
	struct ukd_error e = {0};

	fixture_uki_make(&pe);
	measure(&pe, 0, &v);
	assert_int_equal(pcr_policy_digest(SHA256, v.value[SHA256][1], digest, &e), 0);
	assert_hex(digest, sizeof(digest),
		   "51c726a5703c5e24bebef68eae19563457788aba7666e7ccfa2f40408f04dc24");
	assert_int_equal(pcr_policy_digest(SHA512, v.value[SHA512][1], digest, &e), 0);
	assert_hex(digest, sizeof(digest),
		   "1ac76d1672788abae18b54c9420a035f2c6a6525f81cbab800635b46f5aea67f");
}

static void pem_of(EVP_PKEY *key, char *ret, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	n = BIO_get_mem_data(bio, &text);
	assert_true(n > 0 && (size_t)n < size);
	memcpy(ret, text, (size_t)n);
	ret[n] = 0;
	BIO_free(bio);
}

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* An RSA-2048 key whose exponent has 33 bits: no TPM takes it. */
static EVP_PKEY *long_exponent(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *key = NULL;

	assert_true(BN_hex2bn(&e, "100000001"));
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void test_bad_keys(void **state _unused_)
{
	char pem[4096];
	EVP_PKEY *odd = long_exponent();
	struct pcr_key *key = NULL;
	struct ukd_error e = {0};

	static const char *const garbage[] = {
		"x",
		"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nAAAA\n"
		"-----END PUBLIC KEY-----\n",
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(garbage); i++) {
		assert_int_equal(pcr_key_parse(text_bytes(garbage[i]), &key, &e), -EBADMSG);
		assert_string_equal(e.check, "pcr.key");
	}
	pem_of(fixture_key(KEY_P256), pem, sizeof(pem));
	assert_int_equal(pcr_key_parse(text_bytes(pem), &key, &e), -EBADMSG);
	pem_of(odd, pem, sizeof(pem));
	assert_int_equal(pcr_key_parse(text_bytes(pem), &key, &e), -EBADMSG);
	assert_null(key);
	EVP_PKEY_free(odd);
}

/* base64 of the signature over data. */
static void sign(EVP_PKEY *key, const EVP_MD *md, const uint8_t *data, size_t len, char ret[1024])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[512];
	size_t n = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, data, len), 1);
	EVP_EncodeBlock((unsigned char *)ret, sig, (int)n);
	EVP_MD_CTX_free(ctx);
}

static void test_signatures(void **state _unused_)
{
	EVP_PKEY *rsa = fixture_key(KEY_RSA_2048);
	uint8_t data[64] = "a policy digest of 32 bytes....";
	uint8_t *reference = data + 32;
	_pcr_key_ struct pcr_key *key = NULL;
	struct ukd_error e = {0};
	char pem[4096], good[1024], text[1100];

	pem_of(rsa, pem, sizeof(pem));
	assert_int_equal(pcr_key_parse(text_bytes(pem), &key, &e), 0);
	sign(rsa, EVP_sha256(), data, 32, good);
	assert_int_equal(pcr_signature_verify(key, SHA512, data, NULL, good), PCR_SIGNED_GOOD);
	assert_int_equal(pcr_signature_verify(key, SHA512, data, "initrd", good), PCR_SIGNED_BAD);
	assert_int_equal(pcr_signature_verify(NULL, SHA512, data, NULL, good), PCR_SIGNED_UNKNOWN);
	assert_int_equal(pcr_signature_verify(key, SHA512, data, NULL, NULL), PCR_UNSIGNED);

	/* not base64, too short, too long */
	static const char *const bad[] = {"",	  "=",	  "====", "AAA",
					  "AAAA", "AA=A", "A A=", "\xff\xff=="};
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, bad[i]),
				 PCR_SIGNED_BAD);
	(void)snprintf(text, sizeof(text), "%sAAAA", good);
	assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, text), PCR_SIGNED_BAD);
	memset(text, 'A', sizeof(text) - 1);
	for (size_t n = 600; n < sizeof(text); n++) {
		text[n] = 0;
		assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, text),
				 PCR_SIGNED_BAD);
		text[n] = 'A';
	}
	data[0] ^= 1;
	assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, good), PCR_SIGNED_BAD);

	sign(rsa, EVP_sha512(), data, 32, text);
	assert_int_equal(pcr_signature_verify(key, SHA512, data, NULL, text),
			 PCR_SIGNED_BANK_DIGEST);
	assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, text), PCR_SIGNED_BAD);
	sign(fixture_key(KEY_RSA_2048_B), EVP_sha256(), data, 32, text);
	assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, text), PCR_SIGNED_BAD);

	assert_int_equal(EVP_Digest("initrd", 6, reference, NULL, EVP_sha256(), NULL), 1);
	sign(rsa, EVP_sha256(), data, 64, text);
	assert_int_equal(pcr_signature_verify(key, SHA256, data, "initrd", text), PCR_SIGNED_GOOD);
	assert_int_equal(pcr_signature_verify(key, SHA256, data, NULL, text), PCR_SIGNED_BAD);
}

static int teardown(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_profiles), cmocka_unit_test(test_policy_digest),
		cmocka_unit_test(test_bad_keys), cmocka_unit_test(test_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
