/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sealed image as a file: everything before its PE header follows from its content, so one
 * function makes these bytes; the builder writes them and the validator compares them.
 */
#pragma once

#include "base/sealed.h"
#include "pe/uki.h"

/* What the boot header of a sealed image is made from. */
struct sealed_head {
	struct bytes kernel;	 /* the beginning of the inner kernel, at least 0x290 bytes */
	const char *version;	 /* version string, at most SEALED_VERSION_MAX characters */
	uint32_t kernel_raw;	 /* file offset of .linux */
	uint32_t stub_offset;	 /* image offset of .kexec */
	uint32_t end;		 /* image offset behind the last section */
	uint32_t flags;		 /* SEALED_* */
	uint32_t setup_type_max; /* from the inner kernel's kernel_info, 0 if it has none */
};

/*
 * Writes file offsets [0, SEALED_PE_HEADER): DOS header, setup header, version, entry points,
 * kernel_info. Refuses (check "sealed.kernel") an inner kernel that cannot be sealed.
 */
int sealed_head_write(const struct sealed_head *h, uint8_t ret[SEALED_PE_HEADER],
		      struct ukd_error *e) _must_check_;

/* The stub's own header at the beginning of .kexec. */
void sealed_stub_header_write(uint8_t *stub, uint32_t offset, uint32_t end, uint32_t flags);

/* What a validated sealed image tells about itself. */
struct sealed_facts {
	char version[SEALED_VERSION_MAX + 1]; /* the inner kernel's version string */
	uint32_t flags;
	struct setup_header outer;
	struct setup_header inner;
	uint32_t kernel_len;
	uint32_t initrd_len;
};

/*
 * Applies every rule of docs/UKI.md to an image that uki_read() has read. Refuses with one of
 * the checks "sealed.*".
 */
int sealed_validate(const struct uki *u, struct sealed_facts *ret,
		    struct ukd_error *e) _must_check_;

/*
 * The rules for the command line in a sealed image (check "sealed.cmdline"): no token that the
 * running kernel adds, and room for those. cmdline_size: the inner kernel's.
 */
int sealed_check_cmdline(struct bytes line, uint32_t cmdline_size, uint32_t flags,
			 struct ukd_error *e) _must_check_;
