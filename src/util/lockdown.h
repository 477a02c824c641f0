/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Will the running kernel refuse to load what it cannot verify? */
#pragma once

#include "util/kconfig.h"

struct lockdown {
	bool secure_boot; /* the UEFI variable SecureBoot is 1 */
	char mode[32];	  /* none, integrity, confidentiality; "unknown" */
	/*
	 * Lockdown refuses kexec without a signature; Secure Boot counts by itself: IMA's
	 * arch policy then enforces kexec signatures (5.0); so does CONFIG_KEXEC_SIG_FORCE.
	 */
	bool enforced;
};

void lockdown_read(const struct root *root, const struct kconfig *k, struct lockdown *ret);

/* No EFI is no Secure Boot. */
bool secure_boot_is_on(const struct root *root);
