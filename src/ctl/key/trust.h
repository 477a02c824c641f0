/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy that ukdumpctl's verbs judge by: this machine's, and the anchors of --trust. */
#pragma once

#include "auth/auth.h"

#define TRUST_MAX_FILES 32
#define TRUST_MISUSE	"%s: at most 32 certificates by --trust; put them into /etc/ukdump/trust.d"

struct trust_options {
	const char *files[TRUST_MAX_FILES]; /* relative to the current directory */
	unsigned int n;
};

/* Loads it; root is borrowed for the call. A file that is no certificate is an error that names it.
 */
int policy_load(const struct root *root, const struct trust_options *opt, struct auth_policy *ret,
		struct ukd_error *e) _must_check_;
