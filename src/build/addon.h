/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addons: signed PE files without a kernel, whose command line, initrd or microcode systemd-stub
 * adds to a UKI's (systemd-stub(7); stub.c load_addons()).
 */
#pragma once

#include "build/build.h"

#define ADDON_SUFFIX	   ".addon.efi" /* systemd-stub looks at no other names */
#define ADDON_MAX_SECTIONS 4

struct addon_parts {
	/* In the order of the file; names are those that addon_may_have() knows. */
	struct extra_section section[ADDON_MAX_SECTIONS];
	unsigned int n;
	struct bytes uname; /* empty: for every UKI */
	struct bytes sbat;  /* empty: our own component "ukdump-addon" */
};

/*
 * True for .cmdline, .initrd, .ucode and .dtb: what both systemd-stub and its host tools
 * (pe_is_addon()) take for the content of an addon. .dtbauto is known to the stub only.
 */
bool addon_may_have(const char *name);

/*
 * Makes the unsigned addon in memory. Refuses (checks "addon.*") one without content. It begins
 * with the built-in program that returns EFI_UNSUPPORTED.
 */
int addon_assemble(const struct addon_parts *parts, struct buffer *ret,
		   struct ukd_error *e) _must_check_;
