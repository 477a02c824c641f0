// SPDX-License-Identifier: GPL-2.0-or-later
/* What is found on the stack of the CPU that panicked, good and hostile: src/dump/stack.c. */
#include "fixture_kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dump/stack.h"

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
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_stack_is_bounded),
		cmocka_unit_test(test_no_stack),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
