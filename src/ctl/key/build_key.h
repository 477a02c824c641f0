/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key that `build` signs with. */
#pragma once

#include "ctl/key/find_key.h"

/*
 * As signing_key_load(), but where neither the command line nor ukdump.conf names a key the host
 * key is used, and made the first time. note() gets a line for people about what was done or found.
 */
int build_key_load(const struct signing_key_spec *spec, void (*note)(void *ctx, const char *text),
		   void *ctx, struct signing_key *ret, struct ukd_error *e) _must_check_;
