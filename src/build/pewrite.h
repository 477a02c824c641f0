/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes PE files that pe_parse() accepts: sections without gaps, table order = file order = RVA
 * order. The COFF and optional header come from another PE, whose EFI program the new file keeps.
 */
#pragma once

#include <stdbool.h>

#include "pe/pe.h"
#include "util/file.h"

#define PE_WRITE_MAX_SECTIONS 55    /* what fits between a sealed image's PE header and 0x1000 */
#define PE_WRITE_FILE_ALIGN   0x200 /* a larger one would exclude .initrd's place when sealed */
#define PE_WRITE_DATA	      (PE_SCN_READ | PE_SCN_INITIALIZED)

struct pe_out_section {
	char name[PE_SECTION_NAME_LEN];
	struct bytes data; /* borrowed */
	uint32_t flags;
	uint32_t vaddr; /* 0: pe_writer_lay_out() chooses */
	uint32_t vsize;
	uint32_t raw, raw_size; /* by pe_writer_lay_out() */
	bool page_aligned;	/* (raw - origin) is a multiple of a page */
};

/* Zero but for what the caller sets: from, pe, header_offset, origin, keep_nx. */
struct pe_writer {
	const uint8_t *from;	   /* the file whose headers are taken; borrowed */
	const struct pe_image *pe; /* of that file */
	uint32_t header_offset;	   /* of the PE header in the new file */
	uint32_t origin;	   /* file offset from which page_aligned counts */
	bool keep_nx;		   /* NX_COMPAT stays if it is there */
	struct pe_out_section section[PE_WRITE_MAX_SECTIONS];
	unsigned int n;
	uint32_t header_size; /* SizeOfHeaders; by the caller, before pe_writer_lay_out() */
	uint32_t image_size, data_end;
};

/*
 * Appends a section of read-only data, whose other fields the caller may change. name: 1 to 8
 * characters. The caller sees to it that there are at most PE_WRITE_MAX_SECTIONS.
 */
struct pe_out_section *pe_writer_add(struct pe_writer *w, const char *name, struct bytes data);

/*
 * Appends the sections of w->from that belong to its EFI program (UKI_OTHER), at their RVAs: code
 * and its base relocations stay true.
 */
void pe_writer_add_program(struct pe_writer *w);

/* Bytes that the headers of the sections so far need: a lower limit of header_size. */
uint32_t pe_writer_headers(const struct pe_writer *w);

/*
 * File offsets and RVAs of all sections; image_size and data_end. Refuses (check "sealed.size")
 * what would exceed 2 GiB.
 */
int pe_writer_lay_out(struct pe_writer *w, struct ukd_error *e) _must_check_;

/*
 * Writes PE headers, section table and sections into out, zeroed, w->data_end bytes. What lies
 * before header_offset is the caller's.
 */
void pe_writer_write(const struct pe_writer *w, uint8_t *out);

/*
 * The three steps for a file that has nothing but a DOS header in front of its PE header and
 * headers as small as they can be. w->header_offset: at least 0x40.
 */
int pe_writer_make(struct pe_writer *w, struct buffer *ret, struct ukd_error *e) _must_check_;

/*
 * Text for .sbat: base, which may end in zeros or lack its last newline, and a component line
 * of ours. Refuses (check "stub.sbat") an empty base.
 */
int sbat_append(struct bytes base, const char *line, struct buffer *ret,
		struct ukd_error *e) _must_check_;

/* The first line of every .sbat, for files that have no other base. */
extern const char sbat_header[];
