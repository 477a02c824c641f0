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
#define TRAILER	   "TRAILER!!!"
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
	write_entry(out, 0, 0, TRAILER, none);
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

struct entry {
	const char *name; /* without "./" in front */
	struct bytes content;
};

/* The entry at *off, which is behind it then; false: there is none. */
static bool next_entry(struct bytes archive, size_t *off, struct entry *ret)
{
	size_t len, name_size, name = *off + HEADER_LEN, at;

	if (archive.len - *off < HEADER_LEN ||
	    memcmp(archive.p + *off, MAGIC, strlen(MAGIC)) != 0 ||
	    !header_field(archive.p + *off, 6, &len) ||
	    !header_field(archive.p + *off, 11, &name_size))
		return false;
	if (!name_size || name_size > archive.len - name || archive.p[name + name_size - 1])
		return false;
	at = align_up(name + name_size, INITRD_ALIGN);
	if (at > archive.len || len > archive.len - at)
		return false;
	ret->name = (const char *)archive.p + name;
	ret->name += strncmp(ret->name, "./", 2) ? 0 : 2;
	ret->content = (struct bytes){archive.p + at, len};
	at = align_up(at + len, INITRD_ALIGN);
	*off = at < archive.len ? at : archive.len;
	return true;
}

bool cpio_find_file(struct bytes archive, const char *path, struct bytes *ret)
{
	struct entry entry;

	for (size_t off = 0; next_entry(archive, &off, &entry);) {
		if (!strcmp(entry.name, path)) {
			*ret = entry.content;
			return true;
		}
	}
	return false;
}

size_t cpio_length(struct bytes archive)
{
	struct entry entry;

	for (size_t off = 0; next_entry(archive, &off, &entry);)
		if (!strcmp(entry.name, TRAILER))
			return off;
	return 0;
}
