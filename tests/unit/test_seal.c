// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/build/assemble.c and attach.c: what the builder makes is what docs/UKI.md says, by
 * calculations of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "fixture_sealed.h"
#include "pe/kernel.h"
#include "pe/sealed.h"

static void assemble(const struct image_parts *parts, struct buffer *ret)
{
	struct ukd_error e = {0};

	if (image_assemble(parts, ret, &e) < 0)
		fail_msg("%s [%s]", e.text, e.check);
}

static void test_round_trip(void **state _unused_)
{
	_buffer_ struct buffer image = {0};
	struct sealed_facts f;

	fixture_sealed_make(&image);
	f = expect_valid(&image);
	assert_string_equal(f.version, FIXTURE_VERSION);
	assert_int_equal(f.flags, 0);
	assert_int_equal(f.kernel_len, FIXTURE_PM + FIXTURE_PM_LEN);
	assert_int_equal(f.initrd_len, 0x1234);
	assert_int_equal(f.inner.init_size, FIXTURE_INIT_SIZE);
}

static void test_setup_header_is_the_one_of_the_design(void **state _unused_)
{
	_buffer_ struct buffer image = {0}, kernel = {0};
	uint32_t end, dest;

	fixture_kernel_make(&kernel);
	fixture_sealed_make(&image);
	end = sealed_end_of(&image) - PM;
	assert_int_equal(end + PM, image.len);
	dest = (end + 0x20000 + FIXTURE_ALIGNMENT - 1) / FIXTURE_ALIGNMENT * FIXTURE_ALIGNMENT;

	assert_memory_equal(image.data, "MZ", 2);
	assert_int_equal(at32(&image, 0x3c), 0x640);
	assert_int_equal(image.data[0x1f1], 1);
	assert_int_equal(at32(&image, 0x1f4), (end + 15) / 16);
	assert_int_equal(at32(&image, 0x260), dest + FIXTURE_INIT_SIZE);
	assert_int_equal(load_le16(image.data + 0x236), FIXTURE_XLF & ~0x000c);
	assert_int_equal(at32(&image, 0x264), 0);
	assert_int_equal(load_le16(image.data + 0x20e), 0x110);
	assert_string_equal((char *)image.data + 0x310, FIXTURE_VERSION);
	assert_int_equal(at32(&image, 0x248),
			 sealed_raw_of(&image, ".linux") - PM + 2 * 512 + 0x300);
	assert_int_equal(at32(&image, 0x24c), 0x1100);
	assert_int_equal(at32(&image, 0x268), 0x230);
	/* the payload really is where the header says */
	assert_memory_equal(image.data + PM + at32(&image, 0x248), kernel.data + PM + 0x300,
			    0x1100);
	/* every other byte of the header is the inner kernel's */
	for (uint32_t i = 0x1f1; i < FIXTURE_HDR_END; i++) {
		static const struct {
			uint32_t off, len;
		} changed[] = {{0x1f1, 1}, {0x1f4, 4}, {0x260, 4}, {0x236, 2},
			       {0x264, 4}, {0x20e, 2}, {0x248, 4}, {0x268, 4}};
		bool skip = false;

		for (unsigned int c = 0; c < ARRAY_SIZE(changed); c++)
			skip |= i >= changed[c].off && i < changed[c].off + changed[c].len;
		if (!skip && image.data[i] != kernel.data[i])
			fail_msg("header byte 0x%x differs from the inner kernel's", i);
	}
}

static void test_entry_points(void **state _unused_)
{
	static const uint8_t halt[] = {0xfa, 0xf4, 0xeb, 0xfd};
	_buffer_ struct buffer image = {0};
	uint32_t jump;

	fixture_sealed_make(&image);
	assert_memory_equal(image.data + FIXTURE_HDR_END, halt, 4);
	assert_memory_equal(image.data + 0x400, halt, 4);
	assert_int_equal(image.data[0x600], 0xe9);
	jump = 0x605 + at32(&image, 0x601);
	assert_int_equal(jump, sealed_raw_of(&image, ".kexec"));
	assert_memory_equal(image.data + jump + 8, "ukdstub1", 8);
	assert_int_equal(at32(&image, jump + 16), jump - PM);
	assert_int_equal(at32(&image, jump + 20), image.len - PM);
	assert_int_equal(at32(&image, jump + 24), 0);
	assert_memory_equal(image.data + 0x630, "LToP", 4);
	assert_int_equal(at32(&image, 0x634), 16);
	assert_int_equal(at32(&image, 0x638), 16);
	assert_int_equal(at32(&image, 0x63c), 0x80000009); /* the inner kernel's */
}

static void test_sections_hold_the_parts(void **state _unused_)
{
	static const char *const order[] = {".text",	".sbat",   ".osrel", ".uname",
					    ".cmdline", ".initrd", ".linux", ".kexec"};
	_buffer_ struct buffer image = {0}, kernel = {0};
	struct image_parts p;
	uint32_t raw, table, next = 0;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	assemble(&p, &image);
	table = sealed_header_of(&image, order[0]);
	next = at32(&image, table + 20);
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		assert_int_equal(sealed_header_of(&image, order[i]), table + 40 * i);
		assert_int_equal(sealed_raw_of(&image, order[i]), next); /* no gap */
		next += at32(&image, table + 40 * i + 16);
		if (i)
			assert_int_equal(at32(&image, table + 40 * i + 36), 0x40000040);
	}
	raw = sealed_raw_of(&image, ".linux");
	assert_memory_equal(image.data + raw, kernel.data, kernel.len);
	raw = sealed_raw_of(&image, ".initrd");
	assert_int_equal(raw % 0x1000, 0x400); /* page-aligned in memory */
	assert_memory_equal(image.data + raw, p.initrd.p, p.initrd.len);
	raw = sealed_raw_of(&image, ".cmdline");
	assert_memory_equal(image.data + raw, FIXTURE_CMDLINE, strlen(FIXTURE_CMDLINE));
	assert_int_equal(at32(&image, sealed_header_of(&image, ".cmdline") + 8),
			 strlen(FIXTURE_CMDLINE));
	assert_string_equal((char *)image.data + sealed_raw_of(&image, ".uname"), "6.99.1-test");
	assert_non_null(
		strstr((char *)image.data + sealed_raw_of(&image, ".sbat"), "\nukdump,1,ukdump,"));
}

static void test_initrd_is_aligned_behind_any_command_line(void **state _unused_)
{
	char line[FIXTURE_CMDLINE_MAX];
	_buffer_ struct buffer kernel = {0};
	struct image_parts p;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	memset(line, 'x', sizeof(line));
	for (uint32_t len = 1; len < 2016; len += 97) {
		_buffer_ struct buffer image = {0};

		p.cmdline = (struct bytes){(uint8_t *)line, len};
		p.osrel.len = 1 + len % 20;
		assemble(&p, &image);
		assert_int_equal(sealed_raw_of(&image, ".initrd") % 0x1000, 0x400);
		(void)expect_valid(&image);
	}
}

static int assemble_with(const struct image_parts *parts, struct ukd_error *e)
{
	_buffer_ struct buffer image = {0};

	return image_assemble(parts, &image, e);
}

static void test_command_line_limits(void **state _unused_)
{
	static const uint32_t flags[] = {0, SEALED_KEEP_DMCRYPTKEYS};
	char line[FIXTURE_CMDLINE_MAX];
	_buffer_ struct buffer kernel = {0};
	struct image_parts p;
	struct ukd_error e = {0};

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	memset(line, 'x', sizeof(line));
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		p.flags = flags[i];
		p.cmdline = (struct bytes){(uint8_t *)line, 2047 - 1 - 30 - (i ? 31 : 0)};
		assert_int_equal(assemble_with(&p, &e), 0);
		p.cmdline.len++;
		expect_refused(assemble_with(&p, &e), &e, "sealed.cmdline", "one byte too long");
	}
	p.cmdline.len = 0;
	expect_refused(assemble_with(&p, &e), &e, "sealed.cmdline", "empty");
	p.cmdline.len = 1;
	store_le32(kernel.data + BP_CMDLINE_SIZE, 10); /* less than what the kernel adds */
	expect_refused(assemble_with(&p, &e), &e, "sealed.cmdline", "kernel takes nothing");
}

static void test_flags_reach_the_header(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0}, plain = {0}, normal = {0};
	struct image_parts p;
	struct sealed_facts f;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	assemble(&p, &plain);
	p.flags = SEALED_FOR_NORMAL_KEXEC | SEALED_KEEP_DMCRYPTKEYS;
	assemble(&p, &normal);
	f = expect_valid(&normal);
	assert_int_equal(f.flags, 3);
	assert_int_equal(at32(&normal, 0x260), at32(&plain, 0x260) + FIXTURE_ALIGNMENT);
}

static void test_nx_compat_is_the_kernels(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0}, with = {0}, without = {0};
	struct image_parts p;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	assemble(&p, &with);
	store_le16(kernel.data + 0x40 + 24 + 70, 0);
	assemble(&p, &without);
	assert_int_equal(load_le16(with.data + 0x640 + 24 + 70) & 0x100, 0x100);
	assert_int_equal(load_le16(without.data + 0x640 + 24 + 70) & 0x100, 0);
}

static void test_builtin_entry_returns_unsupported(void **state _unused_)
{
	/* mov $0x8000000000000003, %rax; ret */
	static const uint8_t code[] = {0x48, 0xb8, 3, 0, 0, 0, 0, 0, 0, 0x80, 0xc3};
	_buffer_ struct buffer image = {0};
	uint32_t text, entry;

	fixture_sealed_make(&image);
	text = sealed_header_of(&image, ".text");
	entry = at32(&image, 0x640 + 24 + 16);
	assert_int_equal(entry, at32(&image, text + 12));
	assert_memory_equal(image.data + at32(&image, text + 20), code, sizeof(code));
}

static void test_same_parts_same_bytes(void **state _unused_)
{
	_buffer_ struct buffer a = {0}, b = {0};

	fixture_sealed_make(&a);
	fixture_sealed_make(&b);
	assert_true(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
}

static void test_version_string(void **state _unused_)
{
	_buffer_ struct buffer k = {0};
	char v[SEALED_VERSION_MAX + 1];

	fixture_kernel_make(&k);
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, FIXTURE_VERSION);
	memset(k.data + 0x300, 'v', 0x100 + 64);
	kernel_version_string(buffer_bytes(&k), v);
	assert_int_equal(strlen(v), SEALED_VERSION_MAX);
	k.data[0x305] = 0x1b;
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, "vvvvv");
	store_le16(k.data + BP_KERNEL_VERSION, 0xffff);
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, "");
	store_le16(k.data + BP_KERNEL_VERSION, 0);
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, "");
	store_le16(k.data + BP_KERNEL_VERSION, 0x100);
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, "vvvvv");
	k.data[BP_MAGIC] = 'h'; /* no bzImage: these bytes mean something else */
	kernel_version_string(buffer_bytes(&k), v);
	assert_string_equal(v, "");
	k.data[BP_MAGIC] = 'H';
	kernel_version_string((struct bytes){k.data, 0x28f}, v);
	assert_string_equal(v, "");
}

static void test_parts_that_cannot_be_sealed(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};
	struct image_parts good, p;
	struct ukd_error e = {0};

	fixture_kernel_make(&kernel);
	p = good = fixture_parts(&kernel);
	p.kernel.len = 0x2000;
	p.kernel.p += 2;
	expect_refused(assemble_with(&p, &e), &e, "sealed.kernel", "no bzImage");
	p = good;
	p.initrd.len = 0;
	expect_refused(assemble_with(&p, &e), &e, "sealed.initrd", "empty initrd");
	p = good;
	p.osrel.len = 0;
	expect_refused(assemble_with(&p, &e), &e, "uki.required", "empty os-release");
	p = good;
	p.initrd.len = 0x7fffff00; /* never read: refused before */
	expect_refused(assemble_with(&p, &e), &e, "sealed.size", "2 GiB");
	p.initrd.len = UINT64_MAX / 2;
	expect_refused(assemble_with(&p, &e), &e, "sealed.size", "2^63");
	store_le32(kernel.data + BP_INIT_SIZE, 0x7fffffff);
	expect_refused(assemble_with(&good, &e), &e, "sealed.size", "init_size near 2 GiB");
	store_le32(kernel.data + BP_INIT_SIZE, FIXTURE_INIT_SIZE);
	store_le32(kernel.data + BP_CMDLINE_SIZE, 0x20000);
	expect_refused(assemble_with(&good, &e), &e, "sealed.kernel", "cmdline_size of 128 KiB");
}

static void test_every_short_kernel_is_refused(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0};
	struct image_parts p;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	for (uint64_t len = 0; len <= FIXTURE_PM + BP_ENTRY_64; len += 7) {
		uint8_t *exact = malloc(len ? len : 1);
		struct ukd_error e = {0};

		assert_non_null(exact);
		memcpy(exact, kernel.data, len);
		p.kernel = (struct bytes){exact, len};
		expect_refused(assemble_with(&p, &e), &e, "sealed.kernel", "short kernel");
		free(exact);
		if (len > 0x300)
			len += 50;
	}
}

/* A stub whose first section leaves less than a page for the headers. */
static void test_stub_without_room_for_headers(void **state _unused_)
{
	static const struct fixture_section s[] = {{".text", "x", 1, 0x60000020}};
	_buffer_ struct buffer stub = {0}, image = {0};
	uint8_t *h;
	struct ukd_error e = {0};

	fixture_pe_make(s, 1, &stub);
	h = stub.data + FIXTURE_SECTION_TABLE;
	memmove(stub.data + 0x400, stub.data + 0x1000, 0x200);
	stub.len = 0x600;
	store_le32(stub.data + FIXTURE_OPT_OFFSET + 16, 0x800);
	store_le32(stub.data + FIXTURE_OPT_OFFSET + 32, 0x200);
	store_le32(stub.data + FIXTURE_OPT_OFFSET + 60, 0x400);
	store_le32(h + 12, 0x800);
	store_le32(h + 20, 0x400);
	expect_refused(assemble_on(&stub, &image, &e), &e, "sealed.stub", "first RVA 0x800");
}

static void test_extra_sections(void **state _unused_)
{
	_buffer_ struct buffer kernel = {0}, image = {0};
	struct image_parts p;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	p.extra[0] = (struct extra_section){".splash", {(const uint8_t *)"BM", 2}};
	p.extra[1] = (struct extra_section){".pcrpkey", {(const uint8_t *)"key", 3}};
	p.n_extra = 2;
	assemble(&p, &image);
	(void)expect_valid(&image);
	assert_memory_equal(image.data + sealed_raw_of(&image, ".splash"), "BM", 3);
	assert_memory_equal(image.data + sealed_raw_of(&image, ".pcrpkey"), "key", 4);
}

static void test_attach_replaces_the_signature(void **state _unused_)
{
	static const uint8_t one[] = {0x30, 4, 1, 2, 3, 4}, two[] = {0x30, 5, 9, 8, 7, 6, 5};
	_buffer_ struct buffer image = {0}, plain = {0};
	struct ukd_error e = {0};
	uint32_t end;

	fixture_sealed_make(&plain);
	fixture_sealed_make(&image);
	end = (uint32_t)image.len;
	assert_int_equal(image_attach(&image, (struct bytes){one, sizeof(one)}, &e), 0);
	assert_int_equal(image.len, end + 16);
	(void)expect_valid(&image);
	assert_int_equal(image_attach(&image, (struct bytes){two, sizeof(two)}, &e), 0);
	assert_int_equal(image.len, end + 16);
	assert_memory_equal(image.data + end + 8, two, sizeof(two));
	(void)expect_valid(&image);
	store_le64(image.data + 0x640 + 24 + 144, 0);
	assert_memory_equal(image.data, plain.data, end);
}

static void test_attach_refuses(void **state _unused_)
{
	static uint8_t large[65536];
	_buffer_ struct buffer image = {0};
	struct ukd_error e = {0};

	fixture_sealed_make(&image);
	expect_refused(image_attach(&image, (struct bytes){large, sizeof(large)}, &e), &e,
		       "cert.der", "64 KiB");
	image.data[0] = 'm';
	expect_refused(image_attach(&image, (struct bytes){large, 16}, &e), &e, "pe.mz", "no PE");
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/build/assemble.c", "");
	expect_all_checks_seen("src/build/attach.c", "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_setup_header_is_the_one_of_the_design),
		cmocka_unit_test(test_entry_points),
		cmocka_unit_test(test_sections_hold_the_parts),
		cmocka_unit_test(test_initrd_is_aligned_behind_any_command_line),
		cmocka_unit_test(test_command_line_limits),
		cmocka_unit_test(test_flags_reach_the_header),
		cmocka_unit_test(test_nx_compat_is_the_kernels),
		cmocka_unit_test(test_builtin_entry_returns_unsupported),
		cmocka_unit_test(test_same_parts_same_bytes),
		cmocka_unit_test(test_version_string),
		cmocka_unit_test(test_parts_that_cannot_be_sealed),
		cmocka_unit_test(test_every_short_kernel_is_refused),
		cmocka_unit_test(test_stub_without_room_for_headers),
		cmocka_unit_test(test_extra_sections),
		cmocka_unit_test(test_attach_replaces_the_signature),
		cmocka_unit_test(test_attach_refuses),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
