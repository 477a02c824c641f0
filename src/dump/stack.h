/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU that panicked was doing (x86-64), out of memory alone: its registers in the note
 * that the kernel saved for it, and the return addresses on its stack. All of it is hostile, and
 * bounded.
 */
#pragma once

#include "dump/dump.h"
#include "dump/kallsyms.h"
#include "dump/vmem.h"

/* As dump_read_stack(). */
int stack_read(struct vmem *m, const struct kallsyms *k, struct dump_stack *ret,
	       struct ukd_error *e) _must_check_;
