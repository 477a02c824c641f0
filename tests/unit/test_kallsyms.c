// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own symbols and what is found on a stack, good and hostile. */
#include "fixture_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dump/kallsyms.h"
#include "dump/stack.h"

#define COUNT_AT 0x10000u
#define BASE_AT	 0x10008u
#define INDEX_AT 0x10100u
#define NAMES_AT 0x11000u
#define TABLE_AT 0x14000u /* of offsets */
#define TOKEN_AT 0x18000u

#define TEXT  (KERNEL + 0x4000)
#define ETEXT (KERNEL + 0x6000)
#define END   (KERNEL + 0x1f000)

static const char with_base[] = "SYMBOL(kallsyms_num_syms)=ffffffff80010000\n"
				"SYMBOL(kallsyms_relative_base)=ffffffff80010008\n"
				"SYMBOL(kallsyms_token_index)=ffffffff80010100\n"
				"SYMBOL(kallsyms_names)=ffffffff80011000\n"
				"SYMBOL(kallsyms_offsets)=ffffffff80014000\n"
				"SYMBOL(kallsyms_token_table)=ffffffff80018000\n";

enum form {
	PERCPU, /* 6.0 to 6.14 */
	BASE,	/* to 6.19 */
	PLACE,	/* since 7.0 */
};

/* As scripts/kallsyms.c orders them. In front of a name its type, as in nm(1). */
static const struct symbol {
	uint64_t address;
	const char *name;
} symbols[] = {
	{TEXT, "T_text"},
	{TEXT, "T_stext"},
	{TEXT + 0x100, "T__crash_kexec"},
	{TEXT + 0x180, "Tpanic"},
	{TEXT + 0x200, "tsysrq_handle_crash"},
	{TEXT + 0x240, "tsysrq_handle_crash.cold"},
	{ETEXT, "T_etext"},
	{KERNEL + 0x8000, "Dcrash_notes"},
	{KERNEL + 0x8010, "dpanic_cpu"},
	{KERNEL + 0x8020, "D__per_cpu_offset"},
	{END, "B_end"},
	{END + 0x1000, "ilast"},
};
#define N ARRAY_SIZE(symbols)

static uint32_t offset_of(enum form form, uint32_t i)
{
	uint64_t address = symbols[i].address;

	if (form == PLACE)
		return (uint32_t)(address - (KERNEL + TABLE_AT + 4 * i));
	if (form == BASE)
		return (uint32_t)(address - KERNEL);
	return (uint32_t)(KERNEL - 1 - address);
}

/* Each token is its own character, but for two. */
static void put_tokens(struct machine *k)
{
	uint16_t at = 0;

	for (unsigned int i = 0; i < 256; i++) {
		char token[16] = {(char)i};

		if (i == 1 || i == 2)
			strcpy(token, i == 1 ? "tsys" : "_handle");
		store_le16(k->phys + INDEX_AT + 2 * i, at);
		memcpy(k->phys + TOKEN_AT + at, token, strlen(token) + 1);
		at += (uint16_t)(strlen(token) + 1);
	}
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
	uint8_t packed[1024];
	size_t n = 0;

	for (const char *c = name; *c; n++) {
		packed[n] = !strncmp(c, "tsys", 4)    ? 1 :
			    !strncmp(c, "_handle", 7) ? 2 :
							(uint8_t)*c;
		c += packed[n] == 1 ? 4 : packed[n] == 2 ? 7 : 1;
	}
	if (n > 127)
		*p++ = (uint8_t)(n & 127) | 128;
	*p++ = (uint8_t)(n > 127 ? n >> 7 : n);
	memcpy(p, packed, n);
	return p + n;
}

static struct machine *machine_with_symbols(enum form form)
{
	struct machine *k = machine_new("");
	uint8_t *p = k->phys + NAMES_AT;

	map_kernel(k);
	put_tokens(k);
	store_le32(k->phys + COUNT_AT, N);
	store_le64(k->phys + BASE_AT, KERNEL);
	for (uint32_t i = 0; i < N; i++) {
		p = put_name(p, symbols[i].name);
		store_le32(k->phys + TABLE_AT + 4 * i, offset_of(form, i));
	}
	return k;
}

static const char *info_for(enum form form)
{
	static char without[sizeof(with_base)];
	char *line;

	if (form != PLACE)
		return with_base;
	strcpy(without, with_base);
	line = strstr(without, "SYMBOL(kallsyms_relative_base)");
	memcpy(line, "X", 1);
	return without;
}

static struct kallsyms *must_open(struct machine *k, enum form form)
{
	struct kallsyms *s = NULL;
	struct ukd_error e = {0};

	if (kallsyms_read(&k->m, text_of(info_for(form)), &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

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

/* The stack: at the end of physical memory, which is as good as a guard page. */
#define STACK  (PHYS_SIZE - 0x100)
#define NOTE   0x9100u
#define MODULE 0xffffffffc0000000u
#define BEHIND 0xffffffffff000000u /* all modules */

static void put_note(struct machine *k)
{
	uint8_t *note = k->phys + NOTE;

	store_le32(k->phys + 0x8010, 3);      /* panic_cpu */
	store_le64(k->phys + 0x8000, 0x1000); /* crash_notes, a percpu pointer */
	store_le64(k->phys + 0x8020 + 3 * 8, KERNEL + NOTE - 0x1000);
	store_le32(note, 5);
	store_le32(note + 4, 336);
	store_le32(note + 8, 1);
	memcpy(note + 12, "CORE", 5);
	store_le32(note + 20 + 32, 412);
	store_le64(note + 20 + 112 + 16 * 8, TEXT + 0x110); /* rip */
	store_le64(note + 20 + 112 + 19 * 8, KERNEL + STACK);
}

/* A return address with a call in front of it. */
static uint64_t call(struct machine *k, uint64_t address, const char *code, size_t len)
{
	memcpy(k->phys + (address - len - KERNEL), code, len);
	return address;
}

static void push(struct machine *k, unsigned int n, uint64_t value)
{
	store_le64(k->phys + STACK + 8 * n, value);
}

static struct machine *machine_with_stack(void)
{
	struct machine *k = machine_with_symbols(PERCPU);

	put_note(k);
	push(k, 0, 42);
	push(k, 1, call(k, TEXT + 0x200, "\xe8xxxx", 5)); /* behind panic(), which never returns */
	push(k, 2, TEXT + 0x208);			  /* no call in front */
	push(k, 3, call(k, TEXT + 0x230, "\xff\xd0", 2)); /* call *%rax */
	push(k, 4, TEXT);
	push(k, 5, KERNEL + 0x8010); /* data */
	push(k, 6, MODULE + 0x20);
	push(k, 7, MODULE + 0x30);
	push(k, 8, call(k, ETEXT, "\xff\x15xxxx", 6)); /* call *mem */
	push(k, 9, BEHIND + 0x20);
	push(k, 10, call(k, TEXT + 0x2f0, "\xff\xc0", 2)); /* inc %eax */
	entry(k, 0x2000, slot(MODULE, 3), 0x3000 | 1);
	entry(k, 0x3000, slot(MODULE, 2), 0 | 0x81);
	entry(k, 0x3000, slot(BEHIND, 2), 0 | 0x81);
	memset(k->phys + 0x20 - 5, 0xe8, 1);
	push(k, 31, call(k, TEXT + 0x245, "\xe8xxxx", 5));
	return k;
}

static int read_stack(struct machine *k, struct dump_stack *ret, struct ukd_error *e)
{
	_kallsyms_ struct kallsyms *s = must_open(k, PERCPU);

	return stack_read(&k->m, s, ret, e);
}

static void test_stack(void **state _unused_)
{
	static const char *const expected[] = {
		"panic+0x80/0x80",
		"sysrq_handle_crash+0x30/0x40",
		"+0x0/0x0",
		"sysrq_handle_crash.cold+0x1dc0/0x1dc0",
		"sysrq_handle_crash.cold+0x5/0x1dc0",
	};
	struct machine *k = machine_with_stack();
	struct dump_stack s;
	struct ukd_error e;
	char text[256];

	assert_int_equal(read_stack(k, &s, &e), 0);
	assert_int_equal(s.cpu, 3);
	assert_int_equal(s.pid, 412);
	assert_string_equal(s.rip.symbol, "__crash_kexec");
	assert_int_equal(s.rip.offset, 0x10);
	for (unsigned int i = 0; i < s.n_frames && i < ARRAY_SIZE(expected); i++) {
		snprintf(text, sizeof(text), "%s+0x%lx/0x%lx", s.frames[i].symbol,
			 s.frames[i].offset, s.frames[i].size);
		assert_string_equal(text, expected[i]);
		assert_int_equal(s.frames[i].module, i == 2);
	}
	assert_int_equal(s.n_frames, ARRAY_SIZE(expected));
	assert_true(s.frames[2].address == MODULE + 0x20);
	test_free(k);
}

static void test_stack_is_bounded(void **state _unused_)
{
	struct machine *k = machine_with_stack();
	struct dump_stack s;
	struct ukd_error e;

	/* More than 16 KiB of memory behind it, and more addresses than are kept. */
	store_le64(k->phys + NOTE + 20 + 264, KERNEL + 0x1a001); /* not even aligned */
	for (unsigned int i = 0; i < 40; i++)
		store_le64(k->phys + 0x1a008 + 8 * i, TEXT + 0x230);
	assert_int_equal(read_stack(k, &s, &e), 0);
	assert_int_equal(s.n_frames, DUMP_FRAMES);
	memset(k->phys + 0x1a000, 0, 0x1000);
	store_le64(k->phys + 0x1a008 + KIB(16) - 8, TEXT + 0x230);
	store_le64(k->phys + 0x1a008 + KIB(16), TEXT + 0x230);
	assert_int_equal(read_stack(k, &s, &e), 0);
	assert_int_equal(s.n_frames, 1);
	/* No stack at all is no error: the registers are known. */
	store_le64(k->phys + NOTE + 20 + 264, UINT64_MAX - 3);
	store_le64(k->phys + NOTE + 20 + 240, MODULE);
	assert_int_equal(read_stack(k, &s, &e), 0);
	assert_int_equal(s.n_frames, 0);
	assert_true(s.rip.module && !s.rip.symbol[0]);
	test_free(k);
}

static void assert_no_stack(struct machine *k, const char *message)
{
	struct ukd_error e = {0};
	struct dump_stack s;

	assert_int_equal(read_stack(k, &s, &e), -ENODATA);
	if (!strstr(e.text, message))
		fail_msg("'%s' does not say '%s'", e.text, message);
}

static void test_no_stack(void **state _unused_)
{
	struct machine *k = machine_with_stack();

	store_le32(k->phys + NOTE + 4, 335);
	assert_no_stack(k, "CPU 3 has saved no registers");
	put_note(k);
	store_le32(k->phys + NOTE, 6);
	assert_no_stack(k, "CPU 3 has saved no registers");
	put_note(k);
	store_le32(k->phys + NOTE + 8, 2);
	assert_no_stack(k, "CPU 3 has saved no registers");
	put_note(k);
	store_le64(k->phys + 0x8000, 0x10000000);
	assert_no_stack(k, "not contain the registers of CPU 3");
	store_le32(k->phys + 0x8010, UINT32_MAX);
	assert_no_stack(k, "no CPU has panicked");
	store_le32(k->phys + 0x8010, 8192);
	assert_no_stack(k, "no CPU has panicked");
	memset(k->phys + NAMES_AT, 0, 0x1000); /* names are empty */
	assert_no_stack(k, "have no panic_cpu");
	test_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	   cmocka_unit_test(test_absolute_symbols),
		cmocka_unit_test(test_long_names), cmocka_unit_test(test_names_in_pages),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_endless_names),
		cmocka_unit_test(test_bad_tokens), cmocka_unit_test(test_unsorted),
		cmocka_unit_test(test_stack),	   cmocka_unit_test(test_stack_is_bounded),
		cmocka_unit_test(test_no_stack),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
