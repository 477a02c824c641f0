// SPDX-License-Identifier: GPL-2.0-or-later
/* Bounded reader: see bytes.h. Trusts nothing but the range it is given. */
#include "base/bytes.h"

uint16_t load_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t load_le32(const void *p)
{
	const uint8_t *b = p;

	return load_le16(b) | (uint32_t)load_le16(b + 2) << 16;
}

uint64_t load_le64(const void *p)
{
	const uint8_t *b = p;

	return load_le32(b) | (uint64_t)load_le32(b + 4) << 32;
}

uint64_t load_be64(const void *p)
{
	return __builtin_bswap64(load_le64(p));
}

void store_le16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

void store_le32(void *p, uint32_t v)
{
	uint8_t *b = p;

	store_le16(b, (uint16_t)v);
	store_le16(b + 2, (uint16_t)(v >> 16));
}

void store_le64(void *p, uint64_t v)
{
	uint8_t *b = p;

	store_le32(b, (uint32_t)v);
	store_le32(b + 4, (uint32_t)(v >> 32));
}

bool bytes_sub(struct bytes b, uint64_t off, uint64_t len, struct bytes *ret)
{
	if (!bytes_has(b, off, len))
		return false;
	*ret = (struct bytes){b.p + off, len};
	return true;
}

bool bytes_le16(struct bytes b, uint64_t off, uint16_t *ret)
{
	if (!bytes_has(b, off, sizeof(*ret)))
		return false;
	*ret = load_le16(b.p + off);
	return true;
}

bool bytes_le32(struct bytes b, uint64_t off, uint32_t *ret)
{
	if (!bytes_has(b, off, sizeof(*ret)))
		return false;
	*ret = load_le32(b.p + off);
	return true;
}

bool bytes_le64(struct bytes b, uint64_t off, uint64_t *ret)
{
	if (!bytes_has(b, off, sizeof(*ret)))
		return false;
	*ret = load_le64(b.p + off);
	return true;
}

bool bytes_all_zero(struct bytes b)
{
	for (uint64_t i = 0; i < b.len; i++)
		if (b.p[i])
			return false;
	return true;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (uint64_t i = 0; i < a.len; i++)
		if (a.p[i] != b.p[i])
			return false;
	return true;
}

bool bytes_start_with(struct bytes b, const char *prefix)
{
	uint64_t i;

	for (i = 0; prefix[i]; i++)
		if (i >= b.len || b.p[i] != (uint8_t)prefix[i])
			return false;
	return true;
}
