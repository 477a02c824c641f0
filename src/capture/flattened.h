/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows makedumpfile's flattened format (-F) as it passes: a header of 4096 bytes, records of
 * {offset, size, data}, an end marker. What lacks the marker was cut, whatever the exit status of
 * the program that wrote it says. Nothing but the ends of records is looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flattened {
	uint8_t head[16]; /* of the header, or of a record */
	unsigned int have;
	uint64_t skip; /* bytes until the next head */
	uint64_t records;
	bool begun; /* the signature was there */
	bool ended; /* the end marker was there */
	bool wrong; /* not this format, or bytes behind the end */
};

/* Starts with a zeroed struct. */
void flattened_feed(struct flattened *f, const void *data, size_t len);

bool flattened_complete(const struct flattened *f);

/* There is something to read, even if the rest is missing. */
bool flattened_readable(const struct flattened *f);
