// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One PKCS#7 blob: deviations that are made in the encoding of a good signature, and those of the
 * cryptography; see test_signature.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auth/signature.h"
#include "fixture_signature.h"
#include "util/cleanup.h"

static void expect_parse(struct bytes der, const char *check)
{
	expect("blob", der, check);
}

static const uint8_t oid_indirect[] = {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 4};
static const uint8_t oid_pe_image[] = {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 15};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1};

/* Changes the last byte of the first pattern behind offset from. Returns where it ends. */
static size_t patch(uint8_t *der, size_t from, const uint8_t *pattern, size_t n, uint8_t last)
{
	uint8_t *p = memmem(der + from, good.len - from, pattern, n);

	assert_non_null(p);
	p[n - 1] = last;
	return (size_t)(p - der) + n;
}

static void test_content(void **state _unused_)
{
	_free_ uint8_t *der = malloc(good.len);
	struct bytes b = {der, good.len};
	size_t at;

	memcpy(der, good.data, good.len);
	(void)patch(der, 0, oid_indirect, sizeof(oid_indirect), 5);
	expect_parse(b, "auth.content-type");

	memcpy(der, good.data, good.len);
	at = patch(der, 0, oid_pe_image, sizeof(oid_pe_image), 16);
	expect_parse(b, "auth.content");

	/* The DigestInfo comes behind the PE image data. */
	memcpy(der, good.data, good.len);
	(void)patch(der, at, oid_sha256, sizeof(oid_sha256), 2); /* SHA-384 with 32 bytes */
	expect_parse(b, "auth.content");
	(void)patch(der, at, (const uint8_t[]){0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2}, 9, 4);
	expect_parse(b, "auth.digest-algorithm"); /* SHA-224 */
}

static void test_encoding(void **state _unused_)
{
	static const uint8_t only_oid[] = {0x30, 11,   6,  9, 0x2a, 0x86, 0x48,
					   0x86, 0xf7, 13, 1, 7,    2};
	_free_ uint8_t *der = calloc(1, KIB(128));

	memcpy(der, good.data, good.len);
	expect_parse((struct bytes){der, good.len}, NULL);
	expect_parse((struct bytes){der, good.len + 1}, "auth.pkcs7");
	expect_parse((struct bytes){der, good.len - 1}, "auth.pkcs7");
	expect_parse((struct bytes){der, 0}, "auth.pkcs7");
	expect_parse((struct bytes){der, KIB(64)}, "auth.pkcs7");
	expect_parse((struct bytes){only_oid, sizeof(only_oid)}, "auth.pkcs7");

	/* 30 82 xx xx ... becomes 30 80 ... 00 00 */
	memcpy(der + 2, good.data + 4, good.len - 4);
	memset(der + good.len - 2, 0, 2);
	der[1] = 0x80;
	expect_parse((struct bytes){der, good.len}, "auth.pkcs7");

	/* 30 83 00 xx xx ... */
	memcpy(der + 5, good.data + 4, good.len - 4);
	memcpy(der, (const uint8_t[]){0x30, 0x83, 0, good.data[2], good.data[3]}, 5);
	expect_parse((struct bytes){der, good.len + 1}, "auth.pkcs7");
}

/* An attribute that was signed for other content, and a signature by another key. */
static void test_cryptography(void **state _unused_)
{
	_free_ uint8_t *der = malloc(good.len);
	_signature_ struct signature a = {0}, b = {0};
	struct ukd_error e;

	memcpy(der, good.data, good.len);
	der[good.len - 1] ^= 1;
	assert_int_equal(signature_parse((struct bytes){der, good.len}, &a, &e), 0);
	assert_true(signature_verify(&a, &e) < 0);
	assert_string_equal(e.check, "auth.signature");

	memcpy(der, good.data, good.len);
	*(uint8_t *)memmem(der, good.len, (const uint8_t[]){1, 2, 3, 0, 0}, 5) ^= 1;
	assert_int_equal(signature_parse((struct bytes){der, good.len}, &b, &e), 0);
	assert_true(signature_verify(&b, &e) < 0);
	assert_string_equal(e.check, "auth.message-digest");
}

/* What a BER certificate would look like where libcrypto keeps the encoding as it came. */
static void test_ber_in_certificate(void **state _unused_)
{
	static const uint8_t validity_utc[] = {0x17, 13};
	_free_ uint8_t *der = malloc(good.len);
	uint8_t *p;

	memcpy(der, good.data, good.len);
	p = memmem(der, good.len, validity_utc, sizeof(validity_utc));
	assert_non_null(p);
	/* UTCTIME 13 bytes -> constructed, indefinite: same total length, broken DER */
	p[0] = 0x37;
	p[1] = 0x80;
	expect_parse((struct bytes){der, good.len}, "auth.pkcs7");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_cryptography),
		cmocka_unit_test(test_ber_in_certificate),
	};

	return cmocka_run_group_tests(tests, signature_begin, signature_end);
}
