/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which makedumpfile is bad for which kernel. */
#pragma once

#include "util/root.h"

/*
 * What this makedumpfile (what `makedumpfile -v` prints) does badly with dumps of this kernel
 * version at this DumpLevel=; NULL if nothing is known, or if one of them is not understood. No
 * more than a warning: a dump comes out, since a run that fails is followed by one at level 1,
 * which needs nothing of what the kernel has changed.
 */
const char *makedumpfile_problem(const char *printed, const char *kver, unsigned int level);

/* Runs `makedumpfile -v` inside the root and judges it. NULL also if it cannot be run. */
const char *makedumpfile_check(const struct root *root, const char *kver, unsigned int level);
