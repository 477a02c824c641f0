// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes cpio archives: see cpio.h. */
#include "loader/cpio.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sections.h"

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

	(void)fputs("070701", out);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)fprintf(out, "%08x", fields[i]);
	(void)fwrite(name, 1, name_size, out);
	pad(out, HEADER_LEN + name_size);
	if (content.len)
		(void)fwrite(content.p, 1, content.len, out);
	pad(out, content.len);
}

void cpio_write_extra(FILE *out, const char *name, struct bytes content)
{
	const struct bytes none = {0};
	char path[64];

	(void)snprintf(path, sizeof(path), ".extra/%s", name);
	write_entry(out, 1, S_IFDIR | 0555, ".extra", none);
	write_entry(out, 2, S_IFREG | 0444, path, content);
	write_entry(out, 0, 0, "TRAILER!!!", none);
}
