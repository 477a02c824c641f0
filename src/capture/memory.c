// SPDX-License-Identifier: GPL-2.0-or-later
/* Peak memory: see memory.h. */
#include "capture/memory.h"

#include <string.h>

#include "util/parse.h"

/* The value in bytes of a line "NAME:   N kB". */
static bool meminfo_value(const char *text, const char *name, uint64_t *ret)
{
	size_t n = strlen(name);
	char digits[24];

	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t len;

		line += *line == '\n';
		if (strncmp(line, name, n) || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " ");
		len = strspn(line, "0123456789");
		if (len >= sizeof(digits))
			return false;
		memcpy(digits, line, len);
		digits[len] = 0;
		return parse_u64(digits, ret) && !mul_overflows(*ret, (uint64_t)1024, ret);
	}
	return false;
}

void memory_sample(struct memory_watch *m, const struct root *root)
{
	_buffer_ struct buffer b = {0};
	uint64_t total, available;
	struct ukd_error e;

	if (root_read(root, "/proc/meminfo", KIB(64), &b, &e) < 0)
		return;
	if (!meminfo_value((char *)b.data, "MemTotal", &total))
		return;
	if (!meminfo_value((char *)b.data, "MemAvailable", &available) &&
	    !meminfo_value((char *)b.data, "MemFree", &available))
		return;
	if (!m->total || available < m->lowest)
		m->lowest = available;
	m->total = total;
}

uint64_t memory_peak(const struct memory_watch *m)
{
	return m->total > m->lowest ? m->total - m->lowest : 0;
}
