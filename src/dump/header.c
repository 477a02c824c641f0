// SPDX-License-Identifier: GPL-2.0-or-later
/* Which format, and what is common to all: see header.h. */
#include "dump/header.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/vmcoreinfo.h"
#include "util/cleanup.h"

void dump_header_free(struct dump_header *h)
{
	buffer_free(&h->vmcoreinfo);
	free(h->segments);
	*h = (struct dump_header){0};
}

int dump_read_range(int fd, uint64_t size, struct dump_range range, uint64_t max, const char *what,
		    struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r;

	if (range.off > size || range.len > size - range.off)
		return ukd_refuse(e, "dump.truncated", "%s lies beyond the end of the file", what);
	if (range.len > max)
		return ukd_refuse(e, "dump.header",
				  "%s is %" PRIu64 " bytes, more than the %" PRIu64 " allowed",
				  what, range.len, max);
	b.data = malloc(range.len + 1);
	if (!b.data)
		return ukd_oom(e);
	r = fd_pread_full(fd, b.data, range.len, range.off);
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read %s", what);
	b.len = range.len;
	b.data[b.len] = 0;
	*ret = b;
	b = (struct buffer){0};
	return 0;
}

/*
 * Takes a vmcoreinfo, of which a kdump-compressed dump has two. libkdumpfile 0.5.1 believes
 * PAGESIZE and allocates by it, so that a wrong one is refused here.
 */
int dump_header_vmcoreinfo(struct bytes info, struct dump_header *h, struct ukd_error *e)
{
	uint64_t page_size = h->facts.page_size;

	if (info.len > DUMP_VMCOREINFO_MAX)
		return ukd_refuse(e, "dump.notes", "vmcoreinfo is too large");
	vmcoreinfo_u64(info, "PAGESIZE", &page_size);
	if (!is_power_of_two(page_size) || page_size < KIB(4) || page_size > KIB(64) ||
	    (h->facts.format == DUMP_KDUMP && page_size != h->facts.page_size))
		return ukd_refuse(e, "dump.notes", "vmcoreinfo has a page size of %" PRIu64,
				  page_size);
	h->facts.page_size = (uint32_t)page_size;
	if (!info.len || h->vmcoreinfo.len) /* the first one counts */
		return 0;
	h->vmcoreinfo.data = malloc(info.len + 1);
	if (!h->vmcoreinfo.data)
		return ukd_oom(e);
	memcpy(h->vmcoreinfo.data, info.p, info.len);
	h->vmcoreinfo.data[info.len] = 0;
	h->vmcoreinfo.len = info.len;
	return 0;
}

int dump_header_notes(struct bytes notes, struct dump_header *h, struct ukd_error *e)
{
	static const char vmcoreinfo[] = "VMCOREINFO";
	struct bytes name, desc;
	int r = 0;

	for (uint64_t off = 0; r >= 0 && bytes_has(notes, off, 12);) {
		uint64_t namesz = load_le32(notes.p + off), descsz = load_le32(notes.p + off + 4);
		uint32_t type = load_le32(notes.p + off + 8);

		if (!namesz && !descsz) /* the rest of a CPU's page */
			break;
		off += 12;
		if (!bytes_sub(notes, off, namesz, &name) ||
		    !bytes_sub(notes, off + align_up(namesz, 4), descsz, &desc))
			return ukd_refuse(e, "dump.notes", "a note lies beyond its segment");
		off += align_up(namesz, 4) + align_up(descsz, 4);
		if (bytes_start_with(name, "CORE") && type == NT_PRSTATUS)
			h->facts.cpus++;
		if (bytes_start_with(name, vmcoreinfo) && name.len <= sizeof(vmcoreinfo))
			r = dump_header_vmcoreinfo(desc, h, e);
	}
	return r;
}

/* What vmcoreinfo knows better than a header. */
static void take_vmcoreinfo(struct dump_header *h)
{
	struct bytes info = buffer_bytes(&h->vmcoreinfo);
	uint64_t crash_time;
	char release[sizeof(h->facts.release)];

	if (vmcoreinfo_text(info, "OSRELEASE", release, sizeof(release)))
		memcpy(h->facts.release, release, sizeof(release));
	if (vmcoreinfo_u64(info, "CRASHTIME", &crash_time))
		h->facts.crash_time = crash_time;
}

uint64_t dump_next_data(int fd, uint64_t off, uint64_t end)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	if (data < 0) /* only holes follow, or the file system does not know */
		return errno == ENXIO ? end : off;
	return (uint64_t)data < end ? (uint64_t)data : end;
}

/* How much of the file is on disk; all, where the file system does not tell. */
static uint64_t stored_size(int fd, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_blocks <= 0 || (uint64_t)st.st_blocks > size / 512)
		return size;
	return (uint64_t)st.st_blocks * 512;
}

int dump_header_read(int fd, uint64_t size, struct dump_header *ret, struct ukd_error *e)
{
	uint8_t raw[DUMP_HEAD_LEN] = {0};
	struct bytes head = {raw, size < sizeof(raw) ? size : sizeof(raw)};
	_dump_header_ struct dump_header h = {.facts = {.file_size = size, .dump_level = -1}};
	int r = fd_pread_full(fd, raw, head.len, 0);

	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read");
	h.facts.stored = stored_size(fd, size);
	if (!size)
		return ukd_refuse(e, "dump.empty", "the file is empty");
	if (bytes_start_with(head, "KDUMP   "))
		r = dump_header_kdump(fd, size, head, &h, e);
	else if (bytes_start_with(head, "\177ELF"))
		r = dump_header_elf(fd, size, head, &h, e);
	else
		r = ukd_refuse(e, "dump.format", "neither a kdump-compressed nor an ELF dump");
	if (r < 0)
		return r;
	take_vmcoreinfo(&h);
	if (!h.facts.incomplete && !h.facts.pages_present)
		h.facts.incomplete = "no page of memory is in it";
	*ret = h;
	h = (struct dump_header){0};
	return 0;
}
