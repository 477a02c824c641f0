// SPDX-License-Identifier: GPL-2.0-or-later
/* The flattened format: see flattened.h. Numbers in it are big endian. */
#include "capture/flattened.h"

#include <string.h>

#include "base/bytes.h"

#define HEADER_SIZE 4096
#define SIGNATURE   "makedumpfile\0\0\0" /* 16 bytes with the last NUL */

/* 16 bytes are there: the header's signature, a record or the end. */
static void take_head(struct flattened *f)
{
	uint64_t offset = load_be64(f->head), size = load_be64(f->head + 8);

	f->have = 0;
	if (!f->begun) {
		f->begun = !memcmp(f->head, SIGNATURE, sizeof(f->head));
		f->wrong = !f->begun;
		f->skip = HEADER_SIZE - sizeof(f->head);
	} else if (offset == UINT64_MAX && size == UINT64_MAX) {
		f->ended = true;
	} else if (offset > INT64_MAX || size > INT64_MAX) {
		f->wrong = true;
	} else {
		f->skip = size;
		f->records++;
	}
}

void flattened_feed(struct flattened *f, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len && !f->wrong) {
		size_t n = sizeof(f->head) - f->have;

		if (f->ended) {
			f->wrong = true;
			break;
		}
		if (f->skip) {
			n = f->skip < len ? (size_t)f->skip : len;
			f->skip -= n;
		} else {
			n = n < len ? n : len;
			memcpy(f->head + f->have, p, n);
			f->have += (unsigned int)n;
			if (f->have == sizeof(f->head))
				take_head(f);
		}
		p += n;
		len -= n;
	}
}

bool flattened_complete(const struct flattened *f)
{
	return f->ended && !f->wrong;
}

bool flattened_readable(const struct flattened *f)
{
	return f->begun && f->records > 1;
}
