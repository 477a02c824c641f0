/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A crash dump: what it says about itself, the kernel log inside, its pages. The only user of
 * libkdumpfile, which decompresses pages, confined to a process of its own (pager.h); headers,
 * bitmaps, notes and the log are read by our own bounded code: every byte of a dump is hostile.
 *
 * Accepted: kdump-compressed (makedumpfile) and ELF64 core (/proc/vmcore, makedumpfile -E), both
 * little-endian, also flattened (flat.h). All else is refused with a check "dump.*" and a text that
 * names the file. Strings from the dump are printable ASCII by the time a caller sees them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "util/error.h"
#include "util/file.h"

enum dump_format {
	DUMP_KDUMP, /* kdump-compressed */
	DUMP_ELF,
};

struct dump_facts {
	enum dump_format format;
	bool flattened;		/* the file is; sizes here are those of its content in order */
	uint64_t file_size;	/* bytes */
	uint64_t stored;	/* of them on disk: the rest is holes, and costs a liar nothing */
	char release[65];	/* `uname -r` of the crashed kernel, or empty */
	char machine[65];	/* `uname -m`, or empty */
	uint64_t crash_time;	/* seconds since 1970 (CRASHTIME in vmcoreinfo), 0 if unknown */
	uint32_t page_size;	/* bytes */
	uint32_t cpus;		/* with saved registers */
	int dump_level;		/* of makedumpfile, -1 if the format does not tell */
	const char *incomplete; /* why part of the file is missing (a literal), or NULL */
	uint64_t pages_total;	/* pages of RAM */
	uint64_t pages_present; /* of them in the file */
};

struct dump;

/*
 * Takes the regular file fd, also on failure, and checks it. The bitmap is walked once; pages are
 * not read. A flattened file is put in order first, in a temporary file. path is for messages;
 * progress (may be NULL) is called now and then while this and while pages are read.
 */
int dump_open(int fd, const char *path, void (*progress)(unsigned int percent), struct dump **ret,
	      struct ukd_error *e) _must_check_;
void dump_close(struct dump *d);

static inline void dump_closep(struct dump **d)
{
	dump_close(*d);
}
#define _dump_ _cleanup_(dump_closep)

/* Borrowed, valid as long as d. */
const struct dump_facts *dump_facts(const struct dump *d);

/*
 * The kernel log as text, "[    0.000000] ...\n" per line, bytes other than printable ASCII and
 * tab as \xNN. Records whose pages are missing are left out and counted in *ret_lost. -ENODATA if
 * the dump does not have what is needed, -ENOTSUP for machines and kernels whose log we cannot read
 * (other than x86-64; before 5.10), -EBADMSG if the log is damaged. e tells the reason alone,
 * without the file.
 */
int dump_read_log(struct dump *d, struct buffer *ret, uint64_t *ret_lost,
		  struct ukd_error *e) _must_check_;

#define DUMP_SYMBOL_MAX 128 /* characters, with the NUL; what is longer is cut */
#define DUMP_FRAMES	32

/* Where in the kernel an address is. */
struct dump_place {
	uint64_t address;
	char symbol[DUMP_SYMBOL_MAX]; /* empty: not in the kernel image */
	uint64_t offset, size;	      /* in the symbol, of the symbol */
	bool module;		      /* in a module, or in what BPF has compiled: not named */
};

/* What the CPU that panicked was doing, found in its registers and on its stack. */
struct dump_stack {
	int cpu;
	int64_t pid; /* of the task on it */
	struct dump_place rip;
	/* Addresses that a call returns to, the innermost first: not unwound, so some may be left
	 * from calls that were over. */
	struct dump_place frames[DUMP_FRAMES];
	unsigned int n_frames;
};

/*
 * Reads that with the dump's own symbols: for a dump whose log does not tell. -ENODATA if the dump
 * does not have what is needed (Linux 6.0, CONFIG_KALLSYMS_ALL) or no CPU has panicked, -ENOTSUP
 * for machines other than x86-64, -EBADMSG if the tables are damaged. e tells the reason alone.
 */
int dump_read_stack(struct dump *d, struct dump_stack *ret, struct ukd_error *e) _must_check_;

/* What a walk over all pages found. */
struct dump_walk {
	uint64_t read;	 /* pages read */
	uint64_t errors; /* pages that the file should have and that could not be read */
	char first_error[160];
};

/*
 * Reads every page that the file claims to have and gives it to each() (may be NULL), which ends
 * the walk by returning false. Pages that cannot be read are counted, not fatal. Pages in a hole of
 * an ELF dump, all zeros, count as read but are not given to each().
 */
int dump_walk_pages(struct dump *d, bool (*each)(void *ctx, uint64_t paddr, struct bytes page),
		    void *ctx, struct dump_walk *ret, struct ukd_error *e) _must_check_;

/*
 * Counts the pages that hold pattern (1 to a page of bytes, inside one page). The physical address
 * of the first place is in *ret_first if the count is not 0.
 */
int dump_find(struct dump *d, struct bytes pattern, uint64_t *ret_count, uint64_t *ret_first,
	      struct ukd_error *e) _must_check_;
