/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which makedumpfile is bad for which kernel. */
#pragma once

#include "util/root.h"

/*
 * What goes wrong with this makedumpfile (what `makedumpfile -v` prints) and dumps of this kernel
 * version; NULL if nothing is known, or if one of them is not understood.
 */
const char *makedumpfile_problem(const char *printed, const char *kver);

/* Runs `makedumpfile -v` inside the root and judges it. NULL also if it cannot be run. */
const char *makedumpfile_check(const struct root *root, const char *kver);
