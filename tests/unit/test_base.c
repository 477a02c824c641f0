// SPDX-License-Identifier: GPL-2.0-or-later
/* src/base: the bounded reader, section names, setup headers, the sealed layout in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/sealed.h"
#include "base/sections.h"
#include "fixture_seal.h"

static void test_loads_are_little_endian_and_unaligned(void **state _unused_)
{
	uint8_t b[16] = {0};

	store_le64(b + 3, 0x8877665544332211);
	assert_int_equal(b[3], 0x11);
	assert_int_equal(b[10], 0x88);
	assert_int_equal(load_le16(b + 3), 0x2211);
	assert_int_equal(load_le32(b + 3), 0x44332211);
	assert_true(load_le64(b + 3) == 0x8877665544332211);
	store_le32(b + 1, 0xfedcba98);
	assert_true(load_le32(b + 1) == 0xfedcba98);
	store_le16(b + 5, 0xbeef);
	assert_int_equal(load_le16(b + 5), 0xbeef);
}

static void test_ranges_never_wrap(void **state _unused_)
{
	static const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct bytes b = {data, 8}, sub = {NULL, 99};
	uint64_t v64 = 77;
	uint32_t v32 = 77;
	uint16_t v16 = 77;

	assert_true(bytes_has(b, 0, 8));
	assert_true(bytes_has(b, 8, 0));
	assert_false(bytes_has(b, 8, 1));
	assert_false(bytes_has(b, 9, 0));
	assert_false(bytes_has(b, UINT64_MAX, 1));
	assert_false(bytes_has(b, 1, UINT64_MAX));
	assert_false(bytes_has(b, UINT64_MAX, UINT64_MAX));
	assert_false(bytes_sub(b, 4, UINT64_MAX - 3, &sub));
	assert_int_equal(sub.len, 99);
	assert_true(bytes_sub(b, 4, 4, &sub));
	assert_ptr_equal(sub.p, data + 4);
	assert_false(bytes_le16(b, 7, &v16));
	assert_false(bytes_le32(b, 5, &v32));
	assert_false(bytes_le64(b, 1, &v64));
	assert_false(bytes_le64(b, UINT64_MAX - 3, &v64));
	assert_true(v16 == 77 && v32 == 77 && v64 == 77);
	assert_true(bytes_le16(b, 6, &v16) && v16 == 0x0807);
	assert_true(bytes_le32(b, 4, &v32) && v32 == 0x08070605);
	assert_true(bytes_le64(b, 0, &v64) && v64 == 0x0807060504030201);
}

static void test_comparisons_stop_at_the_end(void **state _unused_)
{
	static const uint8_t zero[4] = {0}, one[4] = {0, 0, 0, 1};
	struct bytes text = {(const uint8_t *)"sbat", 4};

	assert_true(bytes_all_zero((struct bytes){NULL, 0}));
	assert_true(bytes_all_zero((struct bytes){zero, 4}));
	assert_false(bytes_all_zero((struct bytes){one, 4}));
	assert_true(bytes_equal((struct bytes){zero, 3}, (struct bytes){one, 3}));
	assert_false(bytes_equal((struct bytes){zero, 4}, (struct bytes){one, 4}));
	assert_false(bytes_equal((struct bytes){zero, 3}, (struct bytes){zero, 4}));
	assert_true(bytes_start_with(text, ""));
	assert_true(bytes_start_with(text, "sbat"));
	assert_false(bytes_start_with(text, "sbat,"));
	assert_false(bytes_start_with(text, "sbot"));
	assert_int_equal(align_up(0x1001, 0x1000), 0x2000);
	assert_int_equal(align_up(0x1000, 0x1000), 0x1000);
	assert_false(is_power_of_two(0));
	assert_false(is_power_of_two(0x3000));
	assert_true(is_power_of_two(1ull << 63));
}

static void test_section_names_are_eight_bytes(void **state _unused_)
{
	assert_int_equal(uki_section_by_name((const uint8_t *)".linux\0\0"), UKI_LINUX);
	assert_int_equal(uki_section_by_name((const uint8_t *)".cmdline"), UKI_CMDLINE);
	assert_int_equal(uki_section_by_name((const uint8_t *)".dtbauto"), UKI_DTBAUTO);
	assert_int_equal(uki_section_by_name((const uint8_t *)".dtb\0\0\0\0"), UKI_DTB);
	assert_int_equal(uki_section_by_name((const uint8_t *)".kexec\0\0"), UKI_KEXEC);
	/* what a comparison as C strings would take */
	assert_int_equal(uki_section_by_name((const uint8_t *)".linux\0x"), UKI_OTHER);
	assert_int_equal(uki_section_by_name((const uint8_t *)".Linux\0\0"), UKI_OTHER);
	assert_int_equal(uki_section_by_name((const uint8_t *)"\0\0\0\0\0\0\0\0"), UKI_OTHER);
	for (unsigned int i = 0; i < UKI_SECTION_MAX; i++)
		assert_int_equal(uki_section_by_name((const uint8_t *)uki_sections[i].name), i);
}

static void test_setup_header_is_read(void **state _unused_)
{
	_buffer_ struct buffer k = {0};
	struct setup_header h;

	fixture_kernel_make(&k);
	assert_null(setup_header_parse(buffer_bytes(&k), &h));
	assert_int_equal(h.pm_offset, 0x400);
	assert_int_equal(h.end, FIXTURE_HDR_END);
	assert_int_equal(h.init_size, FIXTURE_INIT_SIZE);
	assert_int_equal(h.kernel_alignment, FIXTURE_ALIGNMENT);
	assert_int_equal(h.cmdline_size, FIXTURE_CMDLINE_MAX);
	assert_int_equal(h.pref_address, FIXTURE_PREF);
	assert_int_equal(h.xloadflags, FIXTURE_XLF);
	assert_int_equal(h.version, 0x20f);
	k.data[BP_SETUP_SECTS] = 0; /* means 4 */
	assert_null(setup_header_parse(buffer_bytes(&k), &h));
	assert_int_equal(h.pm_offset, 5 * 512);
	k.data[BP_SETUP_SECTS] = 255;
	assert_null(setup_header_parse(buffer_bytes(&k), &h));
	assert_int_equal(h.pm_offset, 256 * 512);
}

/* One field with a value that excludes the kernel. */
struct header_case {
	const char *name, *says;
	uint32_t off;
	unsigned int width;
	uint64_t value;
};

static void put(uint8_t *p, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static void test_setup_header_refusals(void **state _unused_)
{
	static const struct header_case cases[] = {
		{"no HdrS", "HdrS", BP_MAGIC, 4, 0x53726449},
		{"no boot flag", "boot flag", BP_BOOT_FLAG, 2, 0xaa54},
		{"protocol 2.11", "older than 2.12", BP_VERSION, 2, 0x20b},
		{"no 64-bit entry", "64-bit", BP_XLOADFLAGS, 2, XLF_ABOVE_4G},
		{"not above 4G", "4 GiB", BP_XLOADFLAGS, 2, XLF_KERNEL_64},
		{"loads low", "load high", BP_LOADFLAGS, 1, 0},
		{"header too short", "length", BP_JUMP_LEN, 1, BP_KERNEL_INFO_OFFSET - 0x203},
		{"header into EDD data", "length", BP_JUMP_LEN, 1, 0x8f},
		{"alignment 0", "alignment", BP_KERNEL_ALIGNMENT, 4, 0},
		{"alignment 3 MiB", "alignment", BP_KERNEL_ALIGNMENT, 4, 0x300000},
		{"alignment 2 GiB", "alignment", BP_KERNEL_ALIGNMENT, 4, 0x80000000},
		{"alignment below a page", "alignment", BP_KERNEL_ALIGNMENT, 4, 0x800},
		{"init_size 0", "init_size", BP_INIT_SIZE, 4, 0},
		{"init_size 2 GiB", "init_size", BP_INIT_SIZE, 4, 0x80000000},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer k = {0};
		struct setup_header h = {.end = 4711};
		const char *wrong;

		fixture_kernel_make(&k);
		put(k.data + cases[i].off, cases[i].width, cases[i].value);
		wrong = setup_header_parse(buffer_bytes(&k), &h);
		if (!wrong || !strstr(wrong, cases[i].says))
			fail_msg("%s: %s", cases[i].name, wrong ? wrong : "accepted");
		if (strcmp(cases[i].says, "load high") != 0)
			assert_int_equal(h.end, 4711);
	}
}

static void test_setup_header_of_every_short_length(void **state _unused_)
{
	_buffer_ struct buffer k = {0};
	struct setup_header h;

	fixture_kernel_make(&k);
	for (uint64_t len = 0; len < BP_HDR_END_MAX; len++) {
		uint8_t *exact = malloc(len ? len : 1); /* the sanitizer sees any overrun */

		assert_non_null(exact);
		memcpy(exact, k.data, len);
		assert_non_null(setup_header_parse((struct bytes){exact, len}, &h));
		free(exact);
	}
}

static void test_loaded_header_may_have_no_loadflags(void **state _unused_)
{
	_buffer_ struct buffer k = {0};
	struct setup_header h;

	fixture_kernel_make(&k);
	k.data[BP_LOADFLAGS] = 0;
	assert_non_null(setup_header_parse(buffer_bytes(&k), &h));
	assert_null(setup_header_parse_loaded(buffer_bytes(&k), &h));
}

static void test_kernel_must_fit_its_init_size(void **state _unused_)
{
	_buffer_ struct buffer k = {0};
	struct setup_header h;

	fixture_kernel_make(&k);
	assert_null(sealed_check_kernel(buffer_bytes(&k), k.len, &h));
	assert_non_null(sealed_check_kernel(buffer_bytes(&k), 0x400 + BP_ENTRY_64, &h));
	assert_null(sealed_check_kernel(buffer_bytes(&k), 0x400 + BP_ENTRY_64 + 1, &h));
	assert_null(sealed_check_kernel(buffer_bytes(&k), 0x400 + FIXTURE_INIT_SIZE, &h));
	assert_non_null(sealed_check_kernel(buffer_bytes(&k), 0x401 + FIXTURE_INIT_SIZE, &h));
	assert_non_null(sealed_check_kernel(buffer_bytes(&k), UINT64_MAX, &h));
}

static void test_layout_follows_the_design(void **state _unused_)
{
	struct setup_header inner = {.cmdline_size = 2047, .kernel_alignment = 0x200000};
	struct sealed_layout l;

	assert_null(sealed_layout(0x12e00, &inner, &l));
	assert_int_equal(l.scratch, 0x13000);
	assert_int_equal(l.stack_low, 0x14000);
	assert_int_equal(l.stack_high, 0x18000);
	assert_int_equal(l.cmdline, 0x18000);
	assert_int_equal(l.cmdline_len, 0x1000);
	assert_int_equal(l.dest, 0x200000);
	inner.cmdline_size = 4096; /* and a NUL: two pages */
	assert_null(sealed_layout(0x1e0000, &inner, &l));
	assert_int_equal(l.cmdline_len, 0x2000);
	assert_int_equal(l.dest, 0x200000); /* exactly end + SCRATCH */
	assert_null(sealed_layout(0x1e0001, &inner, &l));
	assert_int_equal(l.dest, 0x400000);
}

static void test_layout_with_hostile_numbers(void **state _unused_)
{
	struct setup_header inner = {.cmdline_size = UINT32_MAX, .kernel_alignment = 0x200000};
	struct sealed_layout l;

	assert_non_null(sealed_layout(0x1000, &inner, &l));
	inner.cmdline_size = SEALED_SCRATCH - SEALED_STACK_END; /* the NUL does not fit */
	assert_non_null(sealed_layout(0x1000, &inner, &l));
	inner.cmdline_size--;
	assert_null(sealed_layout(0x1000, &inner, &l));
	assert_non_null(sealed_layout(0x1001, &inner, &l));
	inner.cmdline_size = 255;
	inner.kernel_alignment = 0x40000000;
	assert_null(sealed_layout(UINT32_MAX, &inner, &l));
	assert_true(l.dest == 0x140000000 && l.cmdline + l.cmdline_len <= l.dest);
}

/* The sealed default image as it lies in memory: without what kexec does not load. */
static struct bytes in_memory(const struct buffer *image)
{
	return (struct bytes){image->data + SEALED_PM_OFFSET, image->len - SEALED_PM_OFFSET};
}

static void test_walk_finds_the_parts(void **state _unused_)
{
	_buffer_ struct buffer image = {0};
	struct sealed_parts p;

	fixture_sealed_make(&image);
	assert_null(sealed_walk(in_memory(&image), &p));
	assert_int_equal(p.kernel.off, sealed_raw_of(&image, ".linux") - 0x400);
	assert_int_equal(p.kernel.len, FIXTURE_PM + FIXTURE_PM_LEN);
	assert_int_equal(p.initrd.off, sealed_raw_of(&image, ".initrd") - 0x400);
	assert_int_equal(p.initrd.len, 0x1234);
	assert_int_equal(p.cmdline.len, strlen(FIXTURE_CMDLINE));
	assert_int_equal(p.end, image.len - 0x400);
}

static void expect_walk(struct buffer *image, const char *says)
{
	struct sealed_parts p = {.end = 4711};
	const char *wrong = sealed_walk(in_memory(image), &p);

	if (!wrong || !strstr(wrong, says))
		fail_msg("expected '%s', got '%s'", says, wrong ? wrong : "success");
	assert_int_equal(p.end, 4711);
}

static void test_walk_refusals(void **state _unused_)
{
	static const struct {
		const char *says, *section; /* NULL: off is a file offset */
		uint32_t off;
		unsigned int width;
		uint64_t value;
	} cases[] = {
		{"section table", NULL, SEALED_PE_HEADER + 6, 2, 97},
		{"section table", NULL, SEALED_PE_HEADER + 6, 2, 0xffff},
		{"section table", NULL, SEALED_PE_HEADER + 20, 2, 0xffff},
		{"section table", NULL, SEALED_PE_HEADER + 24 + 60, 4, 0x3ff},
		{"section table", NULL, SEALED_PE_HEADER + 24 + 60, 4, 0x1001},
		{"section table", NULL, SEALED_PE_HEADER + 24 + 60, 4, 0xffffffff},
		{"missing", NULL, SEALED_PE_HEADER + 6, 2, 0},
		{"outside", ".initrd", 16, 4, 0xffffffff},
		{"outside", ".initrd", 20, 4, 0xfffffc00},
		{"outside", ".initrd", 20, 4, 0x3ff},
		{"outside", ".osrel", 20, 4, 0},
		{"outside", ".cmdline", 20, 4, 0x400}, /* inside the headers */
		{"missing", ".cmdline", 8, 4, 0},
		{"missing", ".linux", 16, 4, 0},
		{"missing", ".initrd", 0, 1, ','},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_buffer_ struct buffer image = {0};
		uint32_t off = cases[i].off;

		fixture_sealed_make(&image);
		if (cases[i].section)
			off += sealed_header_of(&image, cases[i].section);
		put(image.data + off, cases[i].width, cases[i].value);
		expect_walk(&image, cases[i].says);
	}
}

static void test_walk_refuses_each_part_twice(void **state _unused_)
{
	static const char *const parts[] = {".linux", ".initrd", ".cmdline"};

	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		_buffer_ struct buffer image = {0};

		fixture_sealed_make(&image);
		memset(image.data + sealed_header_of(&image, ".osrel"), 0, 8);
		memcpy(image.data + sealed_header_of(&image, ".uname"), parts[i], strlen(parts[i]));
		expect_walk(&image, "twice");
	}
}

static void test_walk_of_every_short_length(void **state _unused_)
{
	_buffer_ struct buffer image = {0};
	struct sealed_parts p;

	fixture_sealed_make(&image);
	for (uint64_t len = 0; len < image.len - SEALED_PM_OFFSET; len += len < 0xc00 ? 1 : 509) {
		uint8_t *exact = malloc(len ? len : 1);

		assert_non_null(exact);
		memcpy(exact, image.data + SEALED_PM_OFFSET, len);
		assert_non_null(sealed_walk((struct bytes){exact, len}, &p));
		free(exact);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads_are_little_endian_and_unaligned),
		cmocka_unit_test(test_ranges_never_wrap),
		cmocka_unit_test(test_comparisons_stop_at_the_end),
		cmocka_unit_test(test_section_names_are_eight_bytes),
		cmocka_unit_test(test_setup_header_is_read),
		cmocka_unit_test(test_setup_header_refusals),
		cmocka_unit_test(test_setup_header_of_every_short_length),
		cmocka_unit_test(test_loaded_header_may_have_no_loadflags),
		cmocka_unit_test(test_kernel_must_fit_its_init_size),
		cmocka_unit_test(test_layout_follows_the_design),
		cmocka_unit_test(test_layout_with_hostile_numbers),
		cmocka_unit_test(test_walk_finds_the_parts),
		cmocka_unit_test(test_walk_refusals),
		cmocka_unit_test(test_walk_refuses_each_part_twice),
		cmocka_unit_test(test_walk_of_every_short_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
