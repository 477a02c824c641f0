// SPDX-License-Identifier: GPL-2.0-or-later
/* Text to values and back: see parse.h. */
#include "util/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool digit_value(char c, unsigned int base, unsigned int *ret)
{
	unsigned int v;

	if (c >= '0' && c <= '9')
		v = (unsigned int)(c - '0');
	else if (c >= 'a' && c <= 'f')
		v = (unsigned int)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		v = (unsigned int)(c - 'A') + 10;
	else
		return false;
	*ret = v;
	return v < base;
}

bool parse_u64(const char *s, uint64_t *ret)
{
	unsigned int base = 10, d;
	uint64_t v = 0;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++)
		if (!digit_value(*s, base, &d) || mul_overflows(v, (uint64_t)base, &v) ||
		    add_overflows(v, (uint64_t)d, &v))
			return false;
	*ret = v;
	return true;
}

bool parse_size(const char *s, uint64_t *ret)
{
	static const char suffixes[] = "KMGT";
	size_t len = strlen(s);
	const char *suffix = len ? strchr(suffixes, s[len - 1]) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;
	char digits[32];
	uint64_t v;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, s, len + 1);
	if (suffix)
		digits[len - 1] = 0;
	if (!parse_u64(digits, &v) || mul_overflows(v, (uint64_t)1 << shift, &v))
		return false;
	*ret = v;
	return true;
}

bool parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcmp(s, yes[i]) || !strcmp(s, no[i])) {
			*ret = !strcmp(s, yes[i]);
			return true;
		}
	}
	return false;
}

bool parse_hex(const char *s, uint8_t *ret, size_t len)
{
	unsigned int high, low;

	if (strlen(s) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!digit_value(s[2 * i], 16, &high) || !digit_value(s[2 * i + 1], 16, &low))
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

char *text_trim(char *s)
{
	static const char blanks[] = " \t\r";
	size_t n;

	s += strspn(s, blanks);
	for (n = strlen(s); n && strchr(blanks, s[n - 1]); n--)
		s[n - 1] = 0;
	return s;
}

const char *text_tail(struct bytes text, uint64_t n)
{
	const char *s = (const char *)text.p;
	size_t at = text.len;

	if (!n)
		return s + at;
	if (at && s[at - 1] == '\n')
		at--;
	while (at && (s[at - 1] != '\n' || --n))
		at--;
	return s + at;
}

void format_hex(struct bytes b, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (uint64_t i = 0; i < b.len; i++) {
		ret[2 * i] = digits[b.p[i] >> 4];
		ret[2 * i + 1] = digits[b.p[i] & 15];
	}
	ret[2 * b.len] = 0;
}

char *format_size(uint64_t bytes, char ret[FORMAT_SIZE_MAX])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	uint64_t whole = bytes, rest = 0;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(ret, FORMAT_SIZE_MAX, "%" PRIu64 " bytes", bytes);
		return ret;
	}
	for (; whole >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	(void)snprintf(ret, FORMAT_SIZE_MAX, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024,
		       units[unit]);
	return ret;
}
