/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump as it is named on the command line. */
#pragma once

#include <limits.h>

#include "util/error.h"

/*
 * A path as it is; or the name of a crash (20261121T183822Z-...), which is looked for in the
 * targets of this machine that are directories here. -ENOENT if it is in none.
 */
int dump_path(const char *dump, char ret[PATH_MAX], struct ukd_error *e) _must_check_;
