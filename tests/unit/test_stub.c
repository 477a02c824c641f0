// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kexec stub, run on the host: what the inner kernel would find is compared with docs/UKI.md;
 * an image, boot_params or setup_data that do not fit are refused, and not a byte is written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fixture_checks.h"
#include "fixture_stub.h"
#include "stub/stub.h"

static void add_node(struct world *w, uint32_t type)
{
	uint8_t *node = w->p + NODES + 64 * w->n_nodes;
	uint8_t *link = w->n_nodes ? node - 64 : w->params + BP_SETUP_DATA;

	store_le64(link, w->at + NODES + 64 * w->n_nodes++);
	store_le64(node, 0);
	store_le32(node + 8, type);
	store_le32(node + 12, 16);
}

static bool all(const uint8_t *p, uint8_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void test_inner_kernel_is_in_place(void **state _unused_)
{
	_world_ struct world w;
	_buffer_ struct buffer kernel = {0};
	uint8_t *dest;

	world_make(&w, 0);
	fixture_kernel_make(&kernel);
	expect_start(&w);
	dest = w.p + BASE + w.dest;
	assert_memory_equal(dest, kernel.data + FIXTURE_PM, FIXTURE_PM_LEN);
	assert_true(all(dest + FIXTURE_PM_LEN, 0, FIXTURE_INIT_SIZE - FIXTURE_PM_LEN));
	assert_true(all(dest + FIXTURE_INIT_SIZE, POISON, 4096)); /* and not a byte more */
}

static void test_header_is_the_inner_kernels(void **state _unused_)
{
	static const struct {
		uint32_t off, len;
	} kept[] = {
		{BP_VID_MODE, 2},	 {BP_ROOT_DEV, 2},	   {BP_TYPE_OF_LOADER, 1},
		{BP_LOADFLAGS, 1},	 {BP_HEAP_END_PTR, 2},	   {BP_EXT_LOADER_VER, 1},
		{BP_EXT_LOADER_TYPE, 1}, {BP_HARDWARE_SUBARCH, 4}, {BP_HARDWARE_SUBARCH_DATA, 8},
		{BP_SETUP_DATA, 8}};
	static const struct {
		uint32_t off, len;
	} set[] = {{BP_RAMDISK_IMAGE, 4}, {BP_RAMDISK_SIZE, 4}, {BP_CMD_LINE_PTR, 4}};
	_buffer_ struct buffer kernel = {0};
	uint8_t old[BOOT_PARAMS_LEN];
	_world_ struct world w;

	world_make(&w, 0);
	fixture_kernel_make(&kernel);
	add_node(&w, 9);
	memcpy(old, w.params, sizeof(old));
	expect_start(&w);
	for (uint32_t i = 0; i < BOOT_PARAMS_LEN; i++) {
		uint8_t expected = i < BP_HDR || i >= BP_HDR_END_MAX ? old[i] :
				   i < FIXTURE_HDR_END		     ? kernel.data[i] :
								       0;
		bool free = i >= BP_EXT_RAMDISK_IMAGE && i < BP_EXT_CMD_LINE_PTR + 4;

		for (unsigned int k = 0; k < ARRAY_SIZE(kept); k++)
			if (i >= kept[k].off && i < kept[k].off + kept[k].len)
				expected = old[i];
		for (unsigned int k = 0; k < ARRAY_SIZE(set); k++)
			free |= i >= set[k].off && i < set[k].off + set[k].len;
		if (!free && w.params[i] != expected)
			fail_msg("boot_params byte 0x%x is 0x%02x, expected 0x%02x", i, w.params[i],
				 expected);
	}
}

static void test_longer_header_than_the_outer_leaves_no_remains(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	memset(w.params + FIXTURE_HDR_END, 0x77, BP_HDR_END_MAX - FIXTURE_HDR_END);
	expect_start(&w);
	assert_true(all(w.params + FIXTURE_HDR_END, 0, BP_HDR_END_MAX - FIXTURE_HDR_END));
}

static void test_initrd_is_the_signed_one(void **state _unused_)
{
	_world_ struct world w;
	uint64_t at, len;

	world_make(&w, 0);
	expect_start(&w);
	at = split_address(w.params, BP_RAMDISK_IMAGE, BP_EXT_RAMDISK_IMAGE);
	len = split_address(w.params, BP_RAMDISK_SIZE, BP_EXT_RAMDISK_SIZE);
	assert_true(at == w.at + BASE + sealed_raw_of(&w.file, ".initrd") - 0x400);
	assert_int_equal(at % 4096, 0);
	assert_int_equal(len, 0x1234);
	assert_memory_equal((void *)(uintptr_t)at, w.file.data + sealed_raw_of(&w.file, ".initrd"),
			    0x1234);
}

static void test_command_line_is_the_token_and_the_signed_one(void **state _unused_)
{
	static const char *const behind[] = {
		"", " ", " init=/evil", " elfcorehdr=0x1000 x", " dmcryptkeys=0x1000", "  a b"};

	for (unsigned int i = 0; i < ARRAY_SIZE(behind); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		set_line(&w, "elfcorehdr=0x%llx%s", (unsigned long long)w.at, behind[i]);
		expect_start(&w);
		expect_line(&w, "elfcorehdr=0x%llx " FIXTURE_CMDLINE, (unsigned long long)w.at);
		assert_true((uintptr_t)inner_line(&w) ==
			    w.at + BASE + align_up(w.end, 4096) + 0x5000);
	}
}

static void test_everything_unsigned_is_cleared(void **state _unused_)
{
	_world_ struct world w;
	uint64_t scratch, line_end;
	uint8_t *image;

	world_make(&w, 0);
	expect_start(&w);
	image = w.p + BASE;
	scratch = align_up(w.end, 4096);
	line_end = scratch + 0x5000 + strlen(inner_line(&w));
	assert_memory_equal(image, w.file.data + 0x400, w.end); /* the signed bytes stay */
	assert_true(all(image + w.end, 0, scratch + 0x1000 - w.end));
	assert_true(all(image + scratch + 0x1000, POISON, 0x4000)); /* the live stack */
	assert_true(all(image + line_end, 0, w.dest - line_end));
}

static void test_nothing_else_is_written(void **state _unused_)
{
	uint8_t *before = malloc(REGION);
	_world_ struct world w;

	world_make(&w, 0);
	memcpy(before, w.p, REGION);
	expect_start(&w);
	assert_memory_equal(before, w.p, BASE);
	assert_memory_equal(before + BASE + w.dest + FIXTURE_INIT_SIZE,
			    w.p + BASE + w.dest + FIXTURE_INIT_SIZE,
			    PARAMS - (BASE + w.dest + FIXTURE_INIT_SIZE));
	assert_memory_equal(before + LINE, w.p + LINE, REGION - LINE);
	free(before);
}

/* Types that stay, in order. */
static void expect_chain(const struct world *w, const uint32_t *types, unsigned int n)
{
	uint64_t node = load_le64(w->params + BP_SETUP_DATA);

	for (unsigned int i = 0; i < n; i++) {
		assert_true(node >= w->at + NODES && node < w->at + NODES + 64 * 64);
		assert_int_equal(load_le32((uint8_t *)(uintptr_t)node + 8), types[i]);
		node = load_le64((uint8_t *)(uintptr_t)node);
	}
	assert_true(node == 0);
}

static void test_setup_data_is_filtered(void **state _unused_)
{
	static const uint32_t kept[] = {4, 7, 8, 9};
	_world_ struct world w;

	world_make(&w, 0);
	for (uint32_t type = 0; type < 12; type++)
		add_node(&w, type);
	add_node(&w, 0x80000000); /* indirect */
	add_node(&w, 0xffffffff);
	expect_start(&w);
	expect_chain(&w, kept, 4);
}

static void test_setup_data_of_foreign_types_only_is_emptied(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	add_node(&w, 1);
	add_node(&w, 2);
	expect_start(&w);
	expect_chain(&w, NULL, 0);
}

static void test_setup_data_of_32_nodes_is_taken(void **state _unused_)
{
	uint32_t kept[32];
	_world_ struct world w;

	world_make(&w, 0);
	for (unsigned int i = 0; i < 32; i++) {
		add_node(&w, 9);
		kept[i] = 9;
	}
	expect_start(&w);
	expect_chain(&w, kept, 32);
	world_free(&w);
	world_make(&w, 0);
	for (unsigned int i = 0; i < 33; i++)
		add_node(&w, 9);
	expect_refusal(&w, "32 setup_data", "33 nodes");
}

static void test_circular_setup_data_is_refused(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	add_node(&w, 9);
	store_le64(w.p + NODES, w.at + NODES);
	expect_refusal(&w, "32 setup_data", "circle");
}

static void test_setup_data_in_the_image_is_refused(void **state _unused_)
{
	static const uint32_t places[] = {BASE, BASE + 0x300000 - 1, BASE - 15};

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		memset(w.p + BASE + 0x2fff00, 0, 0x200);
		store_le64(w.params + BP_SETUP_DATA, w.at + places[i]);
		expect_refusal(&w, "setup_data node overlaps", "node in the image");
	}
}

static void test_boot_params_and_image_must_agree(void **state _unused_)
{
	static const struct {
		const char *name, *says;
		uint32_t off;
		unsigned int width;
		uint64_t value;
	} cases[] = {
		{"no HdrS", "HdrS", BP_MAGIC, 4, 0},
		{"loaded below its alignment", "header excludes", BP_KERNEL_ALIGNMENT, 4, 0x400000},
		{"loaded below its preferred address", "header excludes", BP_PREF_ADDRESS, 8,
		 1ull << 63},
		{"syssize above init_size", "syssize exceeds", BP_SYSSIZE, 4, 0x30001},
		{"syssize at the end of 32 bits", "syssize exceeds", BP_SYSSIZE, 4, 0xffffffff},
		{"syssize cuts the image", "outside the image", BP_SYSSIZE, 4, 0x200},
		{"syssize cuts the headers", "headers", BP_SYSSIZE, 4, 0x20},
		{"another alignment", "disagree", BP_KERNEL_ALIGNMENT, 4, 0x1000},
		{"another cmdline_size", "disagree", BP_CMDLINE_SIZE, 4, 255},
		{"init_size too small", "does not fit into the outer", BP_INIT_SIZE, 4, 0x2fffff},
		{"boot protocol 2.11", "2.12", BP_VERSION, 2, 0x20b},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		put_le(w.params + cases[i].off, cases[i].width, cases[i].value);
		expect_refusal(&w, cases[i].says, cases[i].name);
	}
}

static void test_stub_header_must_fit(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.header + STUB_END, w.end + 0x200);
	expect_refusal(&w, "do not end where", "another end");
	store_le32(w.header + STUB_END, w.end);
	store_le32(w.header + STUB_FLAGS, 4);
	expect_refusal(&w, "unknown flags", "flag 4");
}

static void test_inner_kernel_must_be_sound(void **state _unused_)
{
	static const struct {
		const char *name, *says;
		uint32_t off;
		unsigned int width;
		uint64_t value;
	} cases[] = {
		{"no HdrS", "HdrS", BP_MAGIC, 4, 0},
		{"loads low", "load high", BP_LOADFLAGS, 1, 0},
		{"no 64-bit entry", "64-bit", BP_XLOADFLAGS, 1, 2},
		{"larger than init_size", "larger than its init_size", BP_INIT_SIZE, 4, 0x1000},
		{"init_size larger than the room", "does not fit", BP_INIT_SIZE, 4, 0x100001},
		{"all setup sectors", "too short for its setup", BP_SETUP_SECTS, 1, 200},
		{"header over EDD data", "impossible length", BP_JUMP_LEN, 1, 0xff},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;
		uint8_t *kernel;

		world_make(&w, 0);
		kernel = w.p + BASE + sealed_raw_of(&w.file, ".linux") - SEALED_PM_OFFSET;
		put_le(kernel + cases[i].off, cases[i].width, cases[i].value);
		expect_refusal(&w, cases[i].says, cases[i].name);
	}
}

static void test_signed_command_line_must_fit(void **state _unused_)
{
	static const uint32_t sizes[] = {21 + 30 + 1, 21 + 30};

	for (unsigned int i = 0; i < 2; i++) {
		_world_ struct world w;
		uint8_t *kernel;

		world_make(&w, 0);
		assert_int_equal(strlen(FIXTURE_CMDLINE), 21);
		kernel = w.p + BASE + sealed_raw_of(&w.file, ".linux") - SEALED_PM_OFFSET;
		store_le32(kernel + BP_CMDLINE_SIZE, sizes[i]);
		store_le32(w.params + BP_CMDLINE_SIZE, sizes[i]);
		if (i == 0)
			expect_start(&w);
		else
			expect_refusal(&w, "command line is too long", "one byte");
	}
}

static void test_boot_params_in_the_image_are_refused(void **state _unused_)
{
	static const uint32_t places[] = {BASE - 0xfff, BASE + 0x150000, BASE + 0x2fffff};

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		if (i)
			memcpy(w.p + places[i], w.params, BOOT_PARAMS_LEN);
		else /* its tail reaches into the image, whose first byte is then POISON */
			memcpy(w.p + places[i], w.params, 0xfff);
		if (stub_main(w.at + BASE, w.at + places[i], w.header))
			fail_msg("started with boot_params at 0x%x", places[i]);
		assert_non_null(strstr(said, "boot_params overlaps"));
	}
}

static void test_image_at_a_wrong_base_is_refused(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	assert_int_equal(stub_main(w.at + BASE + 0x1000, w.at + PARAMS, w.header), 0);
	assert_non_null(strstr(said, "header excludes"));
}

static void test_refusal_speaks_by_the_signed_line_only(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	set_line(&w, "ukdump.stubcon=0x3f8");
	assert_int_equal(start(&w), 0);
	assert_string_equal(said, FIXTURE_CMDLINE
			    "|the command line does not begin with elfcorehdr=: not a crash start");
	store_le32(w.params + BP_MAGIC, 0); /* before the sections are known */
	assert_int_equal(start(&w), 0);
	assert_int_equal(said[0], '|');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner_kernel_is_in_place),
		cmocka_unit_test(test_header_is_the_inner_kernels),
		cmocka_unit_test(test_longer_header_than_the_outer_leaves_no_remains),
		cmocka_unit_test(test_initrd_is_the_signed_one),
		cmocka_unit_test(test_command_line_is_the_token_and_the_signed_one),
		cmocka_unit_test(test_everything_unsigned_is_cleared),
		cmocka_unit_test(test_nothing_else_is_written),
		cmocka_unit_test(test_setup_data_is_filtered),
		cmocka_unit_test(test_setup_data_of_foreign_types_only_is_emptied),
		cmocka_unit_test(test_setup_data_of_32_nodes_is_taken),
		cmocka_unit_test(test_circular_setup_data_is_refused),
		cmocka_unit_test(test_setup_data_in_the_image_is_refused),
		cmocka_unit_test(test_boot_params_and_image_must_agree),
		cmocka_unit_test(test_stub_header_must_fit),
		cmocka_unit_test(test_inner_kernel_must_be_sound),
		cmocka_unit_test(test_signed_command_line_must_fit),
		cmocka_unit_test(test_boot_params_in_the_image_are_refused),
		cmocka_unit_test(test_image_at_a_wrong_base_is_refused),
		cmocka_unit_test(test_refusal_speaks_by_the_signed_line_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
