/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols that a crashed kernel carries to print its own traces (kernel/kallsyms.c): address to
 * function, name to address, without a debug package. vmcoreinfo tells where the tables are since
 * 6.0 (5fd8fea935a1). Symbols of modules are not among them.
 *
 * The tables are hostile: counts and lengths are bounded before use, each table is read once, a
 * lookup by address is a binary search, one by name a walk over the names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "dump/dump.h"
#include "dump/vmem.h"
#include "util/error.h"

#define KALLSYMS_MAX	   (1u << 20) /* symbols; Debian's 7.2 has 199,097 */
#define KALLSYMS_NAMES_MAX MIB(32)    /* of compressed names; there 2.9 MB */

struct kallsyms;

/*
 * Reads the tables. -ENODATA: vmcoreinfo or the dump does not have them; -EBADMSG (check
 * "dump.kallsyms"): they make no sense. e tells the reason alone.
 */
int kallsyms_read(struct vmem *m, struct bytes vmcoreinfo, struct kallsyms **ret,
		  struct ukd_error *e) _must_check_;
void kallsyms_free(struct kallsyms *k);

static inline void kallsyms_freep(struct kallsyms **k)
{
	kallsyms_free(*k);
}
#define _kallsyms_ _cleanup_(kallsyms_freep)

/* The address of the first symbol of that name; false, *ret untouched, if there is none. */
bool kallsyms_address(const struct kallsyms *k, const char *name, uint64_t *ret) _must_check_;

/*
 * Names the symbol that address lies in, as the kernel's "%pS" does: of several at one address the
 * first in the table; its size is up to the next address. Sets symbol, offset and size of ret;
 * false, ret untouched, before the first and behind the last symbol.
 */
bool kallsyms_place(const struct kallsyms *k, uint64_t address, struct dump_place *ret);
