/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel will do with an image, as far as it can be known before the call. */
#pragma once

#include <stdbool.h>

#include "crashkernel/size.h"
#include "util/root.h"

struct host {
	struct crash_memory memory;
	bool loaded;	     /* a capture image is armed */
	bool secure_boot;    /* the UEFI variable SecureBoot is 1 */
	char lockdown[32];   /* none, integrity, confidentiality; "unknown" */
	bool enforced;	     /* the kernel will refuse what it cannot verify */
	bool five_level;     /* 5-level paging is on */
	bool load_disabled;  /* kernel.kexec_load_disabled or an exhausted load limit */
	uint64_t loads_left; /* kernel.kexec_load_limit_panic; UINT64_MAX: no limit */
	bool has_keys;	     /* the kernel can place dm-crypt keys in crash memory (6.16) */
	char missing[64];    /* a kernel option that is off and needed; empty: none, or unknown */
	bool config_known;   /* a config file of the running kernel was found */
};

/* -EOPNOTSUPP if this kernel has no kexec crash support at all. */
int host_read(const struct root *root, struct host *ret, struct ukd_error *e) _must_check_;
