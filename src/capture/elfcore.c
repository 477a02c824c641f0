// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF cores: see elfcore.h. Offsets and counts come from the file and are checked at each use. */
#include "capture/elfcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/parse.h"

#define EHDR_SIZE 64
#define PHDR_SIZE 56
#define NOTES_MAX MIB(8)   /* about 400 bytes per CPU, plus VMCOREINFO */
#define PHDRS_MAX KIB(512) /* the kernel makes one per memory range */

struct segment {
	uint32_t type;
	uint64_t off;
	uint64_t size;
};

/* Reads [off, off + len) of fd into fresh memory. */
static int read_range(int fd, const char *name, uint64_t off, uint64_t len, struct buffer *ret,
		      struct ukd_error *e)
{
	_free_ uint8_t *data = malloc(len + 1);
	int r;

	if (!data)
		return ukd_oom(e);
	r = fd_pread_full(fd, data, len, off);
	if (r == -ENODATA)
		return ukd_refuse(e, "vmcore.truncated", "%s: ends inside its headers", name);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s", name);
	data[len] = 0;
	*ret = (struct buffer){take_ptr(&data), len};
	return 0;
}

static int read_program_headers(int fd, const char *name, struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer head = {0};
	uint64_t phoff = 0;
	uint16_t type = 0, phentsize = 0, phnum = 0;
	int r = read_range(fd, name, 0, EHDR_SIZE, &head, e);

	if (r < 0)
		return r;
	struct bytes b = buffer_bytes(&head);
	if (!bytes_start_with(b, ELFMAG) || b.p[EI_CLASS] != ELFCLASS64 ||
	    b.p[EI_DATA] != ELFDATA2LSB)
		return ukd_refuse(e, "vmcore.elf", "%s: not a 64-bit little-endian ELF file", name);
	if (!bytes_le16(b, 16, &type) || !bytes_le64(b, 32, &phoff) ||
	    !bytes_le16(b, 54, &phentsize) || !bytes_le16(b, 56, &phnum) || type != ET_CORE)
		return ukd_refuse(e, "vmcore.elf", "%s: not an ELF core", name);
	if (phentsize != PHDR_SIZE || !phnum || (uint64_t)phnum * PHDR_SIZE > PHDRS_MAX)
		return ukd_refuse(e, "vmcore.phdr", "%s: %u program headers of %u bytes", name,
				  phnum, phentsize);
	return read_range(fd, name, phoff, (uint64_t)phnum * PHDR_SIZE, ret, e);
}

/* Program header i; false behind the last. */
static bool segment_at(struct bytes phdrs, uint64_t i, struct segment *ret)
{
	uint64_t off = i * PHDR_SIZE;

	return bytes_le32(phdrs, off, &ret->type) && bytes_le64(phdrs, off + 8, &ret->off) &&
	       bytes_le64(phdrs, off + 32, &ret->size);
}

int elfcore_extent(int fd, const char *name, uint64_t *ret, struct ukd_error *e)
{
	_buffer_ struct buffer phdrs = {0};
	uint64_t extent = 0, end;
	struct segment s;
	int r = read_program_headers(fd, name, &phdrs, e);

	if (r < 0)
		return r;
	for (uint64_t i = 0; segment_at(buffer_bytes(&phdrs), i, &s); i++) {
		if (add_overflows(s.off, s.size, &end))
			return ukd_refuse(e, "vmcore.phdr", "%s: segment %llu has no end", name,
					  (unsigned long long)i);
		if (end > extent)
			extent = end;
	}
	*ret = extent;
	return 0;
}

/* The note called VMCOREINFO in a PT_NOTE segment. False if there is none, or notes are broken. */
static bool find_vmcoreinfo(struct bytes notes, struct bytes *ret)
{
	static const struct bytes wanted = {(const uint8_t *)"VMCOREINFO", 11};
	uint64_t off = 0;

	for (;;) {
		uint32_t namesz, descsz;
		struct bytes name, desc;

		if (!bytes_le32(notes, off, &namesz) || !bytes_le32(notes, off + 4, &descsz))
			return false;
		off += 12;
		if (!bytes_sub(notes, off, namesz, &name))
			return false;
		off += align_up(namesz, 4);
		if (!bytes_sub(notes, off, descsz, &desc))
			return false;
		off += align_up(descsz, 4);
		if (bytes_equal(name, wanted)) {
			*ret = desc;
			return true;
		}
	}
}

/* Copies the value of the line "key=value". False if there is no such line. */
static bool info_value(struct bytes info, const char *key, char *ret, size_t size)
{
	size_t keylen = strlen(key), n = 0;

	for (uint64_t off = 0; off < info.len; off++) {
		struct bytes rest = {info.p + off, info.len - off};

		if ((off && info.p[off - 1] != '\n') || !bytes_start_with(rest, key))
			continue;
		for (off += keylen; off < info.len && n + 1 < size; off++) {
			uint8_t c = info.p[off];

			if (c == '\n')
				break;
			ret[n++] = c > 0x20 && c < 0x7f ? (char)c : '?';
		}
		ret[n] = 0;
		return true;
	}
	return false;
}

static void fill(struct bytes info, struct crash *ret)
{
	char seconds[24];
	uint64_t t;

	(void)info_value(info, "OSRELEASE=", ret->release, sizeof(ret->release));
	/* Later than the year 9999 is garbage. */
	if (info_value(info, "CRASHTIME=", seconds, sizeof(seconds)) && parse_u64(seconds, &t) &&
	    t < 253402300800)
		ret->time = t;
}

static int read_vmcoreinfo(int fd, const char *name, struct crash *ret, struct ukd_error *e)
{
	_buffer_ struct buffer phdrs = {0};
	struct segment s;
	int r = read_program_headers(fd, name, &phdrs, e);

	if (r < 0)
		return r;
	for (uint64_t i = 0; segment_at(buffer_bytes(&phdrs), i, &s); i++) {
		_buffer_ struct buffer notes = {0};
		struct bytes info;

		if (s.type != PT_NOTE || s.size > NOTES_MAX)
			continue;
		r = read_range(fd, name, s.off, s.size, &notes, e);
		if (r < 0)
			return r;
		if (!find_vmcoreinfo(buffer_bytes(&notes), &info))
			continue;
		fill(info, ret);
		return 0;
	}
	return ukd_refuse(e, "vmcore.vmcoreinfo", "%s: has no VMCOREINFO note", name);
}

int crash_read(const struct root *root, struct crash *ret, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, "/proc/vmcore", O_RDONLY);
	struct stat st;

	*ret = (struct crash){0};
	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s/proc/vmcore", root->path);
	/* The kernel tells the real size of /proc/vmcore, unlike that of other files there. */
	if (fstat(fd, &st) == 0)
		ret->size = (uint64_t)st.st_size;
	return read_vmcoreinfo(fd, "/proc/vmcore", ret, e);
}
