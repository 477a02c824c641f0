/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The headers of a dump file: read and checked completely before libkdumpfile sees the file. Every
 * range below lies inside the file, no count is larger than the file can hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "dump/dump.h"
#include "util/error.h"
#include "util/file.h"

#define DUMP_BITMAP_PART 4096u

struct dump_range {
	uint64_t off, len; /* in the file */
};

/* Physical memory as an ELF program header describes it. */
struct dump_segment {
	uint64_t paddr, off, filesz, memsz;
	unsigned int reaching; /* of it and those before, the one that reaches furthest */
};

struct dump_header {
	struct dump_facts facts;
	struct buffer vmcoreinfo; /* empty if the dump has none */
	/* kdump-compressed */
	struct dump_range ram_bitmap;	  /* a bit per page frame: is RAM */
	struct dump_range present_bitmap; /* is in the file */
	struct dump_range descriptors;	  /* 24 bytes per present page */
	uint64_t max_pfn;		  /* bits that count in each bitmap */
	/* ELF */
	struct dump_segment *segments; /* by address */
	unsigned int n_segments;
};

int dump_header_read(int fd, uint64_t size, struct dump_header *ret,
		     struct ukd_error *e) _must_check_;
void dump_header_free(struct dump_header *h);
#define _dump_header_ _cleanup_(dump_header_free)

/* By format; called by dump_header_read() with the first bytes of the file. */
int dump_header_kdump(int fd, uint64_t size, struct bytes head, struct dump_header *h,
		      struct ukd_error *e) _must_check_;
int dump_header_elf(int fd, uint64_t size, struct bytes head, struct dump_header *h,
		    struct ukd_error *e) _must_check_;

/* Where the data at or behind off begins, end at most: holes read as zeros. */
uint64_t dump_next_data(int fd, uint64_t off, uint64_t end);

/*
 * Reads the next part of a bitmap of n bits that is no hole. *off is the byte to begin at, then
 * that of the part; *ret_len is 0 at the end. Bits beyond n are 0.
 */
int dump_bitmap_part(int fd, struct dump_range map, uint64_t n, uint64_t *off,
		     uint8_t part[DUMP_BITMAP_PART], size_t *ret_len,
		     struct ukd_error *e) _must_check_;

/* Takes CPUs and vmcoreinfo out of notes; format and page_size are set already. */
int dump_header_notes(struct bytes notes, struct dump_header *h, struct ukd_error *e) _must_check_;
int dump_header_vmcoreinfo(struct bytes info, struct dump_header *h,
			   struct ukd_error *e) _must_check_;

/* Reads a range of at most max bytes; refuses (check) one that is not inside the file. */
int dump_read_range(int fd, uint64_t size, struct dump_range range, uint64_t max, const char *what,
		    struct buffer *ret, struct ukd_error *e) _must_check_;

#define DUMP_HEAD_LEN	    4096u
#define DUMP_NOTES_MAX	    MIB(64) /* PRSTATUS of 4096 CPUs and a vmcoreinfo are below 3 MiB */
#define DUMP_VMCOREINFO_MAX KIB(64) /* the kernel has one page for it, or a few */
#define DUMP_DESCRIPTOR_LEN 24u
