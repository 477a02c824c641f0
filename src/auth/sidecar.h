/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies beside a UKI, in "<file>.extra.d" (systemd-stub(7)): addons, which belong to it as far
 * as their own signatures go, and credentials, system extensions and the like, which a kexec does
 * not apply and which are only named.
 */
#pragma once

#include "auth/judge.h"

#define SIDECAR_MAX 64

struct sidecars {
	unsigned int n; /* addons (*.addon.efi), in order of name, as systemd-stub applies them */
	char *path[SIDECAR_MAX];
	unsigned int n_ignored; /* *.cred, *.raw and other files */
	char *ignored[SIDECAR_MAX];
};

void sidecars_free(struct sidecars *s);
#define _sidecars_ _cleanup_(sidecars_free)

/*
 * Lists "<image>.extra.d", relative to dirfd as openat(2) has it; a boot counter ("+3-0") in the
 * image's name is not part of the directory's. No directory: none.
 */
int sidecars_find(int dirfd, const char *image, struct sidecars *ret,
		  struct ukd_error *e) _must_check_;

/*
 * True if an addon applies to a UKI: no .uname in one of them, or the same in both. An addon for
 * another kernel is skipped, as systemd-stub does.
 */
bool addon_applies(const struct uki *addon, const char *uname);
