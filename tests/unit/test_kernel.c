// SPDX-License-Identifier: GPL-2.0-or-later
/* src/pe/kernel.c: the inner kernel of a plain UKI; every check fires for what it is named after. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fixture_checks.h"
#include "fixture_seal.h"
#include "pe/kernel.h"
#include "pe/uki.h"

#define K_COFF	  0x40
#define K_OPT	  FIXTURE_KERNEL_OPT
#define K_CERTDIR (K_OPT + 112 + 8 * 4)
#define K_TEXT	  (K_OPT + 160)
#define K_DATA	  (K_TEXT + 40)
#define K_LEN	  (FIXTURE_PM + FIXTURE_PM_LEN)

static const struct bad_field kernel_corruptions[] = {
	{"no MZ", "kernel.pe", 0, 1, 'm'},
	{"PE header in the DOS header", "kernel.pe", 0x3c, 4, 0x38},
	{"PE header not aligned", "kernel.pe", 0x3c, 4, 0x44},
	{"PE header behind the end", "kernel.pe", 0x3c, 4, K_LEN},
	{"PE header at the end of 32 bits", "kernel.pe", 0x3c, 4, 0xfffffff8},
	{"no PE signature", "kernel.pe", K_COFF, 1, 'N'},
	{"32-bit x86", "kernel.pe", K_COFF + 4, 2, 0x14c},
	{"PE32", "kernel.pe", K_OPT, 2, 0x10b},
	{"four directories", "kernel.directories", K_OPT + 108, 4, 4},
	{"17 directories", "kernel.directories", K_OPT + 108, 4, 17},
	{"a directory more than the header has", "kernel.directories", K_OPT + 108, 4, 7},
	{"optional header longer", "kernel.directories", K_COFF + 20, 2, 168},
	{"no sections", "kernel.headers", K_COFF + 6, 2, 0},
	{"65535 sections", "kernel.headers", K_COFF + 6, 2, 0xffff},
	{"section table behind the headers", "kernel.headers", K_OPT + 60, 4, K_DATA + 39},
	{"headers behind the end", "kernel.headers", K_OPT + 60, 4, K_LEN},
	{"no headers", "kernel.headers", K_OPT + 60, 4, 0},
	{"gap behind the headers", "kernel.sections", K_TEXT + 20, 4, FIXTURE_PM + 8},
	{"section in the headers", "kernel.sections", K_TEXT + 20, 4, FIXTURE_PM - 8},
	{"gap between sections", "kernel.sections", K_TEXT + 16, 4, FIXTURE_PM_LEN - 0x208},
	{"overlapping sections", "kernel.sections", K_TEXT + 16, 4, FIXTURE_PM_LEN - 0x1f8},
	{"section of 4 GiB", "kernel.sections", K_DATA + 16, 4, 0xfffffe00},
	{"section one byte longer", "kernel.sections", K_DATA + 16, 4, 0x201},
	{"offset without data", "kernel.sections", K_DATA + 16, 4, 0},
	{"data without offset", "kernel.sections", K_DATA + 20, 4, 0},
	{"a byte in no section", "kernel.trailing", K_DATA + 16, 4, 0x1ff},
	{"no HdrS", "kernel.boot-header", 0x202, 1, 'h'},
	{"protocol 2.11", "kernel.boot-header", 0x206, 2, 0x20b},
	{"loads low", "kernel.boot-header", 0x211, 1, 0},
	{"no 64-bit entry", "kernel.boot-header", 0x236, 2, FIXTURE_XLF & ~1},
	{"only below 4 GiB", "kernel.boot-header", 0x236, 2, FIXTURE_XLF & ~2},
	{"larger than its init_size", "kernel.boot-header", 0x260, 4, 0x1000},
	{"all of it setup", "kernel.boot-header", 0x1f1, 1, 20},
};

static int parse_kernel(const struct buffer *b, struct kernel_image *k, struct ukd_error *e)
{
	struct bytes head = buffer_bytes(b);

	if (head.len > UKI_KERNEL_HEAD)
		head.len = UKI_KERNEL_HEAD;
	return kernel_image_parse(head, b->len, k, e);
}

/* The kernel with a certificate table, and what is wrong with it. */
static void make_signed_kernel(uint32_t gap, uint32_t table, uint32_t tail, struct buffer *ret)
{
	_buffer_ struct buffer kernel = {0};
	uint32_t at;

	fixture_kernel_make(&kernel);
	at = (uint32_t)kernel.len + gap;
	*ret = (struct buffer){calloc(1, at + table + tail + 1), at + table + tail};
	assert_non_null(ret->data);
	memcpy(ret->data, kernel.data, kernel.len);
	store_le32(ret->data + K_CERTDIR, at);
	store_le32(ret->data + K_CERTDIR + 4, table);
}

static void test_kernel_corruptions(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(kernel_corruptions); i++) {
		const struct bad_field *c = &kernel_corruptions[i];
		_buffer_ struct buffer b = {0};
		struct kernel_image k = {.len = 4711};
		struct ukd_error e = {0};

		fixture_kernel_make(&b);
		put_le(b.data + c->off, c->width, c->value);
		expect_refused(parse_kernel(&b, &k, &e), &e, c->check, c->name);
		assert_int_equal(k.len, 4711);
	}
}

static void test_kernel_certificates(void **state _unused_)
{
	static const struct {
		const char *what, *check;
		uint32_t gap, table, tail;
	} cases[] = {
		{"a good table", NULL, 0, 0x100, 0},
		{"64 KiB", NULL, 0, 0x10000, 0},
		{"padding before the table", "kernel.certificates", 8, 0x100, 0},
		{"not aligned", "kernel.certificates", 4, 0x100, 0},
		{"a byte behind the table", "kernel.certificates", 0, 0x100, 1},
		{"the rest of the section behind it", "kernel.certificates", 0, 0x100, 0x100},
		{"more than 64 KiB", "kernel.certificates", 0, 0x10008, 0},
		{"no size", "kernel.certificates", 0, 0, 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer b = {0};
		struct kernel_image k;
		struct ukd_error e = {0};
		int r;

		make_signed_kernel(cases[i].gap, cases[i].table, cases[i].tail, &b);
		r = parse_kernel(&b, &k, &e);
		if (cases[i].check) {
			expect_refused(r, &e, cases[i].check, cases[i].what);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(k.cert_offset, K_LEN);
		assert_int_equal(k.cert_size, cases[i].table);
		store_le32(b.data + K_CERTDIR, 0);
		expect_refused(parse_kernel(&b, &k, &e), &e, "kernel.certificates", "no offset");
		store_le32(b.data + K_CERTDIR, K_LEN + 8);
		expect_refused(parse_kernel(&b, &k, &e), &e, "kernel.certificates", "past the end");
		store_le32(b.data + K_CERTDIR, K_LEN - 8);
		store_le32(b.data + K_CERTDIR + 4, cases[i].table + 8);
		expect_refused(parse_kernel(&b, &k, &e), &e, "kernel.certificates",
			       "over a section");
	}
}

/* Where only the alignment is wrong. */
static void test_kernel_alignment(void **state _unused_)
{
	_buffer_ struct buffer signed_kernel = {0}, moved = {0};
	struct kernel_image k;
	struct ukd_error e = {0};

	make_signed_kernel(4, 0x100, 0, &signed_kernel);
	store_le32(signed_kernel.data + K_DATA + 16, 0x204);
	expect_refused(parse_kernel(&signed_kernel, &k, &e), &e, "kernel.certificates",
		       "table behind a section of an odd length");
	fixture_kernel_make(&moved);
	memmove(moved.data + K_COFF + 4, moved.data + K_COFF, K_DATA + 40 - K_COFF);
	store_le32(moved.data + 0x3c, K_COFF + 4);
	expect_refused(parse_kernel(&moved, &k, &e), &e, "kernel.pe", "PE header at 0x44");
}

static void test_unsigned_kernel(void **state _unused_)
{
	_buffer_ struct buffer b = {0};
	struct pe_range ranges[PE_DIGEST_RANGES];
	struct kernel_image k;
	struct ukd_error e = {0};
	uint64_t off = 0;

	fixture_kernel_make(&b);
	assert_int_equal(parse_kernel(&b, &k, &e), 0);
	assert_int_equal(k.len, K_LEN);
	assert_int_equal(k.cert_offset, K_LEN);
	assert_int_equal(k.cert_size, 0);
	assert_int_equal(k.setup.init_size, FIXTURE_INIT_SIZE);
	kernel_image_ranges(&k, ranges);
	for (unsigned int i = 0; i < PE_DIGEST_RANGES; i++) {
		assert_int_equal(ranges[i].off, off + (i == 1 ? 4 : i == 2 ? 8 : 0));
		off = ranges[i].off + ranges[i].len;
	}
	assert_int_equal(ranges[1].off, K_OPT + 68);
	assert_int_equal(ranges[2].off, K_CERTDIR + 8);
	assert_int_equal(off, K_LEN);
}

static void test_truncated_kernel(void **state _unused_)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error e = {0};
	struct kernel_image k;

	fixture_kernel_make(&b);
	for (size_t len = 0; len < b.len; len += len < 0x500 ? 1 : 127) {
		uint8_t *exact = malloc(len ? len : 1);

		assert_non_null(exact);
		memcpy(exact, b.data, len);
		if (kernel_image_parse((struct bytes){exact, len}, len, &k, &e) >= 0)
			fail_msg("%zu bytes of a kernel are accepted", len);
		free(exact);
		assert_int_equal(strncmp(e.check, "kernel.", 7), 0);
	}
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/pe/kernel.c", "kernel.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_corruptions),
		cmocka_unit_test(test_kernel_certificates),
		cmocka_unit_test(test_kernel_alignment),
		cmocka_unit_test(test_unsigned_kernel),
		cmocka_unit_test(test_truncated_kernel),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
