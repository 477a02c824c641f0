// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF64 core files: /proc/vmcore as it is, or what makedumpfile -E leaves of it. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dump/header.h"
#include "util/cleanup.h"

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_PPC64:
		return "ppc64le";
	case EM_RISCV:
		return "riscv64";
	default:
		return "";
	}
}

/* Takes a segment, as much of it as the file has: half a copy of /proc/vmcore is worth reading. */
static int add_segment(struct dump_header *h, uint64_t size, struct dump_segment s,
		       struct ukd_error *e)
{
	uint64_t end, in_file = s.off < size ? size - s.off : 0;

	if (s.filesz > s.memsz || add_overflows(s.paddr, s.memsz, &end))
		return ukd_refuse(e, "dump.segment",
				  "memory at 0x%" PRIx64 " has an impossible size", s.paddr);
	if (s.filesz > in_file) {
		h->facts.incomplete = "truncated, memory at the end is missing";
		s.filesz = in_file;
	}
	if (!s.filesz) /* memory without data; its offset may be anything */
		s.off = 0;
	h->segments[h->n_segments++] = s;
	return 0;
}

/* Notes of all segments together; a hostile table could name one range 65534 times. */
static int read_note_segment(int fd, uint64_t size, struct dump_range range, uint64_t *budget,
			     struct dump_header *h, struct ukd_error *e)
{
	_buffer_ struct buffer notes = {0};
	int r = dump_read_range(fd, size, range, *budget, "a note segment", &notes, e);

	if (r < 0)
		return r;
	*budget -= range.len;
	return dump_header_notes(buffer_bytes(&notes), h, e);
}

static int read_program_headers(int fd, uint64_t size, struct bytes table, struct dump_header *h,
				struct ukd_error *e)
{
	uint64_t budget = DUMP_NOTES_MAX;

	for (uint64_t off = 0; bytes_has(table, off, sizeof(Elf64_Phdr));
	     off += sizeof(Elf64_Phdr)) {
		const uint8_t *p = table.p + off;
		struct dump_segment s = {
			.paddr = load_le64(p + offsetof(Elf64_Phdr, p_paddr)),
			.off = load_le64(p + offsetof(Elf64_Phdr, p_offset)),
			.filesz = load_le64(p + offsetof(Elf64_Phdr, p_filesz)),
			.memsz = load_le64(p + offsetof(Elf64_Phdr, p_memsz)),
		};
		uint32_t type = load_le32(p);
		int r = 0;

		if (type == PT_NOTE)
			r = read_note_segment(fd, size, (struct dump_range){s.off, s.filesz},
					      &budget, h, e);
		/* The kernel's text is there a second time, by the same physical address, only
		 * in /proc/kcore; /proc/vmcore has each range once. */
		if (type == PT_LOAD)
			r = add_segment(h, size, s, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct dump_segment *x = a, *y = b;

	return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

/* So that what has an address is found without a walk over all of them, though they may overlap. */
static void sort_segments(struct dump_header *h)
{
	struct dump_segment *v = h->segments;

	qsort(v, h->n_segments, sizeof(*v), by_address);
	for (unsigned int i = 0, far = 0; i < h->n_segments; i++) {
		if (v[i].paddr + v[i].filesz > v[far].paddr + v[far].filesz)
			far = i;
		v[i].reaching = far;
	}
}

static int count_pages(struct dump_header *h, struct ukd_error *e)
{
	uint64_t page_size = h->facts.page_size, total = 0, present = 0, in_file = 0;

	for (unsigned int i = 0; i < h->n_segments; i++) {
		/* memsz is not bounded by the file: a sum may overflow, each part cannot. */
		if (add_overflows(total, h->segments[i].memsz / page_size, &total))
			return ukd_refuse(e, "dump.segment", "more memory than 64 bits can count");
		present += h->segments[i].filesz / page_size;
		in_file += h->segments[i].filesz;
		/* So that no walk over the pages is longer than the file. */
		if (in_file > h->facts.file_size)
			return ukd_refuse(e, "dump.segment", "memory ranges overlap in the file");
	}
	h->facts.pages_total = total;
	h->facts.pages_present = present;
	return 0;
}

int dump_header_elf(int fd, uint64_t size, struct bytes head, struct dump_header *h,
		    struct ukd_error *e)
{
	_buffer_ struct buffer table = {0};
	uint16_t phnum;
	int r;

	if (!bytes_has(head, 0, sizeof(Elf64_Ehdr)))
		return ukd_refuse(e, "dump.truncated", "truncated within the header");
	if (head.p[EI_CLASS] != ELFCLASS64 || head.p[EI_DATA] != ELFDATA2LSB)
		return ukd_refuse(e, "dump.class", "an ELF file, but not 64-bit little-endian");
	if (load_le16(head.p + offsetof(Elf64_Ehdr, e_type)) != ET_CORE)
		return ukd_refuse(e, "dump.type", "an ELF file, but not a core dump");
	phnum = load_le16(head.p + offsetof(Elf64_Ehdr, e_phnum));
	if (!phnum || phnum == PN_XNUM ||
	    load_le16(head.p + offsetof(Elf64_Ehdr, e_phentsize)) != sizeof(Elf64_Phdr))
		return ukd_refuse(e, "dump.header", "%u program headers of a size not known",
				  phnum);
	(void)snprintf(h->facts.machine, sizeof(h->facts.machine), "%s",
		       machine_name(load_le16(head.p + offsetof(Elf64_Ehdr, e_machine))));
	h->facts.format = DUMP_ELF;
	h->facts.page_size = 4096; /* unless vmcoreinfo knows better */
	r = dump_read_range(fd, size,
			    (struct dump_range){load_le64(head.p + offsetof(Elf64_Ehdr, e_phoff)),
						(uint64_t)phnum * sizeof(Elf64_Phdr)},
			    UINT32_MAX, "the program header table", &table, e);
	if (r < 0)
		return r;
	h->segments = calloc(phnum, sizeof(*h->segments));
	if (!h->segments)
		return ukd_oom(e);
	r = read_program_headers(fd, size, buffer_bytes(&table), h, e);
	if (r < 0)
		return r;
	sort_segments(h);
	return count_pages(h, e);
}
