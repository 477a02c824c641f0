/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The anchors that ukdumpctl's verbs judge by: this machine's, and those of --trust. */
#pragma once

#include "auth/auth.h"

#define TRUST_MAX_FILES 32

struct trust_options {
	const char *files[TRUST_MAX_FILES]; /* relative to the current directory */
	unsigned int n;
};

/* NULL and e on failure. The caller frees. */
struct auth_trust *trust_load(const struct root *root, const struct trust_options *opt,
			      struct ukd_error *e);
