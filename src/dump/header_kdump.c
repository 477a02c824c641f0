// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdump-compressed (makedumpfile's IMPLEMENTATION, diskdump_mod.h): block 0 header, block 1
 * sub-header, two bitmaps, page descriptors, pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump/header.h"
#include "util/cleanup.h"

/* disk_dump_header; struct new_utsname has six fields of 65 bytes. */
#define H_VERSION	  0x008
#define H_RELEASE	  (0x00c + 2 * 65)
#define H_MACHINE	  (0x00c + 4 * 65)
#define H_STATUS	  0x1a8
#define H_BLOCK_SIZE	  0x1ac
#define H_SUB_BLOCKS	  0x1b0
#define H_BITMAP_BLOCKS	  0x1b4
#define H_MAX_MAPNR	  0x1b8
#define H_NR_CPUS	  0x1cc
#define H_END		  0x1d0
#define STATUS_INCOMPLETE 0x8 /* DUMP_DH_COMPRESSED_INCOMPLETE: no space left while writing */

/* kdump_sub_header, offsets within block 1 */
#define S_DUMP_LEVEL   8
#define S_VMCOREINFO   32 /* offset, size; since header version 3 */
#define S_NOTE	       48 /* since version 4 */
#define S_ERASEINFO    64 /* since version 5 */
#define S_MAX_MAPNR_64 96 /* since header version 6 */
#define S_END	       104

/* Descriptors at the end that are checked. */
#define TAIL_DESCRIPTORS 4096u

/* A bit per page of 2 TiB. libkdumpfile reads a bitmap whole: a larger one must be on disk. */
#define BITMAP_FREE MIB(64)

static void copy_name(struct bytes head, uint64_t off, char ret[65])
{
	for (unsigned int i = 0; i < 64; i++) {
		uint8_t c = head.p[off + i];

		if (!c)
			break;
		ret[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
}

int dump_bitmap_part(int fd, struct dump_range map, uint64_t n, uint64_t *off,
		     uint8_t part[DUMP_BITMAP_PART], size_t *ret_len, struct ukd_error *e)
{
	uint64_t bytes = n / 8 + !!(n % 8), end = map.off + bytes, len;
	int r;

	*off = dump_next_data(fd, map.off + *off, end) - map.off;
	len = bytes - *off;
	if (len > DUMP_BITMAP_PART)
		len = DUMP_BITMAP_PART;
	r = fd_pread_full(fd, part, len, map.off + *off);
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read the page bitmap");
	if (len && n % 8 && *off + len == bytes)
		part[len - 1] &= (uint8_t)((1u << (n % 8)) - 1);
	*ret_len = len;
	return 0;
}

/* Counts the set bits among the first n of a bitmap. */
static int count_bits(int fd, struct dump_range map, uint64_t n, uint64_t *ret, struct ukd_error *e)
{
	uint8_t part[DUMP_BITMAP_PART];
	uint64_t off = 0, total = 0;
	size_t len = 0;

	do {
		int r = dump_bitmap_part(fd, map, n, &off, part, &len, e);

		if (r < 0)
			return r;
		for (size_t i = 0; i < len; i++)
			total += (unsigned int)__builtin_popcount(part[i]);
		off += len;
	} while (len);
	*ret = total;
	return 0;
}

/*
 * What is wrong with a descriptor; NULL: nothing. One of zeros is in a block that was never written;
 * makedumpfile stores what does not become smaller as it is, so none is larger than a page.
 */
static const char *check_descriptor(const uint8_t *desc, uint64_t size, const struct dump_header *h)
{
	uint64_t off = load_le64(desc), len = load_le32(desc + 8);

	if (off > size || len > size - off)
		return "truncated, pages at the end are missing";
	if (!len || len > h->facts.page_size || off < h->descriptors.off + h->descriptors.len)
		return "damaged, pages at the end are missing";
	return NULL;
}

/* A dump cut short has descriptors whose data is missing; those at the end tell. */
static int check_tail(int fd, uint64_t size, struct dump_header *h, struct ukd_error *e)
{
	uint64_t n = h->facts.pages_present < TAIL_DESCRIPTORS ? h->facts.pages_present :
								 TAIL_DESCRIPTORS;
	struct dump_range tail = {h->descriptors.off + h->descriptors.len - n * DUMP_DESCRIPTOR_LEN,
				  n * DUMP_DESCRIPTOR_LEN};
	_buffer_ struct buffer b = {0};
	int r = dump_read_range(fd, size, tail, tail.len, "the list of pages", &b, e);

	for (uint64_t i = 0; r >= 0 && !h->facts.incomplete && i < n; i++)
		h->facts.incomplete = check_descriptor(b.data + i * DUMP_DESCRIPTOR_LEN, size, h);
	return r;
}

struct blocks {
	uint32_t size, sub, bitmap, max_mapnr, cpus, status, version;
};

static int read_blocks(struct bytes head, struct blocks *ret, struct ukd_error *e)
{
	struct blocks b = {0};

	if (!bytes_has(head, 0, H_END))
		return ukd_refuse(e, "dump.truncated", "truncated within the header");
	b.version = load_le32(head.p + H_VERSION);
	b.status = load_le32(head.p + H_STATUS);
	b.size = load_le32(head.p + H_BLOCK_SIZE);
	b.sub = load_le32(head.p + H_SUB_BLOCKS);
	b.bitmap = load_le32(head.p + H_BITMAP_BLOCKS);
	b.max_mapnr = load_le32(head.p + H_MAX_MAPNR);
	b.cpus = load_le32(head.p + H_NR_CPUS);
	if (b.version < 1 || b.version > 6)
		return ukd_refuse(e, "dump.version", "header version %u is not known", b.version);
	if (!is_power_of_two(b.size) || b.size < KIB(4) || b.size > KIB(64))
		return ukd_refuse(e, "dump.header", "block size %u", b.size);
	if (!b.sub || b.sub > 4096 || !b.bitmap || b.bitmap % 2)
		return ukd_refuse(e, "dump.header", "%u sub-header and %u bitmap blocks", b.sub,
				  b.bitmap);
	*ret = b;
	return 0;
}

static struct dump_range load_range(const uint8_t *p)
{
	return (struct dump_range){load_le64(p), load_le64(p + 8)};
}

/* vmcoreinfo is there by itself and among the notes; libkdumpfile reads both. */
static int read_notes(int fd, uint64_t size, const struct blocks *b, const uint8_t *sub,
		      struct dump_header *h, struct ukd_error *e)
{
	_buffer_ struct buffer info = {0}, notes = {0}, erased = {0};
	int r = 0;

	if (b->version >= 3)
		r = dump_read_range(fd, size, load_range(sub + S_VMCOREINFO), DUMP_VMCOREINFO_MAX,
				    "vmcoreinfo", &info, e);
	if (r >= 0 && info.len)
		r = dump_header_vmcoreinfo(buffer_bytes(&info), h, e);
	if (r >= 0 && b->version >= 4)
		r = dump_read_range(fd, size, load_range(sub + S_NOTE), DUMP_NOTES_MAX, "the notes",
				    &notes, e);
	if (r >= 0)
		r = dump_header_notes(buffer_bytes(&notes), h, e);
	if (r >= 0 && b->version >= 5)
		r = dump_read_range(fd, size, load_range(sub + S_ERASEINFO), DUMP_NOTES_MAX,
				    "the erase information", &erased, e);
	return r;
}

static int read_sub_header(int fd, uint64_t size, const struct blocks *b, struct dump_header *h,
			   struct ukd_error *e)
{
	_buffer_ struct buffer sub = {0};
	struct dump_range range = {b->size, S_END};
	int r = dump_read_range(fd, size, range, S_END, "the sub-header", &sub, e);

	if (r < 0)
		return r;
	h->facts.dump_level = (int)load_le32(sub.data + S_DUMP_LEVEL);
	h->max_pfn = b->version >= 6 ? load_le64(sub.data + S_MAX_MAPNR_64) : b->max_mapnr;
	r = read_notes(fd, size, b, sub.data, h, e);
	if (!h->facts.cpus)
		h->facts.cpus = b->cpus;
	return r;
}

/* Where bitmaps and descriptors are, and that they are inside the file. */
static int place_ranges(uint64_t size, const struct blocks *b, struct dump_header *h,
			struct ukd_error *e)
{
	/* 32-bit counts times at most 64 KiB: no overflow. */
	uint64_t half = (uint64_t)b->bitmap / 2 * b->size;
	uint64_t start = ((uint64_t)1 + b->sub) * b->size;

	if (start > size || 2 * half > size - start)
		return ukd_refuse(e, "dump.truncated",
				  "the bitmaps lie beyond the end of the file");
	if (half > BITMAP_FREE && half - BITMAP_FREE > h->facts.stored)
		return ukd_refuse(e, "dump.sparse", "the bitmaps are larger than what is on disk");
	if (!h->max_pfn || h->max_pfn > half * 8)
		return ukd_refuse(e, "dump.header", "more page frames than the bitmap has bits");
	h->ram_bitmap = (struct dump_range){start, half};
	h->present_bitmap = (struct dump_range){start + half, half};
	h->descriptors.off = start + 2 * half;
	return 0;
}

int dump_header_kdump(int fd, uint64_t size, struct bytes head, struct dump_header *h,
		      struct ukd_error *e)
{
	struct dump_facts *f = &h->facts;
	struct blocks b = {0};
	int r = read_blocks(head, &b, e);

	if (r < 0)
		return r;
	f->format = DUMP_KDUMP;
	f->page_size = b.size;
	if (b.status & STATUS_INCOMPLETE)
		f->incomplete = "makedumpfile had no space left";
	copy_name(head, H_RELEASE, f->release);
	copy_name(head, H_MACHINE, f->machine);
	r = read_sub_header(fd, size, &b, h, e);
	if (r >= 0)
		r = place_ranges(size, &b, h, e);
	if (r >= 0)
		r = count_bits(fd, h->ram_bitmap, h->max_pfn, &f->pages_total, e);
	if (r >= 0)
		r = count_bits(fd, h->present_bitmap, h->max_pfn, &f->pages_present, e);
	if (r < 0)
		return r;
	h->descriptors.len = f->pages_present * DUMP_DESCRIPTOR_LEN;
	if (h->descriptors.len > size - h->descriptors.off)
		return ukd_refuse(e, "dump.truncated",
				  "truncated: the list of pages lies beyond the end of the file");
	return f->incomplete ? 0 : check_tail(fd, size, h, e);
}
