// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PE32+ headers: see pe.h. Every byte is hostile. The numbers in comments are those of the list of
 * malformations in docs/UKI.md.
 */
#include "pe/pe.h"

#include <string.h>

#define DOS_HEADER_LEN	   64
#define COFF_HEADER_LEN	   24  /* with the signature */
#define OPT_FIXED_LEN	   112 /* PE32+ optional header before the data directories */
#define SECTION_HEADER_LEN 40
#define DIR_CERTIFICATES   4
#define DIR_RELOCATIONS	   5

#define MACHINE_X86_64	  0x8664
#define MAGIC_PE32	  0x10b
#define MAGIC_PE32_PLUS	  0x20b
#define SUBSYSTEM_EFI_APP 10

#define FILE_RELOCS_STRIPPED  0x0001
#define FILE_EXECUTABLE_IMAGE 0x0002
#define FILE_DLL	      0x2000

/* Little-endian fields of a header that is known to lie inside head. */
static uint16_t get16(struct bytes head, uint32_t off)
{
	return load_le16(head.p + off);
}

static uint32_t get32(struct bytes head, uint32_t off)
{
	return load_le32(head.p + off);
}

/* 1-3, 15: the DOS header and where the PE header begins. */
static int parse_dos(struct bytes head, struct pe_image *pe, struct ukd_error *e)
{
	uint32_t off;

	if (!pe->file_size)
		return ukd_refuse(e, "pe.size", "the file is empty");
	if (pe->file_size > PE_FILE_MAX)
		return ukd_refuse(e, "pe.size", "%llu bytes, larger than the limit of 2 GiB",
				  (unsigned long long)pe->file_size);
	if (!bytes_start_with(head, "MZ"))
		return ukd_refuse(e, "pe.mz", "not a PE file: it does not begin with 'MZ'");
	if (head.len < DOS_HEADER_LEN)
		return ukd_refuse(e, "pe.truncated", "ends inside the DOS header, after %llu bytes",
				  (unsigned long long)head.len);
	off = get32(head, 0x3c);
	if (off < DOS_HEADER_LEN || off % 8)
		return ukd_refuse(e, "pe.lfanew",
				  "PE header offset 0x%x, must be >= 0x40 and a multiple of 8",
				  off);
	if (!bytes_has(head, off, COFF_HEADER_LEN + OPT_FIXED_LEN))
		return ukd_refuse(e, "pe.truncated", "ends before the PE header at 0x%x", off);
	if (memcmp(head.p + off, "PE\0\0", 4) != 0)
		return ukd_refuse(e, "pe.signature", "no PE signature at 0x%x", off);
	pe->header_offset = off;
	return 0;
}

/* 5, 7, 10, 16: the COFF header. */
static int parse_coff(struct bytes head, struct pe_image *pe, struct ukd_error *e)
{
	uint32_t coff = pe->header_offset;
	uint16_t machine = get16(head, coff + 4), flags = get16(head, coff + 22);

	if (machine != MACHINE_X86_64)
		return ukd_refuse(e, "pe.machine", "machine type 0x%04x, need 0x8664 (x86-64)",
				  machine);
	pe->n_sections = get16(head, coff + 6);
	if (!pe->n_sections || pe->n_sections > PE_MAX_SECTIONS)
		return ukd_refuse(e, "pe.sections", "%u sections, need 1 to %u", pe->n_sections,
				  PE_MAX_SECTIONS);
	if (get32(head, coff + 12) || get32(head, coff + 16))
		return ukd_refuse(e, "pe.symbols", "has a COFF symbol table");
	if (!(flags & FILE_EXECUTABLE_IMAGE) || flags & (FILE_DLL | FILE_RELOCS_STRIPPED))
		return ukd_refuse(e, "pe.characteristics",
				  "characteristics 0x%04x: not a relocatable executable", flags);
	return 0;
}

/* 4, 6, 8, 9: the optional header's kind and the number of its directories. */
static int parse_optional(struct bytes head, struct pe_image *pe, struct ukd_error *e)
{
	uint32_t coff = pe->header_offset, opt = coff + COFF_HEADER_LEN, n_dirs;
	uint16_t magic = get16(head, opt), opt_len = get16(head, coff + 20);

	if (magic == MAGIC_PE32)
		return ukd_refuse(e, "pe.magic", "32-bit PE, need PE32+");
	if (magic != MAGIC_PE32_PLUS)
		return ukd_refuse(e, "pe.magic", "optional header magic 0x%x, need 0x20b", magic);
	n_dirs = get32(head, opt + 108);
	/* shim (handle_image()) loads nothing without an entry for relocations, which may be empty.
	 */
	if (n_dirs <= DIR_RELOCATIONS || n_dirs > 16)
		return ukd_refuse(e, "pe.directories", "%u data directories, need 6 to 16", n_dirs);
	if (opt_len != OPT_FIXED_LEN + 8 * n_dirs)
		return ukd_refuse(e, "pe.optional-size",
				  "optional header of %u bytes, need %u for %u directories",
				  opt_len, OPT_FIXED_LEN + 8 * n_dirs, n_dirs);
	if (get16(head, opt + 68) != SUBSYSTEM_EFI_APP)
		return ukd_refuse(e, "pe.subsystem", "subsystem %u, need 10 (EFI application)",
				  get16(head, opt + 68));
	pe->entry = get32(head, opt + 16);
	pe->section_alignment = get32(head, opt + 32);
	pe->file_alignment = get32(head, opt + 36);
	pe->image_size = get32(head, opt + 56);
	pe->header_size = get32(head, opt + 60);
	pe->dll_characteristics = get16(head, opt + 70);
	pe->checksum_offset = opt + 64;
	pe->certdir_offset = opt + OPT_FIXED_LEN + 8 * DIR_CERTIFICATES;
	pe->section_table = opt + opt_len;
	return 0;
}

/* 11-13: alignments, and that all headers lie inside SizeOfHeaders, which is digested. */
static int check_layout(struct bytes head, const struct pe_image *pe, struct ukd_error *e)
{
	uint32_t table_end = pe->section_table + SECTION_HEADER_LEN * pe->n_sections;

	if (!is_power_of_two(pe->file_alignment) || !is_power_of_two(pe->section_alignment) ||
	    pe->file_alignment < 512 || pe->file_alignment > pe->section_alignment)
		return ukd_refuse(
			e, "pe.alignment",
			"file alignment 0x%x, section alignment 0x%x: need powers of two, "
			"512 <= file <= section",
			pe->file_alignment, pe->section_alignment);
	if (!pe->header_size || pe->header_size % pe->file_alignment ||
	    pe->header_size > PE_HEAD_MAX)
		return ukd_refuse(e, "pe.header-size",
				  "headers of 0x%x bytes, need a multiple of 0x%x up to 0x%x",
				  pe->header_size, pe->file_alignment, PE_HEAD_MAX);
	if (pe->header_size > head.len)
		return ukd_refuse(e, "pe.truncated", "ends inside its headers of 0x%x bytes",
				  pe->header_size);
	if (table_end > pe->header_size)
		return ukd_refuse(e, "pe.section-table",
				  "section table ends at 0x%x, behind the headers' end at 0x%x",
				  table_end, pe->header_size);
	return 0;
}

/* 28: a name of printable ASCII, NUL-padded, no string-table reference. */
static int check_name(const uint8_t *name, unsigned int index, struct ukd_error *e)
{
	unsigned int len = 0;

	while (len < PE_SECTION_NAME_LEN && name[len] > 0x20 && name[len] < 0x7f)
		len++;
	if (!len || name[0] == '/' ||
	    !bytes_all_zero((struct bytes){name + len, PE_SECTION_NAME_LEN - len}))
		return ukd_refuse(e, "pe.section-name",
				  "section %u: name is not NUL-padded ASCII of 1 to 8 characters",
				  index);
	return 0;
}

static int parse_section(struct bytes head, const struct pe_image *pe, unsigned int index,
			 struct pe_section *ret, struct ukd_error *e)
{
	uint32_t off = pe->section_table + index * SECTION_HEADER_LEN;
	int r = check_name(head.p + off, index, e);

	if (r < 0)
		return r;
	memcpy(ret->name, head.p + off, PE_SECTION_NAME_LEN);
	ret->name[PE_SECTION_NAME_LEN] = 0;
	ret->id = uki_section_by_name(head.p + off);
	ret->vsize = get32(head, off + 8);
	ret->vaddr = get32(head, off + 12);
	ret->raw_size = get32(head, off + 16);
	ret->raw = get32(head, off + 20);
	ret->flags = get32(head, off + 36);
	/* 17: pointers to relocations and line numbers, and their counts */
	if (get32(head, off + 24) || get32(head, off + 28) || get32(head, off + 32))
		return ukd_refuse(e, "pe.section-relocs",
				  "section '%s' has relocations or line numbers", ret->name);
	/* 35 */
	if (ret->flags & PE_SCN_WRITE && ret->flags & PE_SCN_EXECUTE)
		return ukd_refuse(e, "pe.write-execute",
				  "section '%s' is both writable and executable", ret->name);
	return 0;
}

/* 18-24: file ranges follow each other from the end of the headers, without gap or overlap. */
static int check_raw(const struct pe_image *pe, const struct pe_section *s, uint64_t expected,
		     struct ukd_error *e)
{
	if (!s->raw_size) {
		if (s->raw)
			return ukd_refuse(e, "pe.section-raw",
					  "section '%s' has no data but a file offset", s->name);
		return 0;
	}
	if (s->raw % pe->file_alignment || s->raw_size % pe->file_alignment)
		return ukd_refuse(e, "pe.section-alignment",
				  "section '%s': offset 0x%x, size 0x%x, not multiples of 0x%x",
				  s->name, s->raw, s->raw_size, pe->file_alignment);
	if (s->raw < expected)
		return ukd_refuse(e, "pe.section-overlap",
				  "section '%s' begins at 0x%x, before 0x%llx where the one before "
				  "it ends",
				  s->name, s->raw, (unsigned long long)expected);
	if (s->raw > expected)
		return ukd_refuse(e, "pe.section-gap",
				  "section '%s' begins at 0x%x, leaving a gap from 0x%llx", s->name,
				  s->raw, (unsigned long long)expected);
	if ((uint64_t)s->raw + s->raw_size > pe->file_size)
		return ukd_refuse(e, "pe.truncated",
				  "section '%s' ends at 0x%llx, behind the end of the file",
				  s->name, (unsigned long long)s->raw + s->raw_size);
	return 0;
}

/* 14, 27: memory ranges ascend from the end of the headers, inside SizeOfImage. */
static int check_virtual(const struct pe_image *pe, const struct pe_section *s, uint64_t minimum,
			 struct ukd_error *e)
{
	uint64_t end = (uint64_t)s->vaddr + s->vsize;

	if (!s->vsize)
		return ukd_refuse(e, "pe.section-empty", "section '%s' has no size in memory",
				  s->name);
	if (s->vaddr < minimum)
		return ukd_refuse(e, "pe.section-rva",
				  "section '%s' at RVA 0x%x, before 0x%llx where the one before it "
				  "ends",
				  s->name, s->vaddr, (unsigned long long)minimum);
	if (end > pe->image_size)
		return ukd_refuse(e, "pe.image-size",
				  "section '%s' ends at RVA 0x%llx, behind SizeOfImage 0x%x",
				  s->name, (unsigned long long)end, pe->image_size);
	return 0;
}

/* 24: shim fills a section with this flag with zeros, and refuses one without data and flag. */
static int check_initialized(const struct pe_section *s, struct ukd_error *e)
{
	bool uninitialized = s->flags & PE_SCN_UNINITIALIZED;

	if (uninitialized == !s->raw_size)
		return 0;
	return ukd_refuse(
		e, "pe.section-raw",
		"section '%s' has %u bytes of data and %s flag 0x80 (uninitialized): need "
		"one of both",
		s->name, s->raw_size, uninitialized ? "the" : "not the");
}

static int parse_sections(struct bytes head, struct pe_image *pe, struct ukd_error *e)
{
	uint64_t raw_end = pe->header_size, rva_end = pe->header_size;

	if (pe->image_size % pe->section_alignment)
		return ukd_refuse(e, "pe.image-size", "SizeOfImage 0x%x, not a multiple of 0x%x",
				  pe->image_size, pe->section_alignment);
	for (unsigned int i = 0; i < pe->n_sections; i++) {
		struct pe_section *s = &pe->section[i];
		int r = parse_section(head, pe, i, s, e);

		if (r < 0)
			return r;
		r = check_raw(pe, s, raw_end, e);
		if (r < 0)
			return r;
		r = check_virtual(pe, s, rva_end, e);
		if (r >= 0)
			r = check_initialized(s, e);
		if (r < 0)
			return r;
		raw_end += s->raw_size;
		rva_end = (uint64_t)s->vaddr + s->vsize;
	}
	pe->data_end = (uint32_t)raw_end;
	return 0;
}

/* 35: firmware starts the code of exactly one section; sections do not overlap, so "one" is "a". */
static int check_entry(const struct pe_image *pe, struct ukd_error *e)
{
	for (unsigned int i = 0; i < pe->n_sections; i++) {
		const struct pe_section *s = &pe->section[i];

		if (pe->entry >= s->vaddr && pe->entry - s->vaddr < s->vsize &&
		    s->flags & PE_SCN_EXECUTE)
			return 0;
	}
	return ukd_refuse(e, "pe.entry", "entry point 0x%x is in no executable section", pe->entry);
}

/* 36-39: the certificate table, if any, fills the file from the last section's end to its own. */
static int parse_cert_directory(struct bytes head, struct pe_image *pe, struct ukd_error *e)
{
	uint32_t off = get32(head, pe->certdir_offset), size = get32(head, pe->certdir_offset + 4);

	if (!off && !size) {
		if (pe->data_end != pe->file_size)
			return ukd_refuse(e, "pe.trailing",
					  "%llu bytes behind the last section, in no section",
					  (unsigned long long)(pe->file_size - pe->data_end));
		return 0;
	}
	if (!off || !size)
		return ukd_refuse(e, "pe.cert-directory",
				  "certificate table with offset 0x%x and size 0x%x", off, size);
	if (off != pe->data_end)
		return ukd_refuse(e, "pe.cert-offset",
				  "certificate table at 0x%x, the last section ends at 0x%x", off,
				  pe->data_end);
	if ((uint64_t)off + size != pe->file_size)
		return ukd_refuse(e, "pe.cert-end",
				  "certificate table ends at 0x%llx, the file at 0x%llx",
				  (unsigned long long)off + size,
				  (unsigned long long)pe->file_size);
	if (size > PE_CERT_TABLE_MAX)
		return ukd_refuse(e, "pe.cert-size",
				  "certificate table of %u bytes, the limit is %u", size,
				  PE_CERT_TABLE_MAX);
	pe->cert_offset = off;
	pe->cert_size = size;
	return 0;
}

int pe_parse(struct bytes head, uint64_t file_size, struct pe_image *ret, struct ukd_error *e)
{
	struct pe_image pe = {.file_size = file_size};
	int r = parse_dos(head, &pe, e);

	if (r >= 0)
		r = parse_coff(head, &pe, e);
	if (r >= 0)
		r = parse_optional(head, &pe, e);
	if (r >= 0)
		r = check_layout(head, &pe, e);
	if (r >= 0)
		r = parse_sections(head, &pe, e);
	if (r >= 0)
		r = check_entry(&pe, e);
	if (r >= 0)
		r = parse_cert_directory(head, &pe, e);
	if (r < 0)
		return r;
	*ret = pe;
	return 0;
}

const struct pe_section *pe_find(const struct pe_image *pe, enum uki_section id)
{
	for (unsigned int i = 0; i < pe->n_sections; i++)
		if (pe->section[i].id == id)
			return &pe->section[i];
	return NULL;
}

unsigned int pe_count(const struct pe_image *pe, enum uki_section id)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < pe->n_sections; i++)
		n += pe->section[i].id == id;
	return n;
}

void pe_digest_ranges(const struct pe_image *pe, struct pe_range ret[PE_DIGEST_RANGES])
{
	uint64_t after_checksum = pe->checksum_offset + 4, after_dir = pe->certdir_offset + 8;

	ret[0] = (struct pe_range){0, pe->checksum_offset};
	ret[1] = (struct pe_range){after_checksum, pe->certdir_offset - after_checksum};
	ret[2] = (struct pe_range){after_dir, pe->data_end - after_dir};
}
