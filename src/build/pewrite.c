// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes PE files: see pewrite.h. */
#include "build/pewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/sealed.h"

#define OPT_LEN		   240 /* PE32+ optional header with 16 data directories */
#define COFF_LEN	   24
#define SECTION_HEADER_LEN 40
#define DIR_RELOCATIONS	   5
#define NX_COMPAT	   0x0100

const char sbat_header[] =
	"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n";

struct pe_out_section *pe_writer_add(struct pe_writer *w, const char *name, struct bytes data)
{
	struct pe_out_section *s = &w->section[w->n++];

	memcpy(s->name, name, strnlen(name, PE_SECTION_NAME_LEN));
	s->data = data;
	s->flags = PE_WRITE_DATA;
	s->vsize = (uint32_t)data.len;
	return s;
}

void pe_writer_add_program(struct pe_writer *w)
{
	for (unsigned int i = 0; i < w->pe->n_sections; i++) {
		const struct pe_section *from = &w->pe->section[i];
		struct pe_out_section *s;

		if (from->id != UKI_OTHER)
			continue;
		s = pe_writer_add(w, from->name,
				  (struct bytes){w->from + from->raw, from->raw_size});
		s->flags = from->flags;
		s->vaddr = from->vaddr;
		s->vsize = from->vsize;
	}
}

uint32_t pe_writer_headers(const struct pe_writer *w)
{
	return w->header_offset + COFF_LEN + OPT_LEN + SECTION_HEADER_LEN * w->n;
}

int pe_writer_lay_out(struct pe_writer *w, struct ukd_error *e)
{
	uint64_t raw = w->header_size, rva = w->header_size;
	uint32_t align = w->pe->section_alignment;

	if (align < SEALED_PAGE)
		align = SEALED_PAGE;
	for (unsigned int i = 0; i < w->n; i++) {
		struct pe_out_section *s = &w->section[i];
		uint64_t raw_size = align_up(s->data.len, PE_WRITE_FILE_ALIGN);

		/* The pad in front of a page boundary belongs to the section before it. */
		if (i + 1 < w->n && w->section[i + 1].page_aligned)
			raw_size =
				align_up(raw + raw_size - w->origin, SEALED_PAGE) + w->origin - raw;
		if (!s->vaddr)
			s->vaddr = (uint32_t)align_up(rva, align);
		s->raw = raw_size ? (uint32_t)raw : 0;
		s->raw_size = (uint32_t)raw_size;
		raw += raw_size;
		rva = (uint64_t)s->vaddr + s->vsize;
		if (raw > PE_FILE_MAX || rva > PE_FILE_MAX - align)
			return ukd_refuse(e, "sealed.size", "the image would exceed 2 GiB");
	}
	w->data_end = (uint32_t)raw;
	w->image_size = (uint32_t)align_up(rva, align);
	return 0;
}

/* COFF and optional header: those of the file they come from, for our sections. */
static void write_headers(const struct pe_writer *w, uint8_t *out)
{
	uint8_t *coff = out + w->header_offset, *opt = coff + COFF_LEN;
	const uint8_t *from = w->from + w->pe->header_offset;
	const uint8_t *directories = from + COFF_LEN + 112;
	uint16_t flags = load_le16(from + COFF_LEN + 70);

	memcpy(coff, from, COFF_LEN + 112);
	memset(coff + 8, 0, 12); /* time stamp, symbol table, number of symbols */
	store_le16(coff + 6, (uint16_t)w->n);
	store_le16(coff + 20, OPT_LEN);
	store_le32(opt + 36, PE_WRITE_FILE_ALIGN);
	store_le32(opt + 56, w->image_size);
	store_le32(opt + 60, w->header_size);
	store_le32(opt + 64, 0); /* checksum: EFI does not look at it */
	if (!w->keep_nx)
		flags &= (uint16_t)~NX_COMPAT;
	store_le16(opt + 70, flags);
	store_le32(opt + 108, 16);
	/* pe_parse() has seen at least six directories */
	if (load_le32(from + COFF_LEN + 108) > DIR_RELOCATIONS)
		memcpy(opt + 112 + 8 * DIR_RELOCATIONS, directories + 8 * DIR_RELOCATIONS, 8);
}

void pe_writer_write(const struct pe_writer *w, uint8_t *out)
{
	uint8_t *header = out + w->header_offset + COFF_LEN + OPT_LEN;

	write_headers(w, out);
	for (unsigned int i = 0; i < w->n; i++, header += SECTION_HEADER_LEN) {
		const struct pe_out_section *s = &w->section[i];

		memcpy(header, s->name, PE_SECTION_NAME_LEN);
		store_le32(header + 8, s->vsize);
		store_le32(header + 12, s->vaddr);
		store_le32(header + 16, s->raw_size);
		store_le32(header + 20, s->raw);
		store_le32(header + 36, s->flags);
		if (s->data.len)
			memcpy(out + s->raw, s->data.p, s->data.len);
	}
}

int pe_writer_make(struct pe_writer *w, struct buffer *ret, struct ukd_error *e)
{
	struct buffer out;
	int r;

	w->header_size = (uint32_t)align_up(pe_writer_headers(w), PE_WRITE_FILE_ALIGN);
	r = pe_writer_lay_out(w, e);
	if (r < 0)
		return r;
	out = (struct buffer){calloc(1, (size_t)w->data_end + 1), w->data_end};
	if (!out.data)
		return ukd_oom(e);
	memcpy(out.data, "MZ", 2);
	store_le32(out.data + 0x3c, w->header_offset);
	pe_writer_write(w, out.data);
	*ret = out;
	return 0;
}

int sbat_append(struct bytes base, const char *line, struct buffer *ret, struct ukd_error *e)
{
	uint8_t *p;

	while (base.len && !base.p[base.len - 1])
		base.len--;
	if (!base.len)
		return ukd_refuse(e, "stub.sbat", "EFI stub: its '.sbat' section is empty");
	p = malloc(base.len + strlen(line) + 2);
	if (!p)
		return ukd_oom(e);
	memcpy(p, base.p, base.len);
	if (p[base.len - 1] != '\n')
		p[base.len++] = '\n';
	memcpy(p + base.len, line, strlen(line) + 1);
	*ret = (struct buffer){p, base.len + strlen(line)};
	return 0;
}
