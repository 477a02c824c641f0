// SPDX-License-Identifier: GPL-2.0-or-later
/* Why it crashed, by the words of the kernel log: see dump_panic_text(). */
#include <string.h>

#include "dump/dump.h"

/* In order of preference; the last line that has the first of them is taken. */
static const char *const reasons[] = {
	"Kernel panic - not syncing: ", "BUG: ",  "kernel BUG at ", "Unable to handle kernel ",
	"general protection fault",	"Oops: ", "Machine check",  "sysrq: Trigger a crash",
};

/* The last line that contains words. */
static bool last_line(struct bytes log, const char *words, struct bytes *ret)
{
	bool found = false;

	for (uint64_t off = 0; off < log.len;) {
		const uint8_t *line = log.p + off;
		const uint8_t *end = memchr(line, '\n', log.len - off);
		uint64_t len = end ? (uint64_t)(end - line) : log.len - off;

		if (memmem(line, len, words, strlen(words))) {
			*ret = (struct bytes){line, len};
			found = true;
		}
		off += len + 1;
	}
	return found;
}

/* Behind "[    1.234567] ". */
static struct bytes without_time(struct bytes line)
{
	const uint8_t *end = line.len && line.p[0] == '[' ? memchr(line.p, ']', line.len) : NULL;
	uint64_t n = end ? (uint64_t)(end - line.p) + 1 : 0;

	if (n < line.len && line.p[n] == ' ')
		n++;
	return (struct bytes){line.p + n, line.len - n};
}

void dump_panic_text(struct bytes log, char ret[DUMP_PANIC_MAX])
{
	struct bytes line;

	ret[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!last_line(log, reasons[i], &line))
			continue;
		line = without_time(line);
		if (line.len >= DUMP_PANIC_MAX)
			line.len = DUMP_PANIC_MAX - 1;
		memcpy(ret, line.p, line.len);
		ret[line.len] = 0;
		return;
	}
}
