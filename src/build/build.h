/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes capture images: assembles a sealed UKI (docs/UKI.md) from its parts, and gathers the
 * parts from a root directory (the running system or an unpacked tree).
 */
#pragma once

#include <stdbool.h>

#include "base/sealed.h"
#include "util/file.h"

#define BUILD_MAX_EXTRA 8

/* A section beside those that every image has, such as .splash. */
struct extra_section {
	const char *name; /* with its dot, 2 to 8 characters */
	struct bytes data;
};

/* The parts of an image; all bytes are borrowed. */
struct image_parts {
	struct bytes kernel; /* a bzImage, signed or not */
	struct bytes initrd;
	struct bytes cmdline;
	struct bytes osrel;
	struct bytes uname; /* empty: the first word of the kernel's version string */
	/*
	 * A systemd-stub (linuxx64.efi.stub); empty: a built-in entry that returns
	 * EFI_UNSUPPORTED, so the image starts through kexec only.
	 */
	struct bytes efi_stub;
	struct extra_section extra[BUILD_MAX_EXTRA];
	unsigned int n_extra;
	uint32_t flags; /* SEALED_FOR_NORMAL_KEXEC, SEALED_KEEP_DMCRYPTKEYS */
};

/*
 * Assembles and seals the unsigned image in memory. Errors name the part that is wrong.
 */
int image_assemble(const struct image_parts *parts, struct buffer *ret,
		   struct ukd_error *e) _must_check_;

/*
 * Makes the DER signature the image's only one: drops a certificate table that is there, appends
 * a new one and points the header at it. The image must be a valid PE; its digest stays the same.
 */
int image_attach(struct buffer *image, struct bytes der, struct ukd_error *e) _must_check_;
