/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict conversion of text: the whole string must be used up, in range, in no locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Decimal, or hexadecimal with 0x. No sign, no blanks. Returns false, *ret untouched, if wrong. */
bool parse_u64(const char *s, uint64_t *ret) _must_check_;

/* Bytes with an optional suffix K, M, G or T (powers of 1024). */
bool parse_size(const char *s, uint64_t *ret) _must_check_;

/* yes/no, true/false, on/off, 1/0. */
bool parse_bool(const char *s, bool *ret) _must_check_;

/* Exactly len bytes as 2 * len hexadecimal digits of either case; if false, ret is of no use. */
bool parse_hex(const char *s, uint8_t *ret, size_t len) _must_check_;

/* Cuts blanks, tabs and carriage returns off both ends, in place. Returns where the rest begins. */
char *text_trim(char *s);

/* Where the last n lines of a text begin, the last of which may have no newline. */
const char *text_tail(struct bytes text, uint64_t n);

/* Lower-case hexadecimal of b into ret, which holds 2 * b.len + 1 bytes. */
void format_hex(struct bytes b, char *ret);

/* "45.3 MiB" and the like, for people. ret holds FORMAT_SIZE_MAX bytes; returns ret. */
#define FORMAT_SIZE_MAX 32
char *format_size(uint64_t bytes, char ret[FORMAT_SIZE_MAX]);
