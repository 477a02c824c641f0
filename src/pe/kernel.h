/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inner kernel of a plain UKI, which kexec_file_load(2) will verify by itself: a bzImage that
 * is a PE. Not a canonical PE like the UKI around it (docs/UKI.md): six directories, one
 * COFF symbol, .data larger in memory than in the file. What counts here is that the running
 * kernel's verify_pefile.c, which is looser, and our digest see the same bytes: no gap, no overlap,
 * certificate table at the very end of .linux' content (52, 53). So are Debian's kernels 6.1, 6.12
 * and 7.2; a bzImage is a multiple of 16 bytes long, so no signer needs to pad it.
 */
#pragma once

#include "base/sealed.h"
#include "pe/pe.h"

struct kernel_image {
	struct setup_header setup;
	uint64_t len;		  /* of the content of .linux, all of it the kernel's */
	uint32_t checksum_offset; /* offsets inside .linux */
	uint32_t certdir_offset;
	uint32_t cert_offset; /* = len without certificates; cert_offset + cert_size = len */
	uint32_t cert_size;   /* 0: unsigned */
};

/*
 * head: the first UKI_KERNEL_HEAD bytes of .linux or all of it; len: length of .linux, at most
 * PE_FILE_MAX. Refuses with one of the checks "kernel.*": what the running kernel, this kernel's
 * boot header or our reading of it would not bear; the caller says whose kernel. An unsigned kernel
 * is well formed.
 */
int kernel_image_parse(struct bytes head, uint64_t len, struct kernel_image *ret,
		       struct ukd_error *e) _must_check_;

/* What the digest covers, as pe_digest_ranges() for a UKI; offsets inside .linux. */
void kernel_image_ranges(const struct kernel_image *k, struct pe_range ret[PE_DIGEST_RANGES]);

/*
 * The kernel's version string ("6.12.107 (debian-kernel@...) #1 SMP ..."), printable, cut to
 * SEALED_VERSION_MAX; empty if it has none. kernel: its beginning, or all of it.
 */
void kernel_version_string(struct bytes kernel, char ret[SEALED_VERSION_MAX + 1]);
