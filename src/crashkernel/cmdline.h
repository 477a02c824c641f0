/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crashkernel= on a kernel command line: what the kernel makes of it, and putting another one in.
 *
 * Words are separated by blanks outside of double quotes, as next_arg() of lib/cmdline.c does it.
 * The kernel takes the last plain value; only without one the last SIZE,high with the last SIZE,low;
 * and the last SIZE,cma in any case (kernel/crash_reserve.c, Linux 6.17; before that without cma).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define CRASHKERNEL_MAX 256 /* characters of a value; longer ones are not understood */

enum crashkernel_kind {
	CRASHKERNEL_PLAIN, /* SIZE, or RANGE:SIZE,..., each perhaps with @OFFSET */
	CRASHKERNEL_HIGH,
	CRASHKERNEL_LOW,
	CRASHKERNEL_CMA,
	CRASHKERNEL_KINDS,
};

/* The values that count, without "crashkernel=", by kind; empty: there is none. */
struct crashkernel {
	char value[CRASHKERNEL_KINDS][CRASHKERNEL_MAX];
};

void crashkernel_find(const char *cmdline, struct crashkernel *ret);
bool crashkernel_equal(const struct crashkernel *a, const struct crashkernel *b);

/*
 * Bytes that a plain value reserves on a machine with ram bytes of memory: of ranges, the one that
 * ram lies in, 0 if it is in none. Returns false, *ret untouched, if the kernel would not parse it.
 */
bool crashkernel_size(const char *value, uint64_t ram, uint64_t *ret) _must_check_;

/* Every crashkernel= word as it stands, separated by blanks; a heap string, NULL without memory. */
char *crashkernel_words(const char *cmdline);

/*
 * Takes every crashkernel= out and puts words (such as "crashkernel=1G,high crashkernel=256M,low",
 * or "") in, at the end, but before "--", behind which init's arguments begin. All else stays byte
 * for byte. Returns a heap string, NULL without memory; equal to cmdline if the words are already
 * all that it has.
 */
char *crashkernel_edit(const char *cmdline, const char *words);
