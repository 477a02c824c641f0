// SPDX-License-Identifier: GPL-2.0-or-later
/* SBAT: see sbat.h. The text comes from an image or a firmware variable and is untrusted. */
#include "pe/sbat.h"

/* NUL as well: some builders pad .sbat with them, and shim sets the level with and without one. */
static bool is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n' || !c;
}

/* The next line that is not empty. */
static bool next_line(struct sbat *it, struct bytes *ret)
{
	uint64_t from, to;

	while (it->off < it->text.len && is_line_end(it->text.p[it->off]))
		it->off++;
	from = to = it->off;
	while (to < it->text.len && !is_line_end(it->text.p[to]))
		to++;
	it->off = to;
	it->line++;
	*ret = (struct bytes){it->text.p + from, to - from};
	return to > from;
}

/* Takes the first column off the line. False if there is none or it is empty. */
static bool take_column(struct bytes *line, struct bytes *ret)
{
	uint64_t len = 0;

	while (len < line->len && line->p[len] != ',')
		len++;
	*ret = (struct bytes){line->p, len};
	if (len < line->len)
		len++;
	*line = (struct bytes){line->p + len, line->len - len};
	return ret->len > 0;
}

static bool is_printable(struct bytes b)
{
	for (uint64_t i = 0; i < b.len; i++)
		if (b.p[i] <= 0x20 || b.p[i] >= 0x7f)
			return false;
	return true;
}

static bool parse_generation(struct bytes b, uint16_t *ret)
{
	uint32_t v = 0;

	for (uint64_t i = 0; i < b.len; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
		v = v * 10 + (b.p[i] - '0');
		if (v > UINT16_MAX)
			return false;
	}
	*ret = (uint16_t)v;
	return v > 0;
}

int sbat_next(struct sbat *it, struct sbat_entry *ret, struct ukd_error *e)
{
	struct sbat_entry entry = {0};
	struct bytes line, column[SBAT_IMAGE_COLUMNS] = {0};

	if (!next_line(it, &line))
		return 0;
	for (unsigned int i = 0; i < SBAT_IMAGE_COLUMNS; i++)
		if (!take_column(&line, &column[i]) && i < it->columns)
			return ukd_refuse(e, it->check, "SBAT line %u: column %u of %u is missing",
					  it->line, i + 1, it->columns);
	entry.component = column[0];
	entry.third = column[2];
	if (!is_printable(entry.component))
		return ukd_refuse(e, it->check, "SBAT line %u: component is not printable ASCII",
				  it->line);
	if (!parse_generation(column[1], &entry.generation))
		return ukd_refuse(e, it->check,
				  "SBAT line %u: generation is not a number from 1 to 65535",
				  it->line);
	*ret = entry;
	return 1;
}

int sbat_check_image(struct bytes section, struct ukd_error *e)
{
	struct sbat it = {section, SBAT_IMAGE_COLUMNS, "uki.sbat", 0, 0};
	struct sbat_entry entry;
	unsigned int n = 0;
	int r;

	while ((r = sbat_next(&it, &entry, e)) > 0)
		n++;
	if (r >= 0 && !n)
		return ukd_refuse(e, "uki.sbat", "section '.sbat' has no entry");
	return r;
}
