// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Structure of dump files: see dumpcheck.h. The kdump-compressed layout is that of makedumpfile's
 * IMPLEMENTATION and diskdump_mod.h, 64 bit little endian: header (1 block), sub header, two
 * bitmaps, one descriptor per dumped page, data.
 */
#include "capture/dumpcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "capture/budget.h"
#include "capture/elfcore.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"

#define CHUNK		  KIB(256)
#define HEADER_SIZE	  464 /* disk_dump_header up to its task pointers */
#define SUB_HEADER_SIZE	  104
#define DESCRIPTOR_SIZE	  24
#define STATUS_INCOMPLETE 0x8

struct kdump {
	uint64_t block_size;
	uint64_t bitmap_off;
	uint64_t bitmap_len; /* of both bitmaps */
	uint64_t max_mapnr;
	uint32_t status;
};

/* A read that ends early is the finding "truncated", not an I/O error. */
static int read_at(int fd, void *buf, size_t len, uint64_t off, struct ukd_error *e)
{
	int r = fd_pread_full(fd, buf, len, off);

	if (r == -ENODATA)
		return ukd_refuse(e, "dump.truncated", "the dump ends at %llu bytes, before %llu",
				  (unsigned long long)off, (unsigned long long)(off + len));
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read the dump back");
	return 0;
}

static int parse_kdump(struct bytes head, int fd, struct kdump *ret, struct ukd_error *e)
{
	uint32_t block = 0, sub_blocks = 0, bitmap_blocks = 0, mapnr = 0;
	uint8_t sub[SUB_HEADER_SIZE];
	int r;

	if (!bytes_le32(head, 424, &ret->status) || !bytes_le32(head, 428, &block) ||
	    !bytes_le32(head, 432, &sub_blocks) || !bytes_le32(head, 436, &bitmap_blocks) ||
	    !bytes_le32(head, 440, &mapnr))
		return ukd_refuse(e, "dump.truncated", "the dump ends inside its header");
	if (!is_power_of_two(block) || block < 4096 || block > KIB(64))
		return ukd_refuse(e, "dump.header", "block size %u", block);
	if (!sub_blocks || sub_blocks > 1024 || !bitmap_blocks)
		return ukd_refuse(e, "dump.header", "%u sub header and %u bitmap blocks",
				  sub_blocks, bitmap_blocks);
	r = read_at(fd, sub, sizeof(sub), block, e);
	if (r < 0)
		return r;
	ret->block_size = block;
	ret->bitmap_off = (1 + (uint64_t)sub_blocks) * block;
	ret->bitmap_len = (uint64_t)bitmap_blocks * block;
	/* The 32-bit field saturates; makedumpfile >= 1.5.7 writes the 64-bit one too. */
	ret->max_mapnr = load_le64(sub + 96) ? load_le64(sub + 96) : mapnr;
	if (ret->max_mapnr / 8 > ret->bitmap_len / 2)
		return ukd_refuse(e, "dump.header", "bitmaps of %llu bytes for %llu pages",
				  (unsigned long long)ret->bitmap_len,
				  (unsigned long long)ret->max_mapnr);
	return 0;
}

/* Pages with data: the bits of the second bitmap. */
static int count_pages(int fd, const struct kdump *k, uint64_t *ret, struct ukd_error *e)
{
	_free_ uint8_t *chunk = malloc(CHUNK);
	uint64_t off = k->bitmap_off + k->bitmap_len / 2, end = k->bitmap_off + k->bitmap_len;
	uint64_t pages = 0;

	if (!chunk)
		return ukd_oom(e);
	while (off < end) {
		size_t n = end - off < CHUNK ? (size_t)(end - off) : CHUNK;
		int r = read_at(fd, chunk, n, off, e);

		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			pages += (uint64_t)__builtin_popcount(chunk[i]);
		off += n;
	}
	*ret = pages;
	return 0;
}

/* One page descriptor: its data must lie behind the descriptors and inside the file. */
static int check_descriptor(const uint8_t *p, uint64_t i, uint64_t data_off, uint64_t file_size,
			    uint64_t block_size, struct ukd_error *e)
{
	uint64_t off = load_le64(p);
	uint32_t size = load_le32(p + 8);

	bool inside = off <= file_size && size <= file_size - off;

	/* A descriptor that was never written reads as zero in a file with a hole. */
	if (inside && off >= data_off && size && size <= block_size)
		return 0;
	return ukd_refuse(e, inside ? "dump.descriptor" : "dump.truncated",
			  "page descriptor %llu points to %u bytes at %llu of %llu",
			  (unsigned long long)i, size, (unsigned long long)off,
			  (unsigned long long)file_size);
}

static int check_descriptors(int fd, const struct kdump *k, const struct dump_facts *f,
			     struct ukd_error *e)
{
	const uint64_t per_chunk = CHUNK / DESCRIPTOR_SIZE;
	_free_ uint8_t *chunk = malloc(per_chunk * DESCRIPTOR_SIZE);
	uint64_t first = k->bitmap_off + k->bitmap_len;
	uint64_t data_off = first + f->pages * DESCRIPTOR_SIZE;

	if (!chunk)
		return ukd_oom(e);
	for (uint64_t i = 0; i < f->pages;) {
		uint64_t n = f->pages - i < per_chunk ? f->pages - i : per_chunk;
		int r = read_at(fd, chunk, n * DESCRIPTOR_SIZE, first + i * DESCRIPTOR_SIZE, e);

		for (uint64_t d = 0; r == 0 && d < n; d++)
			r = check_descriptor(chunk + d * DESCRIPTOR_SIZE, i + d, data_off, f->size,
					     k->block_size, e);
		if (r < 0)
			return r;
		i += n;
	}
	return 0;
}

static int check_kdump(int fd, struct bytes head, struct dump_facts *f, struct ukd_error *e)
{
	struct kdump k;
	int r = parse_kdump(head, fd, &k, e);

	if (r < 0)
		return r;
	r = count_pages(fd, &k, &f->pages, e);
	if (r < 0)
		return r;
	f->readable = f->pages && f->size / DESCRIPTOR_SIZE > f->pages &&
		      f->size > k.bitmap_off + k.bitmap_len + f->pages * DESCRIPTOR_SIZE;
	if (!f->pages)
		return ukd_refuse(e, "dump.header", "the dump holds no page");
	if (k.status & STATUS_INCOMPLETE)
		return ukd_refuse(e, "dump.incomplete", "makedumpfile marked the dump incomplete");
	return check_descriptors(fd, &k, f, e);
}

static int check_elf(int fd, struct dump_facts *f, struct ukd_error *e)
{
	uint64_t extent;
	int r = elfcore_extent(fd, "the dump", &extent, e);

	if (r < 0)
		return r;
	f->readable = true;
	if (extent > f->size)
		return ukd_refuse(e, "dump.truncated", "%llu of %llu bytes are there",
				  (unsigned long long)f->size, (unsigned long long)extent);
	return 0;
}

int dump_check(int fd, struct dump_facts *ret, struct ukd_error *e)
{
	uint8_t head[HEADER_SIZE] = {0};
	struct stat st;
	int r;

	*ret = (struct dump_facts){0};
	if (fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "cannot read the dump back");
	ret->size = (uint64_t)st.st_size;
	r = read_at(fd, head, sizeof(head), 0, e);
	if (r < 0)
		return r;
	struct bytes b = {head, sizeof(head)};
	if (bytes_start_with(b, "KDUMP   ")) {
		ret->format = DUMP_KDUMP;
		return check_kdump(fd, b, ret, e);
	}
	if (bytes_start_with(b, "\177ELF")) {
		ret->format = DUMP_ELF;
		return check_elf(fd, ret, e);
	}
	return ukd_refuse(e, "dump.signature", "not a dump: it begins with neither KDUMP nor ELF");
}

int dump_hash(int fd, uint64_t end_ms, struct progress *progress, char hex[65], struct ukd_error *e)
{
	_free_ uint8_t *chunk = malloc(CHUNK);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint64_t said_ms = clock_ms();
	struct stat st;
	SHA2_CTX sha;

	if (!chunk)
		return ukd_oom(e);
	if (fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "cannot read the dump back");
	/* After an fsync this makes the pages come from the disk again. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	SHA256Init(&sha);
	for (uint64_t off = 0, size = (uint64_t)st.st_size; off < size;) {
		size_t n = size - off < CHUNK ? (size_t)(size - off) : CHUNK;
		int r = read_at(fd, chunk, n, off, e);

		if (r < 0)
			return r;
		if (clock_ms() > end_ms)
			return ukd_fail(e, -ETIME, "no time left to read the dump back");
		SHA256Update(&sha, chunk, n);
		off += n;
		if (clock_ms() - said_ms >= 1000) {
			said_ms = clock_ms();
			progress_step(progress, off, progress_percent(off, size));
		}
	}
	progress_end(progress, (uint64_t)st.st_size);
	SHA256Final(digest, &sha);
	format_hex((struct bytes){digest, sizeof(digest)}, hex);
	return 0;
}
