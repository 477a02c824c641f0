// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/pe: every check of pe_parse(), cert_table_parse(), uki_open() and uki_read() fires for the
 * corruption that is named after it, and for nothing else; the untouched image passes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "pe/uki.h"
#include "util/cleanup.h"

#define COFF	   FIXTURE_PE_OFFSET
#define OPT	   FIXTURE_OPT_OFFSET
#define SECTION(n) (FIXTURE_SECTION_TABLE + FIXTURE_SECTION_HEADER * (n))
#define TEXT	   0 /* sections of fixture_uki_make() */
#define SBAT	   1
#define OSREL	   2
#define CMDLINE	   3
#define INITRD	   4
#define LINUX	   5
#define N_SECTIONS 6

static void expect_fires(const struct buffer *pe, const char *check, const char *what)
{
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};
	int r = open_and_read(pe, &u, &e);

	expect_refused(r, &e, check, what);
	if (strncmp(e.text, "test: ", 6) != 0)
		fail_msg("%s: message '%s' does not name the file", what, e.text);
}

static const struct bad_field corruptions[] = {
	{"no MZ", "pe.mz", 0, 1, 'm'},
	{"ZM", "pe.mz", 0, 2, 0x4d5a},
	{"PE header inside the DOS header", "pe.lfanew", 0x3c, 4, 0x38},
	{"PE header at 0", "pe.lfanew", 0x3c, 4, 0},
	{"PE header not 8-byte aligned", "pe.lfanew", 0x3c, 4, 0x84},
	{"PE header behind the end", "pe.truncated", 0x3c, 4, 0x10000},
	{"PE header at the end of 32 bits", "pe.truncated", 0x3c, 4, 0xfffffff8},
	{"NE signature", "pe.signature", COFF, 1, 'N'},
	{"signature without NULs", "pe.signature", COFF + 3, 1, 1},
	{"32-bit x86", "pe.machine", COFF + 4, 2, 0x14c},
	{"arm64", "pe.machine", COFF + 4, 2, 0xaa64},
	{"no sections", "pe.sections", COFF + 6, 2, 0},
	{"193 sections", "pe.sections", COFF + 6, 2, 193},
	{"symbol table", "pe.symbols", COFF + 12, 4, 0x1000},
	{"number of symbols", "pe.symbols", COFF + 16, 4, 1},
	{"not executable", "pe.characteristics", COFF + 22, 2, 0x22c},
	{"a DLL", "pe.characteristics", COFF + 22, 2, 0x222e},
	{"relocations stripped", "pe.characteristics", COFF + 22, 2, 0x22f},
	{"PE32", "pe.magic", OPT, 2, 0x10b},
	{"ROM image", "pe.magic", OPT, 2, 0x107},
	{"five directories", "pe.directories", OPT + 108, 4, 5},
	{"four directories", "pe.directories", OPT + 108, 4, 4},
	{"17 directories", "pe.directories", OPT + 108, 4, 17},
	{"2^32-1 directories", "pe.directories", OPT + 108, 4, 0xffffffff},
	{"optional header one directory longer", "pe.optional-size", COFF + 20, 2, 248},
	{"optional header one directory shorter", "pe.optional-size", COFF + 20, 2, 232},
	{"boot service driver", "pe.subsystem", OPT + 68, 2, 11},
	{"section alignment 0", "pe.alignment", OPT + 32, 4, 0},
	{"section alignment not a power of two", "pe.alignment", OPT + 32, 4, 0x3000},
	{"section alignment below file alignment", "pe.alignment", OPT + 32, 4, 0x100},
	{"file alignment 0", "pe.alignment", OPT + 36, 4, 0},
	{"file alignment 256", "pe.alignment", OPT + 36, 4, 0x100},
	{"file alignment above section alignment", "pe.alignment", OPT + 36, 4, 0x2000},
	{"no headers", "pe.header-size", OPT + 60, 4, 0},
	{"headers not aligned", "pe.header-size", OPT + 60, 4, 0x1001},
	{"headers of 2 GiB", "pe.header-size", OPT + 60, 4, 0x80000000},
	{"headers behind the end", "pe.truncated", OPT + 60, 4, 0x8000},
	{"section table behind the headers", "pe.section-table", OPT + 60, 4, 0x200},
	{"section without a name", "pe.section-name", SECTION(TEXT), 8, 0},
	{"long name", "pe.section-name", SECTION(OSREL), 8, 0x3432312f},
	{"bytes behind the name's NUL", "pe.section-name", SECTION(OSREL) + 7, 1, 'x'},
	{"control character in a name", "pe.section-name", SECTION(OSREL) + 5, 1, 7},
	{"blank in a name", "pe.section-name", SECTION(OSREL) + 2, 1, ' '},
	{"8-bit character in a name", "pe.section-name", SECTION(OSREL) + 2, 1, 0xe4},
	{"relocations", "pe.section-relocs", SECTION(LINUX) + 24, 4, 0x1000},
	{"line numbers", "pe.section-relocs", SECTION(LINUX) + 28, 4, 0x1000},
	{"number of relocations", "pe.section-relocs", SECTION(LINUX) + 32, 2, 1},
	{"number of line numbers", "pe.section-relocs", SECTION(LINUX) + 34, 2, 1},
	{"writable code", "pe.write-execute", SECTION(TEXT) + 36, 4, 0xe0000020},
	{"data that is not initialized", "pe.section-raw", SECTION(INITRD) + 36, 4, 0x400000c0},
	{"file offset without data", "pe.section-raw", SECTION(INITRD) + 16, 4, 0},
	{"file offset not aligned", "pe.section-alignment", SECTION(INITRD) + 20, 4, 0x1801},
	{"size not aligned", "pe.section-alignment", SECTION(INITRD) + 16, 4, 0x1ff},
	{"data without file offset", "pe.section-overlap", SECTION(INITRD) + 20, 4, 0},
	{"section overlaps the one before", "pe.section-overlap", SECTION(INITRD) + 20, 4, 0x1600},
	{"section in the headers", "pe.section-overlap", SECTION(TEXT) + 20, 4, 0xe00},
	{"gap before a section", "pe.section-gap", SECTION(INITRD) + 20, 4, 0x1a00},
	{"gap behind the headers", "pe.section-gap", SECTION(TEXT) + 20, 4, 0x1200},
	{"section longer than the file", "pe.truncated", SECTION(LINUX) + 16, 4, 0x400},
	{"section of 4 GiB", "pe.truncated", SECTION(LINUX) + 16, 4, 0xfffffe00},
	{"section without memory", "pe.section-empty", SECTION(LINUX) + 8, 4, 0},
	{"section in memory before its predecessor", "pe.section-rva", SECTION(LINUX) + 12, 4,
	 0x4000},
	{"section over the headers in memory", "pe.section-rva", SECTION(TEXT) + 12, 4, 0xfff},
	{"SizeOfImage not aligned", "pe.image-size", OPT + 56, 4, 0x7001},
	{"SizeOfImage too small", "pe.image-size", OPT + 56, 4, 0x6000},
	{"section beyond SizeOfImage", "pe.image-size", SECTION(LINUX) + 12, 4, 0xfffff000},
	{"entry point in the headers", "pe.entry", OPT + 16, 4, 0x40},
	{"entry point in data", "pe.entry", OPT + 16, 4, 0x2000},
	{"entry point behind the code", "pe.entry", OPT + 16, 4, 0x1008},
	{"certificate table without a size", "pe.cert-directory", FIXTURE_CERTDIR, 4, 0x1c00},
	{"certificate table without an offset", "pe.cert-directory", FIXTURE_CERTDIR + 4, 4, 8},
};

static void test_valid_image_passes(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	fixture_uki_make(&pe);
	assert_int_equal(open_and_read(&pe, &u, &e), 0);
	assert_int_equal(u.pe.n_sections, N_SECTIONS);
	assert_int_equal(u.pe.data_end, pe.len);
	assert_int_equal(u.pe.cert_size, 0);
	assert_int_equal(u.certs.n, 0);
	assert_int_equal(u.n_profiles, 1);
	assert_int_equal(u.kind, UKI_PLAIN);
	assert_string_equal(uki_text(&u, UKI_CMDLINE), "console=ttyS0 quiet");
	assert_string_equal(uki_text(&u, UKI_OSREL), "ID=test\nVERSION_ID=1\n");
	assert_string_equal(uki_text(&u, UKI_LINUX), "not really a kernel");
	assert_null(uki_text(&u, UKI_INITRD));
	assert_null(uki_text(&u, UKI_UNAME));
}

static void test_each_corruption_fires_its_check(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(corruptions); i++) {
		const struct bad_field *c = &corruptions[i];
		_buffer_ struct buffer pe = {0};

		fixture_uki_make(&pe);
		put_le(pe.data + c->off, c->width, c->value);
		expect_fires(&pe, c->check, c->name);
	}
}

static void test_every_truncation_is_refused(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	size_t full;

	fixture_uki_make(&pe);
	full = pe.len;
	for (pe.len = 0; pe.len < full; pe.len += pe.len < 0x300 ? 1 : 253) {
		const char *check = pe.len == 0 ? "pe.size" :
				    pe.len == 1 ? "pe.mz" :
						  "pe.truncated";

		struct ukd_error e = {0};
		struct pe_image p = {.entry = 4711};
		uint8_t *exact = malloc(pe.len ? pe.len : 1);

		assert_non_null(exact);
		memcpy(exact, pe.data, pe.len);
		int r = pe_parse((struct bytes){exact, pe.len}, pe.len, &p, &e);

		free(exact);
		if (r >= 0 || strcmp(e.check, check) != 0)
			fail_msg("%zu bytes: '%s' instead of '%s'", pe.len, e.check, check);
		assert_int_equal(p.entry, 4711);
	}
	pe.len = 0;
	expect_fires(&pe, "pe.size", "empty");
	pe.len = full;
}

static void test_size_limit(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	struct ukd_error e = {0};
	struct pe_image p;

	fixture_uki_make(&pe);
	expect_refused(pe_parse(buffer_bytes(&pe), 0x80000000, &p, &e), &e, "pe.size", "2 GiB");
	expect_refused(pe_parse(buffer_bytes(&pe), UINT64_MAX, &p, &e), &e, "pe.size", "2^64-1");
	expect_refused(pe_parse(buffer_bytes(&pe), 0x7fffffff, &p, &e), &e, "pe.trailing",
		       "2 GiB - 1");
}

static void test_bytes_behind_the_last_section(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};

	fixture_uki_make(&pe);
	pe.len++; /* the NUL of the buffer: even a zero */
	expect_fires(&pe, "pe.trailing", "one byte more");
	pe.len--;
}

/* The smallest SEQUENCE that is long enough for a WIN_CERTIFICATE. */
static const uint8_t der[] = {0x30, 0x06, 1, 2, 3, 4, 5, 6};

static void make_signed(struct buffer *pe, unsigned int n)
{
	fixture_uki_make(pe);
	for (unsigned int i = 0; i < n; i++)
		fixture_attach(pe, (struct bytes){der, sizeof(der)});
}

static void test_certificate_table_place(void **state _unused_)
{
	static const struct {
		const char *name, *check;
		uint32_t off;
		int change;
	} cases[] = {
		{"table 8 bytes later", "pe.cert-offset", 0, 8},
		{"table inside the last section", "pe.cert-offset", 0, -8},
		{"table ends before the file", "pe.cert-end", 4, -8},
		{"table ends behind the file", "pe.cert-end", 4, 8},
		{"table size wraps", "pe.cert-end", 4, -32},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer pe = {0};
		uint8_t *field;

		make_signed(&pe, 1);
		field = pe.data + FIXTURE_CERTDIR + cases[i].off;
		store_le32(field, load_le32(field) + (uint32_t)cases[i].change);
		expect_fires(&pe, cases[i].check, cases[i].name);
	}
}

static void test_certificate_table_size(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	uint8_t *longer;

	make_signed(&pe, 1);
	longer = realloc(pe.data, pe.len + 65536);
	assert_non_null(longer);
	pe.data = longer;
	memset(pe.data + pe.len, 0, 65536);
	pe.len += 65536;
	store_le32(pe.data + FIXTURE_CERTDIR + 4, 16 + 65536);
	expect_fires(&pe, "pe.cert-size", "table above 64 KiB");
}

static void test_certificates_pass(void **state _unused_)
{
	for (unsigned int n = 1; n <= CERT_MAX_ENTRIES; n++) {
		_buffer_ struct buffer pe = {0};
		_uki_ struct uki u = {0};
		struct ukd_error e = {0};

		make_signed(&pe, n);
		if (open_and_read(&pe, &u, &e) < 0)
			fail_msg("%u certificates: %s", n, e.text);
		assert_int_equal(u.certs.n, n);
		for (unsigned int i = 0; i < n; i++)
			assert_true(bytes_equal(u.certs.pkcs7[i], (struct bytes){der, 8}));
	}
}

static void test_certificate_entries(void **state _unused_)
{
	static const struct bad_field cases[] = {
		{"length 0", "cert.length", 0, 4, 0},
		{"length of a header", "cert.length", 0, 4, 11},
		{"length beyond the table", "cert.length", 0, 4, 17},
		{"length 2^32-1", "cert.length", 0, 4, 0xffffffff},
		{"revision 1", "cert.type", 4, 2, 0x100},
		{"type X.509", "cert.type", 6, 2, 1},
		{"not a SEQUENCE", "cert.der", 8, 1, 0x31},
		{"indefinite length", "cert.der", 9, 1, 0x80},
		{"length not minimal", "cert.der", 9, 2, 0x0681},
		{"two-byte length not minimal", "cert.der", 9, 3, 0x060082},
		{"three-byte length", "cert.der", 9, 4, 0x06000083},
		{"DER longer than its entry", "cert.der", 9, 1, 7},
		{"byte behind the DER", "cert.padding", 9, 1, 5},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer pe = {0};

		make_signed(&pe, 1);
		put_le(pe.data + pe.len - 16 + cases[i].off, cases[i].width, cases[i].value);
		expect_fires(&pe, cases[i].check, cases[i].name);
	}
}

/* A table of n bytes by itself: the entry's own padding, and entries that do not fill it. */
static void test_certificate_padding(void **state _unused_)
{
	uint8_t table[32] = {15, 0, 0, 0, 0, 2, 2, 0, 0x30, 5, 1, 2, 3, 4, 5, 0};
	struct ukd_error e = {0};
	struct cert_table t;

	assert_int_equal(cert_table_parse((struct bytes){table, 16}, &t, &e), 0);
	assert_int_equal(t.pkcs7[0].len, 7);
	expect_refused(cert_table_parse((struct bytes){table, 15}, &t, &e), &e, "cert.length",
		       "entry without its padding");
	expect_refused(cert_table_parse((struct bytes){table, 17}, &t, &e), &e, "cert.length",
		       "one byte behind the last entry");
	expect_refused(cert_table_parse((struct bytes){table, 24}, &t, &e), &e, "cert.length",
		       "zeros behind the last entry");
	table[15] = 1;
	expect_refused(cert_table_parse((struct bytes){table, 16}, &t, &e), &e, "cert.padding",
		       "padding is not zero");
	assert_int_equal(cert_table_parse((struct bytes){table, 0}, &t, &e), 0);
	assert_int_equal(t.n, 0);
}

static void test_certificate_count(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};

	make_signed(&pe, CERT_MAX_ENTRIES + 1);
	expect_fires(&pe, "cert.count", "nine certificates");
}

static void test_written_entry_reads_back(void **state _unused_)
{
	for (unsigned int len = 4; len < 40; len++) {
		uint8_t blob[40] = {0x30, (uint8_t)(len - 2)}, entry[64];
		struct bytes table = {entry, cert_entry_size(len)};
		struct ukd_error e = {0};
		struct cert_table t;

		memset(entry, 0xff, sizeof(entry));
		cert_entry_write((struct bytes){blob, len}, entry);
		assert_int_equal(table.len % 8, 0);
		assert_int_equal(load_le32(entry), 8 + len);
		assert_int_equal(cert_table_parse(table, &t, &e), 0);
		assert_true(bytes_equal(t.pkcs7[0], (struct bytes){blob, len}));
	}
}

/* Takes the place of the digest: collects what it is given. */
struct collected {
	uint8_t *data;
	uint64_t len;
	int fail_with;
};

static int collect(void *ctx, struct bytes piece)
{
	struct collected *c = ctx;

	memcpy(c->data + c->len, piece.p, piece.len);
	c->len += piece.len;
	return c->fail_with;
}

static void make_large(struct buffer *ret, char *initrd, uint32_t len)
{
	struct fixture_section s[] = {{".initrd", initrd, len, 0}};

	for (uint32_t i = 0; i < len; i++)
		initrd[i] = (char)(i * 31 >> 3);
	fixture_uki_with(s, 1, ret);
}

static void test_digest_gets_every_byte_but_the_excepted(void **state _unused_)
{
	_free_ char *initrd = malloc(3000001);
	_buffer_ struct buffer pe = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};
	struct collected c = {0};
	struct uki_sink sink = {collect, &c};
	uint64_t n = 0;

	make_large(&pe, initrd, 3000001);
	uint64_t data_end = pe.len;

	fixture_attach(&pe, (struct bytes){der, sizeof(der)});
	c.data = malloc(pe.len);
	_close_ int fd = fixture_memfd(buffer_bytes(&pe));
	assert_int_equal(uki_open(fd, "test", pe.len, &u, &e), 0);
	assert_int_equal(uki_read(&u, &sink, 1, NULL, &e), 0);
	for (uint64_t i = 0; i < data_end; i++) {
		if ((i >= FIXTURE_CHECKSUM && i < FIXTURE_CHECKSUM + 4) ||
		    (i >= FIXTURE_CERTDIR && i < FIXTURE_CERTDIR + 8))
			continue;
		if (n >= c.len || c.data[n++] != pe.data[i])
			fail_msg("byte 0x%llx is not in the digest", (unsigned long long)i);
	}
	assert_int_equal(n, c.len);
	free(c.data);
}

static void test_failing_digest_is_an_error(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};
	struct collected c = {.data = malloc(65536), .fail_with = -5};
	struct uki_sink sink = {collect, &c};

	fixture_uki_make(&pe);
	_close_ int fd = fixture_memfd(buffer_bytes(&pe));
	assert_int_equal(uki_open(fd, "test", pe.len, &u, &e), 0);
	assert_int_equal(uki_read(&u, &sink, 1, NULL, &e), -5);
	free(c.data);
}

static void test_file_that_changes_is_refused(void **state _unused_)
{
	static const long change[] = {-512, 1};

	for (unsigned int i = 0; i < ARRAY_SIZE(change); i++) {
		_buffer_ struct buffer pe = {0};
		_uki_ struct uki u = {0};
		struct ukd_error e = {0};

		fixture_uki_make(&pe);
		_close_ int fd = fixture_memfd(buffer_bytes(&pe));
		assert_int_equal(uki_open(fd, "test", pe.len, &u, &e), 0);
		assert_int_equal(ftruncate(fd, (off_t)pe.len + change[i]), 0);
		expect_refused(uki_read(&u, NULL, 0, NULL, &e), &e, "file.changed",
			       i ? "longer" : "shorter");
	}
}

static void test_size_that_was_wrong_from_the_start(void **state _unused_)
{
	_buffer_ struct buffer pe = {0};
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	fixture_uki_make(&pe);
	_close_ int fd = fixture_memfd(buffer_bytes(&pe));
	assert_int_equal(ftruncate(fd, 100), 0);
	expect_refused(uki_open(fd, "test", pe.len, &u, &e), &e, "file.changed", "short");
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/pe/pe.c", "pe.");
	expect_all_checks_seen("src/pe/cert.c", "cert.");
	expect_all_checks_seen("src/pe/uki.c", "file.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_image_passes),
		cmocka_unit_test(test_each_corruption_fires_its_check),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_bytes_behind_the_last_section),
		cmocka_unit_test(test_certificate_table_place),
		cmocka_unit_test(test_certificate_table_size),
		cmocka_unit_test(test_certificates_pass),
		cmocka_unit_test(test_certificate_entries),
		cmocka_unit_test(test_certificate_padding),
		cmocka_unit_test(test_certificate_count),
		cmocka_unit_test(test_written_entry_reads_back),
		cmocka_unit_test(test_digest_gets_every_byte_but_the_excepted),
		cmocka_unit_test(test_failing_digest_is_an_error),
		cmocka_unit_test(test_file_that_changes_is_refused),
		cmocka_unit_test(test_size_that_was_wrong_from_the_start),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
