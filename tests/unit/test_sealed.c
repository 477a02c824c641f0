// SPDX-License-Identifier: GPL-2.0-or-later
/* src/pe/sealed.c: the validator takes nothing but what the builder makes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "fixture_sealed.h"
#include "pe/sealed.h"

static void expect_fires(const struct buffer *image, const char *check, const char *what)
{
	struct ukd_error e = {0};
	struct sealed_facts f = {.flags = 4711};

	expect_refused(validate(image, &f, &e), &e, check, what);
	assert_int_equal(f.flags, 4711);
	if (strncmp(e.text, "test: ", 6) != 0)
		fail_msg("%s: message '%s' does not name the file", what, e.text);
}

static void test_words_that_only_the_kernel_may_add(void **state _unused_)
{
	static const struct {
		const char *line;
		bool refused;
	} cases[] = {
		{"elfcorehdr=0x1000", true},
		{"quiet elfcorehdr=0x1000", true},
		{"quiet \"elfcorehdr=0x1000\"", true},
		{"dmcryptkeys=0x1000 quiet", true},
		{"x=\"a elfcorehdr=1\"", true}, /* inside quotes: refused all the same */
		{"no.elfcorehdr=1", false},
		{"elfcorehdr", false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes line = {(const uint8_t *)cases[i].line, strlen(cases[i].line)};
		struct ukd_error e = {0};
		int r = sealed_check_cmdline(line, 2047, 0, &e);

		if (cases[i].refused)
			expect_refused(r, &e, "sealed.cmdline", cases[i].line);
		else
			assert_int_equal(r, 0);
	}
}

#define S FIXTURE_SECTION

struct corruption {
	const char *name, *check, *section; /* NULL: off is a file offset */
	bool in_data;			    /* off in the section's data, not in its header */
	uint32_t off;
	unsigned int width;
	uint64_t value;
};

static const struct corruption corruptions[] = {
	{"e_lfanew elsewhere in the header", "pe.signature", NULL, false, 0x3c, 4, 0x648},
	{"setup_sects 2", "sealed.head", NULL, false, 0x1f1, 1, 2},
	{"syssize smaller", "sealed.head", NULL, false, 0x1f4, 4, 0x100},
	{"syssize larger", "sealed.head", NULL, false, 0x1f4, 4, 0x1000000},
	{"init_size smaller", "sealed.head", NULL, false, 0x260, 4, 0x1000},
	{"handover offset", "sealed.head", NULL, false, 0x264, 4, 0x190},
	{"EFI handover flag", "sealed.head", NULL, false, 0x236, 2, FIXTURE_XLF},
	{"another alignment", "sealed.head", NULL, false, 0x230, 4, 0x1000},
	{"another preferred address", "sealed.head", NULL, false, 0x258, 8, 0},
	{"32-bit entry does not halt", "sealed.head", NULL, false, 0x400, 1, 0x90},
	{"entry jumps elsewhere", "sealed.head", NULL, false, 0x601, 1, 0x77},
	{"code behind the entry", "sealed.head", NULL, false, 0x605, 1, 0x90},
	{"version string elsewhere", "sealed.head", NULL, false, 0x20e, 2, 0x200},
	{"bytes behind the version string", "sealed.head", NULL, false, 0x3f0, 1, 'x'},
	{"escape in the version string", "sealed.version", NULL, false, 0x313, 1, 0x1b},
	{"line feed in the version string", "sealed.version", NULL, false, 0x313, 1, '\n'},
	{"bytes behind the section table", "sealed.slack", NULL, false, 0xfff, 1, 1},
	{"a .dtb", "sealed.sections", ".uname", false, 0, 8, 0x6274642e},
	{"microcode", "sealed.sections", ".uname", false, 0, 8, 0x65646f63752eull},
	{"a profile without a name", "uki.profile", ".uname", false, 0, 8, 0x656c69666f72702eull},
	{"no initrd", "sealed.sections", ".initrd", false, 1, 1, 'I'},
	{"no command line", "sealed.sections", ".cmdline", false, 1, 1, 'C'},
	{"stub without magic", "sealed.stub", ".kexec", true, 8, 1, 'U'},
	{"stub of another offset", "sealed.stub", ".kexec", true, 16, 4, 0x1000},
	{"stub of another end", "sealed.stub", ".kexec", true, 20, 4, 0x1000},
	{"stub with an unknown flag", "sealed.stub", ".kexec", true, 24, 4, 4},
	{"stub with a reserved word", "sealed.stub", ".kexec", true, 28, 4, 1},
	{"flag for normal kexec alone", "sealed.head", ".kexec", true, 24, 4, 1},
	{"no kernel", "sealed.kernel", ".linux", true, BP_MAGIC, 1, 'h'},
	{"kernel without 64-bit entry", "sealed.kernel", ".linux", true, BP_XLOADFLAGS, 1, 0},
	{"kernel larger than its init_size", "sealed.kernel", ".linux", true, BP_INIT_SIZE, 4,
	 0x17ff},
	{"kernel that needs 2 GiB", "sealed.size", ".linux", true, BP_INIT_SIZE, 4, 0x7fffffff},
	{"kernel with another init_size", "sealed.head", ".linux", true, BP_INIT_SIZE, 4, 0x2000},
	{"token in the command line", "sealed.cmdline", ".cmdline", true, 8, 0, 0},
};

static void test_each_corruption_fires_its_check(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(corruptions); i++) {
		const struct corruption *c = &corruptions[i];
		_buffer_ struct buffer image = {0};
		uint8_t *at;

		fixture_sealed_make(&image);
		at = image.data + c->off;
		if (c->section && c->in_data)
			at += sealed_raw_of(&image, c->section);
		else if (c->section)
			at += sealed_header_of(&image, c->section);
		if (!strcmp(c->check, "sealed.cmdline"))
			memcpy(at, "elfcorehdr=x", 12); /* behind "panic=1 " */
		else
			put_le(at, c->width, c->value);
		expect_fires(&image, c->check, c->name);
	}
}

static void test_version_without_an_end(void **state _unused_)
{
	_buffer_ struct buffer image = {0};

	fixture_sealed_make(&image);
	memset(image.data + 0x310, 'v', 0xf0);
	expect_fires(&image, "sealed.version", "no NUL");
}

static void test_stub_too_short_for_its_header(void **state _unused_)
{
	_buffer_ struct buffer image = {0};
	uint32_t h;

	fixture_sealed_make(&image);
	h = sealed_header_of(&image, ".kexec");
	memset(image.data + at32(&image, h + 20) + 16, 0, at32(&image, h + 16) - 16);
	store_le32(image.data + h + 8, 31);
	expect_fires(&image, "sealed.stub", "31 bytes");
}

static void test_initrd_not_aligned(void **state _unused_)
{
	_buffer_ struct buffer image = {0};
	uint8_t *line, *initrd;

	fixture_sealed_make(&image);
	line = image.data + sealed_header_of(&image, ".cmdline");
	initrd = image.data + sealed_header_of(&image, ".initrd");
	assert_true(load_le32(line + 16) > 0x200);
	store_le32(line + 16, load_le32(line + 16) - 0x200);
	store_le32(initrd + 20, load_le32(initrd + 20) - 0x200);
	store_le32(initrd + 16, load_le32(initrd + 16) + 0x200);
	store_le32(initrd + 8, load_le32(initrd + 8) + 0x200);
	expect_fires(&image, "sealed.initrd", "512 bytes earlier");
}

static void test_stub_section_in_another_layout(void **state _unused_)
{
	static const struct fixture_section s[] = {{".text", "x", 1, 0x60000020},
						   S(".sbat", "sbat,1,x\n"),
						   S(".osrel", "ID=x"),
						   S(".cmdline", "x"),
						   S(".initrd", "i"),
						   S(".linux", "k"),
						   S(".kexec", "k")};
	_buffer_ struct buffer pe = {0};

	fixture_pe_make(s, 7, &pe);
	expect_fires(&pe, "sealed.layout", "PE header at 0x80");
}

/* Version string and setup_type_max are the inner kernel's word; all else is determined. */
static void test_no_other_byte_before_the_pe_header_is_free(void **state _unused_)
{
	_buffer_ struct buffer image = {0};

	fixture_sealed_make(&image);
	for (uint32_t i = 0; i < 0x640; i++) {
		struct sealed_facts f;
		struct ukd_error e = {0};

		if ((i >= 0x310 && i < 0x310 + strlen(FIXTURE_VERSION)) || i >= 0x63c)
			continue;
		image.data[i] ^= 0x10;
		if (validate(&image, &f, &e) >= 0)
			fail_msg("byte 0x%x may be changed", i);
		image.data[i] ^= 0x10;
	}
	(void)expect_valid(&image);
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/pe/sealed.c", "sealed.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_that_only_the_kernel_may_add),
		cmocka_unit_test(test_each_corruption_fires_its_check),
		cmocka_unit_test(test_version_without_an_end),
		cmocka_unit_test(test_stub_too_short_for_its_header),
		cmocka_unit_test(test_initrd_not_aligned),
		cmocka_unit_test(test_stub_section_in_another_layout),
		cmocka_unit_test(test_no_other_byte_before_the_pe_header_is_free),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
