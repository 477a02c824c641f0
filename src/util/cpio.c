// SPDX-License-Identifier: GPL-2.0-or-later
/* cpio archives: see cpio.h. What is read may be hostile. */
#include "util/cpio.h"

#include <inttypes.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/sections.h"
#include "util/parse.h"

#define MAGIC	   "070701"
#define HEADER_LEN 110 /* magic and 13 fields of 8 hexadecimal digits */

static void pad(FILE *out, uint64_t len)
{
	static const char zeros[INITRD_ALIGN];

	(void)fwrite(zeros, 1, align_up(len, INITRD_ALIGN) - len, out);
}

/* mode 0: the trailer */
static void write_entry(FILE *out, unsigned int inode, unsigned int mode, const char *name,
			struct bytes content)
{
	size_t name_size = strlen(name) + 1;
	const unsigned int fields[] = {
		inode,
		mode,
		0,
		0, /* uid, gid */
		1, /* links */
		0, /* time */
		(unsigned int)content.len,
		0,
		0,
		0,
		0, /* device numbers */
		(unsigned int)name_size,
		0, /* checksum: not in this format */
	};

	(void)fputs(MAGIC, out);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)fprintf(out, "%08x", fields[i]);
	(void)fwrite(name, 1, name_size, out);
	pad(out, HEADER_LEN + name_size);
	if (content.len)
		(void)fwrite(content.p, 1, content.len, out);
	pad(out, content.len);
}

void cpio_write_file(FILE *out, const char *path, unsigned int dir_mode, unsigned int mode,
		     struct bytes content)
{
	const struct bytes none = {0};
	unsigned int inode = 1;

	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		char dir[CPIO_PATH_MAX];

		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		write_entry(out, inode++, S_IFDIR | dir_mode, dir, none);
	}
	write_entry(out, inode, S_IFREG | mode, path, content);
	write_entry(out, 0, 0, "TRAILER!!!", none);
}

/* The n-th of the header's fields, which are big-endian once they are bytes. */
static bool header_field(const uint8_t *header, unsigned int n, size_t *ret)
{
	char text[9];
	uint8_t v[4];

	memcpy(text, header + strlen(MAGIC) + (size_t)n * 8, 8);
	text[8] = 0;
	if (!parse_hex(text, v, sizeof(v)))
		return false;
	*ret = (size_t)v[0] << 24 | (size_t)v[1] << 16 | (size_t)v[2] << 8 | v[3];
	return true;
}

bool cpio_find_file(struct bytes archive, const char *path, struct bytes *ret)
{
	size_t off = 0, len, name_size, name;

	for (;;) {
		if (archive.len - off < HEADER_LEN ||
		    memcmp(archive.p + off, MAGIC, strlen(MAGIC)) != 0 ||
		    !header_field(archive.p + off, 6, &len) ||
		    !header_field(archive.p + off, 11, &name_size))
			return false;
		name = off + HEADER_LEN;
		if (!name_size || name_size > archive.len - name || archive.p[name + name_size - 1])
			return false;
		off = align_up(name + name_size, INITRD_ALIGN);
		if (off > archive.len || len > archive.len - off)
			return false;
		if (!strcmp((const char *)archive.p + name, path)) {
			*ret = (struct bytes){archive.p + off, len};
			return true;
		}
		off = align_up(off + len, INITRD_ALIGN);
		if (off > archive.len)
			return false;
	}
}
