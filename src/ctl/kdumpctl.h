/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Called as kdumpctl (docs/MIGRATING.md): the verbs of that program and its return codes. 0 done,
 * 1 failed, refused or misused; `status` 0 if something is armed, whatever else is wrong, else 3.
 */
#pragma once

#include "ctl/ctl.h"

/* Does argv[0] say so? */
bool called_as_kdumpctl(const char *argv0) _must_check_;

/* verbs: those of ukdumpctl, which do the work. Returns the exit code. */
int kdumpctl(const struct verb *const *verbs, size_t n, int argc, char **argv);
