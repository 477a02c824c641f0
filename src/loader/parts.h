/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain UKI in the parts that kexec_file_load(2) takes, put together as systemd-stub (262) does
 * when firmware boots it: kernel, initrd, command line. All bytes come from snapshots that were
 * verified as a whole.
 */
#pragma once

#include "loader/snapshot.h"
#include "pe/profile.h"

struct parts {
	int kernel; /* sealed memfd: .linux without its padding; -1: none */
	int initrd; /* sealed memfd */
	uint64_t initrd_len;
	char *cmdline; /* heap */
};

#define PARTS_NONE                         \
	{                                  \
		.kernel = -1, .initrd = -1 \
	}
void parts_free(struct parts *p);
#define _parts_ _cleanup_(parts_free)

/*
 * profile: of image; addons: those that apply, in order. Refuses (check "parts.section") what
 * kexec could not hand over. Credentials and extensions beside the image are no part of it.
 */
int parts_make(const struct snapshot *image, const struct uki_profile *profile,
	       const struct snapshot *addons, unsigned int n_addons, struct parts *ret,
	       struct ukd_error *e) _must_check_;
