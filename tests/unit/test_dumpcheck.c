// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a dump is whole, as the capture program sees it: src/capture/dumpcheck.c, flattened.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "capture/dumpcheck.h"
#include "capture/flattened.h"
#include "fixture_capture.h"
#include "util/cleanup.h"

/* A file in memory with this content. */
static int file_of(const uint8_t *p, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, p, len), 0);
	return fd;
}

static void test_good_dumps(void **state)
{
	struct ukd_error e = {0};
	struct dump_facts f;
	size_t len;
	_free_ uint8_t *kdump = make_kdump(&len);
	_close_ int fd = file_of(kdump, len);

	(void)state;
	assert_int_equal(dump_check(fd, &f, &e), 0);
	assert_int_equal(f.format, DUMP_KDUMP);
	assert_int_equal(f.pages, KDUMP_PAGES);
	assert_int_equal(f.size, len);
	assert_true(f.readable);

	_free_ uint8_t *core = make_core("", 5000, &len);
	_close_ int fd2 = file_of(core, len);
	assert_int_equal(dump_check(fd2, &f, &e), 0);
	assert_int_equal(f.format, DUMP_ELF);
}

static void test_bad_dumps(void **state)
{
	const size_t last = KDUMP_DESCRIPTORS + (KDUMP_PAGES - 1) * 24;
	const struct {
		const char *what;
		size_t off;
		unsigned int width;
		uint64_t value;
		size_t cut_to;
		const char *check;
		bool readable;
	} cases[] = {
		{"signature", 0, 1, 'k', 0, "dump.signature", false},
		{"short", 0, 0, 0, 100, "dump.truncated", false},
		{"header only", 0, 0, 0, KDUMP_BLOCK, "dump.truncated", false},
		{"block size 0", 428, 4, 0, 0, "dump.header", false},
		{"block size odd", 428, 4, 4097, 0, "dump.header", false},
		{"block size huge", 428, 4, 1U << 31, 0, "dump.header", false},
		{"no sub header", 432, 4, 0, 0, "dump.header", false},
		{"sub header huge", 432, 4, 0x7fffffff, 0, "dump.header", false},
		{"no bitmap", 436, 4, 0, 0, "dump.header", false},
		{"bitmap larger than the file", 436, 4, 0xffffffff, 0, "dump.truncated", false},
		{"more pages than bits", KDUMP_BLOCK + 96, 8, 1 << 20, 0, "dump.header", false},
		{"marked incomplete", 424, 4, 0x28, 0, "dump.incomplete", true},
		{"no page", 3 * KDUMP_BLOCK, 1, 0, 0, "dump.header", false},
		{"one page too many", 3 * KDUMP_BLOCK + 1, 1, 1, 0, "dump.descriptor", true},
		{"descriptors cut", 0, 0, 0, KDUMP_DESCRIPTORS + 30, "dump.truncated", false},
		{"data cut", 0, 0, 0, KDUMP_DATA + 50, "dump.truncated", true},
		{"data ends one byte early", 0, 0, 0, KDUMP_DATA + 799, "dump.truncated", true},
		{"descriptor zero", last, 8, 0, 0, "dump.descriptor", true},
		{"page too long", last + 8, 4, 4097, 0, "dump.truncated", true},
		{"page of no length", last + 8, 4, 0, 0, "dump.descriptor", true},
		{"offset wraps", last, 8, UINT64_MAX - 50, 0, "dump.truncated", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct dump_facts f;
		size_t len;
		_free_ uint8_t *p = make_kdump(&len);

		for (unsigned int b = 0; b < cases[i].width; b++)
			p[cases[i].off + b] = (uint8_t)(cases[i].value >> (8 * b));
		_close_ int fd = file_of(p, cases[i].cut_to ? cases[i].cut_to : len);
		int r = dump_check(fd, &f, &e);

		if (r >= 0 || strcmp(e.check, cases[i].check) || f.readable != cases[i].readable)
			fail_msg("%s: %d, check %s (%s), readable %d", cases[i].what, r, e.check,
				 e.text, f.readable);
	}
}

static void store_be64(uint8_t *p, uint64_t v)
{
	store_le64(p, __builtin_bswap64(v));
}

/* A flattened stream of two records, of 100 and of 0 bytes. */
#define FLAT_END (4096 + 16 + 100 + 16)
static void make_flattened(uint8_t p[FLAT_END + 16])
{
	memset(p, 0x55, FLAT_END + 16);
	memset(p, 0, 4096);
	strcpy((char *)p, "makedumpfile");
	store_be64(p + 4096, 0);
	store_be64(p + 4096 + 8, 100);
	store_be64(p + FLAT_END - 16, 100);
	store_be64(p + FLAT_END - 8, 0);
	store_be64(p + FLAT_END, UINT64_MAX);
	store_be64(p + FLAT_END + 8, UINT64_MAX);
}

static struct flattened feed(const uint8_t *p, size_t len, size_t step)
{
	struct flattened f = {0};

	for (size_t i = 0; i < len; i += step)
		flattened_feed(&f, p + i, len - i < step ? len - i : step);
	return f;
}

static void test_flattened(void **state)
{
	static const size_t steps[] = {1, 7, 16, 4096, 100000};
	uint8_t p[FLAT_END + 17];
	struct flattened f;

	(void)state;
	make_flattened(p);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		f = feed(p, FLAT_END + 16, steps[i]);
		assert_true(flattened_complete(&f));
		assert_true(flattened_readable(&f));
		assert_int_equal(f.records, 2);
		/* Cut anywhere, it is not complete; with a byte too many it is not either. */
		for (size_t len = 0; len < FLAT_END + 16; len++) {
			f = feed(p, len, steps[i]);
			assert_false(flattened_complete(&f));
			if (len < FLAT_END)
				assert_false(flattened_readable(&f));
		}
		f = feed(p, FLAT_END + 17, steps[i]);
		assert_false(flattened_complete(&f));
	}
	p[11] = 'E';
	f = feed(p, FLAT_END + 16, 16);
	assert_true(f.wrong);
	make_flattened(p);
	store_be64(p + 4096 + 8, UINT64_MAX);
	f = feed(p, FLAT_END + 16, 16);
	assert_true(f.wrong);
	assert_false(flattened_complete(&f));
	/* A record that says more than there is swallows the end marker. */
	make_flattened(p);
	store_be64(p + 4096 + 8, INT64_MAX);
	f = feed(p, FLAT_END + 16, 16);
	assert_false(f.wrong);
	assert_false(flattened_complete(&f));
}

static void test_hash(void **state)
{
	static struct capture c; /* large */
	struct progress progress;
	struct ukd_error e = {0};
	_close_ int fd = file_of((const uint8_t *)"abc", 3);
	char hex[65] = "";

	(void)state;
	progress_begin(&progress, &c, "test");
	assert_int_equal(dump_hash(fd, UINT64_MAX, &progress, hex, &e), 0);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(dump_hash(fd, 0, &progress, hex, &e), -ETIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_dumps),
		cmocka_unit_test(test_bad_dumps),
		cmocka_unit_test(test_flattened),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
