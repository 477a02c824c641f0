// SPDX-License-Identifier: GPL-2.0-or-later
/* Lookups in vmcoreinfo: see vmcoreinfo.h. The text may be anything, NUL bytes included. */
#include "dump/vmcoreinfo.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

/* The bytes behind "key=" of the first line that starts so. */
static bool find_value(struct bytes info, const char *key, struct bytes *ret)
{
	size_t n = strlen(key);

	for (uint64_t off = 0; off < info.len;) {
		const uint8_t *line = info.p + off;
		const uint8_t *end = memchr(line, '\n', info.len - off);
		uint64_t len = end ? (uint64_t)(end - line) : info.len - off;

		if (len > n && !memcmp(line, key, n) && line[n] == '=') {
			*ret = (struct bytes){line + n + 1, len - n - 1};
			return true;
		}
		off += len + 1;
	}
	return false;
}

bool vmcoreinfo_text(struct bytes info, const char *key, char *ret, size_t size)
{
	struct bytes value = {0};
	bool found = find_value(info, key, &value);
	size_t n = value.len < size - 1 ? (size_t)value.len : size - 1;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = value.p[i];

		ret[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	ret[n] = 0;
	return found;
}

bool vmcoreinfo_u64(struct bytes info, const char *key, uint64_t *ret)
{
	char text[32];

	return vmcoreinfo_text(info, key, text, sizeof(text)) && parse_u64(text, ret);
}

bool vmcoreinfo_symbol(struct bytes info, const char *name, uint64_t *ret)
{
	char key[96], text[32] = "0x";

	(void)snprintf(key, sizeof(key), "SYMBOL(%s)", name);
	return vmcoreinfo_text(info, key, text + 2, sizeof(text) - 2) && parse_u64(text, ret);
}

bool vmcoreinfo_number(struct bytes info, const char *name, int64_t *ret)
{
	char key[96], text[32];
	bool negative;
	uint64_t v;

	(void)snprintf(key, sizeof(key), "NUMBER(%s)", name);
	if (!vmcoreinfo_text(info, key, text, sizeof(text)))
		return false;
	negative = text[0] == '-';
	if (!parse_u64(text + negative, &v))
		return false;
	*ret = (int64_t)(negative ? -v : v);
	return true;
}
