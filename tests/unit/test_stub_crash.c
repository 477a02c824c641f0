// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/stub/crash.c, run on the host: command line, core header and dm-crypt keys of a crash start;
 * a refusal must not have written a byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture_stub.h"

/* What a caller of a normal kexec may write in front; %llx is the address where a core header is. */
static const struct {
	const char *name, *line, *says;
} lines[] = {
	{"empty", "%.0llx", "does not begin with elfcorehdr="},
	{"no token", "quiet%.0llx", "does not begin with elfcorehdr="},
	{"token not first", "quiet elfcorehdr=0x%llx", "does not begin with elfcorehdr="},
	{"blank in front", " elfcorehdr=0x%llx", "does not begin with elfcorehdr="},
	{"upper-case digits", "elfcorehdr=0x%llX", "does not begin with elfcorehdr="},
	{"0X", "elfcorehdr=0X%llx", "does not begin with elfcorehdr="},
	{"no 0x", "elfcorehdr=%llx", "does not begin with elfcorehdr="},
	{"leading zero", "elfcorehdr=0x0%llx", "does not begin with elfcorehdr="},
	{"17 digits", "elfcorehdr=0x1%016llx", "does not begin with elfcorehdr="},
	{"no digits", "elfcorehdr=0x%.0llx", "does not begin with elfcorehdr="},
	{"no digits, blank", "elfcorehdr=0x %llx", "does not begin with elfcorehdr="},
	{"size behind the address", "elfcorehdr=0x%llx@0x1000", "does not begin with elfcorehdr="},
	{"K suffix", "elfcorehdr=0x%llxK", "does not begin with elfcorehdr="},
	{"comma", "elfcorehdr=0x%llx,x", "does not begin with elfcorehdr="},
	{"tab", "elfcorehdr=0x%llx\tx", "does not begin with elfcorehdr="},
	{"line feed", "elfcorehdr=0x%llx\n", "does not begin with elfcorehdr="},
	{"quoted", "\"elfcorehdr=0x%llx\"", "does not begin with elfcorehdr="},
	{"other spelling", "elfcorehdR=0x%llx", "does not begin with elfcorehdr="},
	{"not aligned", "elfcorehdr=0x%llx", "impossible address"}, /* + 1: see below */
	{"below 1 MiB", "elfcorehdr=0xff000 %.0llx", "impossible address"},
	{"zero", "elfcorehdr=0x0 %.0llx", "does not begin with elfcorehdr="},
	{"end of the address space", "elfcorehdr=0xfffffffffffff000 %.0llx", "impossible address"},
};

static void test_forged_tokens(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		unsigned long long at;
		_world_ struct world w;

		world_make(&w, 0);
		at = w.at + (strcmp(lines[i].name, "not aligned") == 0);
		if (strstr(lines[i].line, "%.0llx"))
			at = 0;
/* The formats are this file's own table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf((char *)w.p + LINE, 0x1000, lines[i].line, at);
#pragma GCC diagnostic pop
		expect_refusal(&w, lines[i].says, lines[i].name);
	}
}

static void test_no_command_line(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.params + BP_CMD_LINE_PTR, 0);
	store_le32(w.params + BP_EXT_CMD_LINE_PTR, 0);
	expect_refusal(&w, "no command line", "no pointer");
}

struct ram {
	uint64_t from, to;
};

static void set_ram(struct world *w, const struct ram *ram, unsigned int n)
{
	w->params[BP_E820_ENTRIES] = 0;
	for (unsigned int i = 0; i < n; i++)
		add_ram(w, ram[i].from, ram[i].to);
}

static void test_core_header_must_be_where_a_crash_load_puts_it(void **state _unused_)
{
	static const struct {
		const char *name;
		struct ram ram[3];
		unsigned int n;
	} cases[] = {
		{"no RAM at all", {{0, 0}}, 0},
		{"core header in RAM", {{0, REGION}}, 1},
		{"its last byte in RAM", {{0xfff, REGION}}, 1},
		{"RAM only below", {{0, 0}}, 1},
		{"RAM begins more than 1 MiB above", {{0x101000, REGION}}, 1},
		{"the image in no RAM", {{ELF_LEN, BASE}}, 1},
		{"the image ends behind the RAM", {{ELF_LEN, BASE + 0x2ff000}}, 1},
		{"the image in other RAM", {{ELF_LEN, 0x8000}, {BASE, REGION}}, 2},
		{"wrapping RAM entry", {{ELF_LEN, ELF_LEN - 1}}, 1},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		set_ram(&w, cases[i].ram, cases[i].n);
		expect_refusal(&w, "not where a crash load puts it", cases[i].name);
	}
}

static void test_reserved_entries_are_no_ram(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.params + BP_E820_TABLE + 16, 2);
	expect_refusal(&w, "not where a crash load puts it", "reserved");
}

static void test_entries_beyond_the_table_are_not_read(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	/* 128 empty entries, then what would be a good one */
	memset(w.params + BP_E820_TABLE, 0, BOOT_PARAMS_LEN - BP_E820_TABLE);
	w.params[BP_E820_ENTRIES] = 128;
	add_ram(&w, ELF_LEN, REGION);
	w.params[BP_E820_ENTRIES] = 255;
	expect_refusal(&w, "not where a crash load puts it", "entry 129");
}

static void test_core_header_must_be_one(void **state _unused_)
{
	static const struct {
		const char *name;
		uint32_t off;
		uint8_t value;
	} cases[] = {{"no magic", 0, 0x7e},    {"ELF32", 4, 1}, {"big-endian", 5, 2},
		     {"executable", 16, 2},    {"i386", 18, 3}, {"aarch64", 18, 183},
		     {"type above 255", 17, 1}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		w.p[ELF + cases[i].off] = cases[i].value;
		expect_refusal(&w, "does not point to an ELF core header", cases[i].name);
	}
}

static const struct ram with_keys[] = {{ELF_LEN, KEYS}, {KEYS + KEYS_LEN, REGION}};

static void line_with_keys(struct world *w, uint64_t keys, const char *behind)
{
	set_line(w, "elfcorehdr=0x%llx dmcryptkeys=0x%llx%s", (unsigned long long)w->at,
		 (unsigned long long)(w->at + keys), behind);
}

static void test_dmcryptkeys_are_kept_if_sealed_so(void **state _unused_)
{
	static const char *const behind[] = {"", " ", " init=/evil"};

	for (unsigned int i = 0; i < ARRAY_SIZE(behind); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
		set_ram(&w, with_keys, 2);
		line_with_keys(&w, KEYS, behind[i]);
		expect_start(&w);
		expect_line(&w, "elfcorehdr=0x%llx dmcryptkeys=0x%llx " FIXTURE_CMDLINE,
			    (unsigned long long)w.at, (unsigned long long)(w.at + KEYS));
	}
}

static void test_dmcryptkeys_below_the_image(void **state _unused_)
{
	static const struct ram ram[] = {{ELF_LEN, 0x100000}, {0x101000, REGION}};
	_world_ struct world w;

	world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
	set_ram(&w, ram, 2);
	line_with_keys(&w, 0x100000, "");
	expect_start(&w);
	assert_non_null(strstr(inner_line(&w), "dmcryptkeys="));
}

static void expect_keys_dropped(struct world *w)
{
	expect_start(w);
	expect_line(w, "elfcorehdr=0x%llx " FIXTURE_CMDLINE, (unsigned long long)w->at);
}

static void test_dmcryptkeys_are_dropped_unless_sealed_so(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	set_ram(&w, with_keys, 2);
	line_with_keys(&w, KEYS, "");
	expect_keys_dropped(&w);
}

static void test_forged_dmcryptkeys_are_dropped(void **state _unused_)
{
	static const struct ram far[] = {{ELF_LEN, KEYS}, {KEYS + 0x11000, REGION}};
	static const struct ram before[] = {{ELF_LEN, KEYS - 0x1000}, {KEYS + KEYS_LEN, REGION}};
	static const struct {
		const char *name;
		const struct ram *ram;
		uint64_t keys;
	} cases[] = {
		{"in RAM", NULL, KEYS},
		{"not aligned", with_keys, KEYS + 8},
		{"no RAM within 64 KiB above", far, KEYS},
		{"RAM does not end there", before, KEYS},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
		if (cases[i].ram)
			set_ram(&w, cases[i].ram, 2);
		line_with_keys(&w, cases[i].keys, "");
		expect_keys_dropped(&w);
	}
}

static void test_dmcryptkeys_must_be_the_second_token(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
	set_ram(&w, with_keys, 2);
	set_line(&w, "elfcorehdr=0x%llx quiet dmcryptkeys=0x%llx", (unsigned long long)w.at,
		 (unsigned long long)(w.at + KEYS));
	expect_keys_dropped(&w);
}

static void test_normal_kexec_drops_every_token(void **state _unused_)
{
	static const char *const given[] = {"", "init=/evil", "elfcorehdr=0x1000"};

	for (unsigned int i = 0; i < ARRAY_SIZE(given); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_FOR_NORMAL_KEXEC);
		set_line(&w, "%s", given[i]);
		set_ram(&w, &(struct ram){0, REGION}, 1);
		expect_start(&w);
		expect_line(&w, FIXTURE_CMDLINE);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged_tokens),
		cmocka_unit_test(test_no_command_line),
		cmocka_unit_test(test_core_header_must_be_where_a_crash_load_puts_it),
		cmocka_unit_test(test_reserved_entries_are_no_ram),
		cmocka_unit_test(test_entries_beyond_the_table_are_not_read),
		cmocka_unit_test(test_core_header_must_be_one),
		cmocka_unit_test(test_dmcryptkeys_are_kept_if_sealed_so),
		cmocka_unit_test(test_dmcryptkeys_below_the_image),
		cmocka_unit_test(test_dmcryptkeys_are_dropped_unless_sealed_so),
		cmocka_unit_test(test_forged_dmcryptkeys_are_dropped),
		cmocka_unit_test(test_dmcryptkeys_must_be_the_second_token),
		cmocka_unit_test(test_normal_kexec_drops_every_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
