/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one bounded reader for bytes that come from a file, a dump, firmware or the network.
 *
 * A struct bytes is a borrowed range. Every access states offset and length and is checked
 * against it; integers are assembled byte by byte, so that alignment and host byte order never
 * matter and no struct is laid over foreign data. Compiles freestanding: the kexec stub uses it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

struct bytes {
	const uint8_t *p;
	uint64_t len;
};

/* Loads and stores, little-endian and (be) big-endian; the caller has checked the range. */
uint16_t load_le16(const void *p);
uint32_t load_le32(const void *p);
uint64_t load_le64(const void *p);
uint64_t load_be64(const void *p);
void store_le16(void *p, uint16_t v);
void store_le32(void *p, uint32_t v);
void store_le64(void *p, uint64_t v);

/* True if [off, off + len) lies inside b; no sum can overflow. */
static inline bool bytes_has(struct bytes b, uint64_t off, uint64_t len)
{
	return off <= b.len && len <= b.len - off;
}

/* The sub-range [off, off + len) of b. Returns false, *ret untouched, if it is not inside. */
bool bytes_sub(struct bytes b, uint64_t off, uint64_t len, struct bytes *ret) _must_check_;

/* Bounded little-endian loads. Return false, *ret untouched, if the integer is not inside b. */
bool bytes_le16(struct bytes b, uint64_t off, uint16_t *ret) _must_check_;
bool bytes_le32(struct bytes b, uint64_t off, uint32_t *ret) _must_check_;
bool bytes_le64(struct bytes b, uint64_t off, uint64_t *ret) _must_check_;

/* True if every byte is zero (an empty range is). */
bool bytes_all_zero(struct bytes b);

/* True if a and b have the same length and content. */
bool bytes_equal(struct bytes a, struct bytes b);

/* True if b begins with the NUL-terminated prefix. */
bool bytes_start_with(struct bytes b, const char *prefix);

/* Smallest multiple of align (a power of two) that is >= v. The caller excludes overflow. */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline bool is_power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}
