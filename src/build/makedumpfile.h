/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which makedumpfile is bad for which kernel. */
#pragma once

#include <stdbool.h>

#include "util/root.h"

/*
 * What goes wrong with this makedumpfile (what `makedumpfile -v` prints) and dumps of this kernel
 * version; NULL if nothing is known, or if one of them is not understood. *ret_fails: a dump may
 * fail; else it only could be better.
 */
const char *makedumpfile_problem(const char *printed, const char *kver, bool *ret_fails);

/* Runs `makedumpfile -v` inside the root and judges it. NULL also if it cannot be run. */
const char *makedumpfile_check(const struct root *root, const char *kver, bool *ret_fails);
