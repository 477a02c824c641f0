// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own symbols, good and hostile: src/dump/kallsyms.c. */
#include "fixture_kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* text: "symbol+0x1/0x2", or NULL: nothing is there. */
static void assert_place(const struct kallsyms *s, uint64_t address, const char *text)
{
	struct dump_place p = {0};
	char got[256];

	assert_int_equal(kallsyms_place(s, address, &p), text != NULL);
	snprintf(got, sizeof(got), "%s+0x%lx/0x%lx", p.symbol, p.offset, p.size);
	assert_string_equal(text ? got : p.symbol, text ? text : "");
}

static void test_forms(void **state _unused_)
{
	for (enum form form = PERCPU; form <= PLACE; form++) {
		struct machine *k = machine_with_symbols(form);
		_kallsyms_ struct kallsyms *s = must_open(k, form);
		uint64_t address = 7;

		for (uint32_t i = 0; i < N; i++) {
			assert_true(kallsyms_address(s, symbols[i].name + 1, &address));
			assert_true(address == symbols[i].address);
		}
		assert_false(kallsyms_address(s, "pani", &address));
		assert_place(s, TEXT - 1, NULL);
		assert_place(s, TEXT,
			     "_text+0x0/0x100"); /* the first of two, up to another address */
		assert_place(s, TEXT + 0x17f, "__crash_kexec+0x7f/0x80");
		assert_place(s, TEXT + 0x180, "panic+0x0/0x80");
		assert_place(s, TEXT + 0x250, "sysrq_handle_crash.cold+0x10/0x1dc0");
		assert_place(s, END + 0xfff, "_end+0xfff/0x1000");
		assert_place(s, END + 0x1000, NULL); /* nothing tells where the last one ends */
		assert_place(s, UINT64_MAX, NULL);
		assert_place(s, 0, NULL);
		test_free(k);
	}
}

/* Percpu variables were small absolute numbers, in front of all. */
static void test_absolute_symbols(void **state _unused_)
{
	struct machine *k = machine_with_symbols(PERCPU);
	uint64_t address;

	store_le32(k->phys + TABLE_AT, 0x1234);
	_kallsyms_ struct kallsyms *s = must_open(k, PERCPU);

	assert_true(kallsyms_address(s, "_text", &address));
	assert_int_equal(address, 0x1234);
	assert_place(s, TEXT + 0x10, "_stext+0x10/0x100");
	kallsyms_free(s);
	store_le32(k->phys + TABLE_AT, 0);
	store_le32(k->phys + TABLE_AT + 4, 0);
	s = must_open(k, PERCPU);
	assert_place(s, 0x10, "_text+0x10/0xffffffff80004100");
	test_free(k);
}

/* Lengths of two bytes; what does not fit is cut; what is not printable is replaced. */
static void test_long_names(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	char name[400] = "T", text[160];
	uint8_t *p = k->phys + NAMES_AT;
	uint64_t address;

	memset(name + 1, 'x', 300);
	name[5] = '\033';
	p = put_name(p, name);
	(void)put_name(p, "T_stext");
	store_le32(k->phys + COUNT_AT, 3);
	_kallsyms_ struct kallsyms *s = must_open(k, BASE);

	memset(text, 'x', 127);
	text[4] = '?';
	strcpy(text + 127, "+0x1/0x100");
	assert_place(s, TEXT + 1, text);
	assert_true(kallsyms_address(s, "_stext", &address));
	test_free(k);
}

/* Names that begin and end within pages, the last ones there are; a length of two bytes in two
 * pages. */
static void test_names_in_pages(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	uint8_t *p = k->phys + PHYS_SIZE - 0x1000 - 8;
	struct kallsyms *s = NULL;
	struct ukd_error e;
	char name[400] = "T", info[1024];
	uint32_t filler;

	snprintf(info, sizeof(info), "SYMBOL(kallsyms_names)=ffffffff8001eff8\n%s", with_base);
	memset(name + 1, 'x', 300);
	p = put_name(p, "T_text");
	assert_ptr_equal(p, k->phys + PHYS_SIZE - 0x1000 - 1);
	p = put_name(p, name);
	filler = (uint32_t)(k->phys + PHYS_SIZE - 6 - 2 - p);
	*p++ = (uint8_t)(filler & 127) | 128;
	*p++ = (uint8_t)(filler >> 7);
	p = put_name(p + filler, "Tlast");
	assert_ptr_equal(p, k->phys + PHYS_SIZE);
	store_le32(k->phys + COUNT_AT, 4);
	assert_int_equal(kallsyms_read(&k->m, text_of(info), &s, &e), 0);
	assert_place(s, TEXT + 1, "_text+0x1/0x100");
	kallsyms_free(s);
	store_le32(k->phys + TABLE_AT + 4, offset_of(BASE, 0) + 1);
	assert_int_equal(kallsyms_read(&k->m, text_of(info), &s, &e), 0);
	name[128] = 0;
	strcat(name, "+0x1/0xff");
	assert_place(s, TEXT + 2, name + 1);
	kallsyms_free(s);
	test_free(k);
}

static void assert_refused(struct machine *k, const char *info, int code, const char *message)
{
	struct kallsyms *s = NULL;
	struct ukd_error e = {0};

	assert_int_equal(kallsyms_read(&k->m, text_of(info), &s, &e), code);
	if (!strstr(e.text, message))
		fail_msg("'%s' does not say '%s'", e.text, message);
}

static void test_refused(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	const struct {
		const char *name, *message;
	} pages[] = {
		{"kallsyms_num_syms", "not contain kallsyms_num_syms"},
		{"kallsyms_offsets", "not contain kallsyms_offsets"},
		{"kallsyms_relative_base", "not contain kallsyms_relative_base"},
		{"kallsyms_token_index", "not contain kallsyms_token_index"},
		{"kallsyms_token_table", "not contain kallsyms_token_table"},
		{"kallsyms_names", "not contain kallsyms_names"},
	};
	char info[1024];

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		snprintf(info, sizeof(info), "SYMBOL(%s)=ffffffff80020000\n%s", pages[i].name,
			 with_base);
		assert_refused(k, info, -ENODATA, pages[i].message);
	}
	assert_refused(k, "", -ENODATA, "Linux 6.0");
	store_le32(k->phys + COUNT_AT, 0);
	assert_refused(k, with_base, -EBADMSG, "0 symbols");
	store_le32(k->phys + COUNT_AT, KALLSYMS_MAX + 1);
	assert_refused(k, with_base, -EBADMSG, "1048577 symbols");
	/* The last name reaches out of what the dump has. */
	store_le32(k->phys + COUNT_AT, 2);
	memset(k->phys + NAMES_AT, 0xff, PHYS_SIZE - NAMES_AT);
	assert_refused(k, with_base, -ENODATA, "not contain kallsyms_names");
	test_free(k);
}

/* A GiB of names, all in one page of 0xff: their length is bounded before the count is. */
static void test_endless_names(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	char info[1024];

	entry(k, 0x2000, slot(KERNEL, 3) + 1, 0x1a000 | 1);
	for (unsigned int i = 0; i < 512; i++) {
		entry(k, 0x1a000, i, 0x1b000 | 1);
		entry(k, 0x1b000, i, 0x1c000 | 1);
	}
	memset(k->phys + 0x1c000, 0xff, 0x1000);
	store_le32(k->phys + COUNT_AT, 1500);
	snprintf(info, sizeof(info), "SYMBOL(kallsyms_names)=ffffffffc0000000\n%s", with_base);
	assert_refused(k, info, -EBADMSG, "names longer than 33554432");
	test_free(k);
}

/* Tokens at the very end of their table, and without an end. */
static void test_bad_tokens(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	struct kallsyms *s = NULL;
	struct dump_place p;
	struct ukd_error e;
	char info[1024];

	snprintf(info, sizeof(info), "SYMBOL(kallsyms_token_table)=ffffffff80008000\n%s",
		 with_base);
	memset(k->phys + INDEX_AT, 0xff, 512);
	memset(k->phys + 0x8000 + 0xffff, 'A', 128);
	assert_int_equal(kallsyms_read(&k->m, text_of(info), &s, &e), 0);
	assert_true(kallsyms_place(s, TEXT + 0x180, &p));
	assert_int_equal(strlen(p.symbol), DUMP_SYMBOL_MAX - 1);
	assert_int_equal(strspn(p.symbol, "A"), DUMP_SYMBOL_MAX - 1);
	kallsyms_free(s);
	test_free(k);
}

/* Whatever the order, a lookup ends, and what it finds is around the address. */
static void test_unsorted(void **state _unused_)
{
	struct machine *k = machine_with_symbols(BASE);
	struct kallsyms *s;

	for (uint32_t by = 2; by < N; by++) {
		for (uint32_t i = 0; i < N; i++)
			store_le32(k->phys + TABLE_AT + 4 * i, offset_of(BASE, i * by % N));
		s = must_open(k, BASE);
		for (uint64_t address = TEXT - 1; address < END + 0x2000; address += 0x7f) {
			struct dump_place p = {0};

			if (kallsyms_place(s, address, &p))
				assert_in_range(p.offset, 0, p.size - 1);
		}
		kallsyms_free(s);
	}
	for (uint32_t i = 0; i < N; i++)
		store_le32(k->phys + TABLE_AT + 4 * i, 0x1000);
	s = must_open(k, BASE);
	assert_place(s, KERNEL + 0x1000, NULL);
	kallsyms_free(s);
	test_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	   cmocka_unit_test(test_absolute_symbols),
		cmocka_unit_test(test_long_names), cmocka_unit_test(test_names_in_pages),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_endless_names),
		cmocka_unit_test(test_bad_tokens), cmocka_unit_test(test_unsorted),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
