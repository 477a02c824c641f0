/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a sealed image from somebody else's plain UKI, one profile of it. */
#pragma once

#include "build/build.h"
#include "pe/profile.h"

struct reseal_spec {
	const struct uki *uki; /* plain; after uki_read() */
	struct bytes file;     /* the bytes that uki_read() has read, all of them */
	struct uki_profile profile;
	uint32_t flags; /* SEALED_* */
	/* Told what the new image has otherwise than the old one: lines for people. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

/*
 * Sections are kept byte for byte, those of the EFI program at their RVAs. Otherwise:
 * - .sbat gets the line of our own component;
 * - .ucode goes in front of .initrd, where systemd-stub puts it when it starts the kernel;
 * - .uname is added if there is none;
 * - .profile and the sections of other profiles are dropped, as is the signature.
 * The result is unsigned. Refuses (check "sealed.sections") what a kexec cannot carry out
 * (devicetrees, firmware) or a sealed image must have; errors name the file.
 */
int image_reseal(const struct reseal_spec *spec, struct buffer *ret,
		 struct ukd_error *e) _must_check_;
