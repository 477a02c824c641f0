/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel log says about a crash (x86-64, Linux 5.10 to 7.x): text in, facts out. Every byte
 * of the log is hostile; each line is looked at a fixed number of times, and the result has fixed
 * limits.
 *
 * What decides is the first oops: a later panic ("Fatal exception") only tells of it, unless it is
 * over an error of the hardware. Tasks that hang, lockups and warnings count only where the kernel
 * panicked over them. A crash by sysrq is always one by sysrq.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define TRIAGE_VERSION	 1 /* of the signature's recipe: two signatures compare only within one */
#define TRIAGE_PANIC_MAX 256
#define TRIAGE_FRAMES	 16
#define TRIAGE_MODULES	 32
#define TRIAGE_SIGNATURE 17    /* characters, with the NUL */
#define TRIAGE_JSON_MAX	 16384 /* characters, with the NUL: what the limits here come to */

enum triage_kind {
	TRIAGE_UNKNOWN,
	TRIAGE_PANIC,
	TRIAGE_OOPS,
	TRIAGE_BUG,
	TRIAGE_HUNG_TASK,
	TRIAGE_SOFT_LOCKUP,
	TRIAGE_HARD_LOCKUP,
	TRIAGE_STACK_OVERFLOW,
	TRIAGE_MCE,
	TRIAGE_SYSRQ,
	TRIAGE_TEST, /* `ukdumpctl test`: sysrq behind a line "ukdump-test <id>" */
};

struct triage_frame {
	char symbol[128]; /* as printed, with the compiler's suffixes; empty: a bare address */
	char module[64];  /* empty: the kernel itself */
	uint64_t offset, size;
	char stack[8];	 /* "TASK", "IRQ", ...; empty: not told */
	bool unreliable; /* '?': found on the stack, maybe left from before */
};

/* All texts are printable ASCII, cut to fit; empty is what the log does not tell. */
struct triage {
	enum triage_kind kind;
	char panic[TRIAGE_PANIC_MAX];
	char taint[32];	 /* letters (Documentation/admin-guide/tainted-kernels.rst) */
	bool taint_told; /* then an empty taint means none */
	int cpu;	 /* -1: not told */
	int64_t pid;	 /* likewise */
	char comm[32];
	bool has_rip;
	struct triage_frame rip;
	struct triage_frame frames[TRIAGE_FRAMES]; /* the innermost first */
	unsigned int n_frames;
	char modules[TRIAGE_MODULES][64]; /* out of tree, with their taint: "name(OE)" */
	unsigned int n_modules;
	bool has_uptime;
	uint64_t uptime_us; /* since boot, at the first line of the crash */
	/*
	 * 16 hexadecimal digits over kind, text without its numbers, and up to five symbols
	 * (docs/DUMPS.md); empty if the log tells of no crash.
	 */
	char signature[TRIAGE_SIGNATURE];
};

/* Never fails: what the log does not tell stays unknown. */
void triage_log(struct bytes log, struct triage *ret);

/* "panic", "hung-task", ... */
const char *triage_kind_name(enum triage_kind kind);

/* "symbol+0x12/0x40 [module]" into ret; returns ret. */
#define TRIAGE_FRAME_TEXT 256
char *triage_frame_text(const struct triage_frame *f, char ret[TRIAGE_FRAME_TEXT]);

/* The facts as one JSON object on one line: member "triage" of manifest.json (docs/DUMPS.md). */
void triage_json(const struct triage *t, char ret[TRIAGE_JSON_MAX]);
