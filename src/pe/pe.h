/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PE32+ EFI application for x86-64, validated completely into a private struct. After
 * pe_parse() nothing about bounds can fail. Sources of the rules: Microsoft PE format,
 * Authenticode_PE.docx, Linux crypto/asymmetric_keys/verify_pefile.c, EDK2 BasePeCoffLib, shim
 * pe-relocate.c; where they differ, the strictest of them (docs/UKI.md has the table).
 *
 * Guaranteed by pe_parse():
 * - headers, then sections without gap or overlap in the order of the table (file order = RVA
 *   order), then the certificate table, then the end of the file;
 * - no two readers can see different sections: names are NUL-padded ASCII, counts are exact.
 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/sections.h"
#include "util/error.h"

#define PE_HEAD_MAX	  65536 /* SizeOfHeaders is limited to this */
#define PE_MAX_SECTIONS	  192
#define PE_CERT_TABLE_MAX 65536
#define PE_FILE_MAX	  0x7fffffffu /* 2 GiB - 1, so that no 32-bit field can wrap */

/* Section flags of the PE format that we look at. */
#define PE_SCN_CODE	     0x00000020u
#define PE_SCN_INITIALIZED   0x00000040u
#define PE_SCN_UNINITIALIZED 0x00000080u
#define PE_SCN_EXECUTE	     0x20000000u
#define PE_SCN_READ	     0x40000000u
#define PE_SCN_WRITE	     0x80000000u

struct pe_section {
	char name[PE_SECTION_NAME_LEN + 1];
	enum uki_section id; /* UKI_OTHER for those of the EFI program */
	uint32_t vaddr;
	uint32_t vsize;
	uint32_t raw; /* file offset */
	uint32_t raw_size;
	uint32_t flags;
};

struct pe_image {
	uint64_t file_size;
	uint32_t header_offset; /* e_lfanew */
	uint32_t header_size;	/* SizeOfHeaders */
	uint32_t entry;		/* RVA */
	uint32_t image_size;	/* SizeOfImage */
	uint32_t section_alignment;
	uint32_t file_alignment;
	uint16_t dll_characteristics;
	uint32_t section_table;	  /* file offset of the first section header */
	uint32_t checksum_offset; /* file offset of CheckSum, 4 bytes outside the digest */
	uint32_t certdir_offset; /* file offset of the certificate directory entry, 8 bytes outside */
	uint32_t data_end;	 /* end of the last section */
	uint32_t cert_offset;	 /* = data_end, or 0 if unsigned */
	uint32_t cert_size;	 /* 0 if unsigned */
	unsigned int n_sections;
	struct pe_section section[PE_MAX_SECTIONS];
};

/*
 * Validates the headers. head: the first min(file_size, PE_HEAD_MAX) bytes of the file.
 * Returns 0, or refuses with one of the checks "pe.*".
 */
int pe_parse(struct bytes head, uint64_t file_size, struct pe_image *ret,
	     struct ukd_error *e) _must_check_;

/* Length of a section's content: min(VirtualSize, SizeOfRawData), the one definition. */
static inline uint32_t pe_section_len(const struct pe_section *s)
{
	return s->vsize < s->raw_size ? s->vsize : s->raw_size;
}

/* The first section with this id, or NULL. */
const struct pe_section *pe_find(const struct pe_image *pe, enum uki_section id);

unsigned int pe_count(const struct pe_image *pe, enum uki_section id);

/*
 * What the Authenticode digest covers, in file order: everything up to the certificate table but
 * the checksum and the certificate directory entry. Sections are gapless and in order, so the
 * format's sorted walk is a straight line here.
 */
struct pe_range {
	uint64_t off;
	uint64_t len;
};

#define PE_DIGEST_RANGES 3
void pe_digest_ranges(const struct pe_image *pe, struct pe_range ret[PE_DIGEST_RANGES]);
