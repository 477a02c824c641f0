/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the running kernel's keys will vouch for a signer: /proc/keys. */
#pragma once

#include "auth/auth.h"

#define KEYRING_NAME_MAX 64

/*
 * Looks for each certificate of the chain among the kernel's asymmetric keys. The kernel names
 * them "<subject>: <subject key id or serial in hex>" (x509_public_key.c). Returns 1 and the
 * certificate's description if there is one, 0 if not, -ENOENT if /proc/keys cannot be read.
 * Which keyring holds it /proc/keys does not tell; kexec looks into .secondary_trusted_keys (with
 * .builtin_trusted_keys and .machine) and .platform.
 */
int keyring_find(const struct root *root, const struct auth_result *auth,
		 char ret[KEYRING_NAME_MAX], struct ukd_error *e) _must_check_;
