// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers and stack of the CPU that panicked: see stack.h. */
#include "dump/stack.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CPU_MAX	  8192u	  /* CONFIG_NR_CPUS of x86-64 */
#define STACK_MAX KIB(16) /* THREAD_SIZE and IRQ_STACK_SIZE */

/* An ELF note with struct elf_prstatus and in it struct user_regs_struct (asm/user_64.h). */
#define NOTE_DESC    20u /* behind the header of 12 bytes and "CORE" padded to 8 */
#define NOTE_LEN     (NOTE_DESC + 336)
#define PRSTATUS_PID 32u
#define PRSTATUS_RIP 240u
#define PRSTATUS_RSP 264u

/* Modules and what BPF compiles are between the kernel image and the fixed mappings
 * (Documentation/arch/x86/x86_64/mm.rst). */
#define MODULES_END 0xffffffffff000000u

#define CALL_MAX 7u /* bytes of the longest call instruction */

struct text {
	struct vmem *m;
	const struct kallsyms *k;
	uint64_t start, end, image_end;
};

static int read_symbol(struct vmem *m, const struct kallsyms *k, const char *name, uint64_t offset,
		       void *buf, size_t len, struct ukd_error *e)
{
	uint64_t at;

	if (!kallsyms_address(k, name, &at))
		return ukd_fail(e, -ENODATA, "the kernel's symbols have no %s", name);
	if (vmem_read(m, at + offset, buf, len) < 0)
		return ukd_fail(e, -ENODATA, "the dump does not contain %s", name);
	return 0;
}

/*
 * The registers that crash_save_cpu() saved: in memory it is told which CPU's they are. The notes
 * in the file are the same without those of CPUs that were offline, and without numbers.
 */
static int read_note(struct vmem *m, const struct kallsyms *k, uint32_t cpu, uint8_t ret[NOTE_LEN],
		     struct ukd_error *e)
{
	uint8_t notes[8], offset[8];
	int r = read_symbol(m, k, "crash_notes", 0, notes, sizeof(notes), e);

	if (r >= 0)
		r = read_symbol(m, k, "__per_cpu_offset", 8 * (uint64_t)cpu, offset, sizeof(offset),
				e);
	if (r < 0)
		return r;
	if (vmem_read(m, load_le64(notes) + load_le64(offset), ret, NOTE_LEN) < 0)
		return ukd_fail(e, -ENODATA, "the dump does not contain the registers of CPU %u",
				cpu);
	if (load_le32(ret) != 5 || load_le32(ret + 4) != NOTE_LEN - NOTE_DESC ||
	    load_le32(ret + 8) != NT_PRSTATUS)
		return ukd_fail(e, -ENODATA, "CPU %u has saved no registers", cpu);
	return 0;
}

/* Does a call instruction end in front of address? Only then it is one to return to. */
static bool follows_call(struct vmem *m, uint64_t address)
{
	uint8_t code[CALL_MAX];

	if (vmem_read(m, address - CALL_MAX, code, sizeof(code)) < 0)
		return false;
	if (code[CALL_MAX - 5] == 0xe8) /* relative */
		return true;
	/* FF /2: by a register or memory, of 2 bytes or more */
	for (size_t i = 0; i + 1 < CALL_MAX; i++)
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* The kernel prints a place to return to as that of the call, one byte before: a function that
 * never returns may be the last thing in its caller. */
static bool find_call(const struct text *t, uint64_t address, struct dump_place *ret)
{
	struct dump_place p = {.address = address};

	if (address > t->start && address <= t->end) {
		if (!follows_call(t->m, address) || !kallsyms_place(t->k, address - 1, &p))
			return false;
		p.offset++;
	} else if (address > t->image_end && address < MODULES_END) {
		p.module = follows_call(t->m, address);
		if (!p.module)
			return false;
	} else {
		return false;
	}
	*ret = p;
	return true;
}

/* A stack ends at a guard page, which is not mapped (CONFIG_VMAP_STACK). */
static void scan(const struct text *t, uint64_t rsp, struct dump_stack *ret)
{
	uint8_t raw[8];

	rsp = align_up(rsp, 8);
	for (uint64_t off = 0; off < STACK_MAX && ret->n_frames < DUMP_FRAMES; off += sizeof(raw)) {
		if (vmem_read(t->m, rsp + off, raw, sizeof(raw)) < 0)
			return;
		ret->n_frames += find_call(t, load_le64(raw), &ret->frames[ret->n_frames]);
	}
}

int stack_read(struct vmem *m, const struct kallsyms *k, struct dump_stack *ret,
	       struct ukd_error *e)
{
	uint8_t raw[4], note[NOTE_LEN], *regs = note + NOTE_DESC;
	struct dump_stack s = {0};
	struct text text = {.m = m, .k = k};
	uint32_t cpu;
	int r = read_symbol(m, k, "panic_cpu", 0, raw, sizeof(raw), e);

	if (r < 0)
		return r;
	cpu = load_le32(raw);
	if (cpu >= CPU_MAX) /* PANIC_CPU_INVALID is -1 */
		return ukd_fail(e, -ENODATA, "no CPU has panicked");
	if (!kallsyms_address(k, "_stext", &text.start) ||
	    !kallsyms_address(k, "_etext", &text.end) ||
	    !kallsyms_address(k, "_end", &text.image_end))
		return ukd_fail(e, -ENODATA, "the kernel's symbols do not tell where its text is");
	r = read_note(m, k, cpu, note, e);
	if (r < 0)
		return r;
	s.cpu = (int)cpu;
	s.pid = load_le32(regs + PRSTATUS_PID) & INT32_MAX;
	s.rip.address = load_le64(regs + PRSTATUS_RIP);
	s.rip.module = !kallsyms_place(k, s.rip.address, &s.rip) &&
		       s.rip.address > text.image_end && s.rip.address < MODULES_END;
	scan(&text, load_le64(regs + PRSTATUS_RSP), &s);
	*ret = s;
	return 0;
}
