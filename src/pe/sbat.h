/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SBAT (rhboot/shim, SBAT.md): comma-separated lines of components and their generations, in an
 * image's .sbat section and, shorter, in the machine's SBAT level.
 *
 *	struct sbat it = {.text = section, .columns = SBAT_IMAGE_COLUMNS, .check = "uki.sbat"};
 *	while ((r = sbat_next(&it, &entry, e)) > 0) ...
 */
#pragma once

#include "base/bytes.h"
#include "util/error.h"

#define SBAT_IMAGE_COLUMNS 6 /* component, generation, vendor, package, version, URL */
#define SBAT_LEVEL_COLUMNS 2 /* component, generation; the line "sbat" has a date, too */

struct sbat {
	struct bytes text;    /* these three set by the caller; all else zero */
	unsigned int columns; /* that a line must have; further ones are no matter */
	const char *check;    /* what refusals are called */
	uint64_t off;
	unsigned int line;
};

struct sbat_entry {
	struct bytes component; /* printable ASCII */
	uint16_t generation;
	struct bytes third; /* vendor, or the level's date; empty if there is none */
};

/*
 * 1 with the next entry, 0 at the end, or refused. As shim reads it (csv.c, sbat.c): a line ends
 * with CR, LF or NUL, empty ones do not count, a column too few or an empty one is an error.
 * Stricter: shim takes the generation by atoi() into 16 bits, here it must be a decimal number from
 * 1 to 65535, so that no two readers can see two numbers.
 */
int sbat_next(struct sbat *it, struct sbat_entry *ret, struct ukd_error *e) _must_check_;

/* Reads the whole of an image's .sbat. Refuses (check "uki.sbat") a malformed or empty one. */
int sbat_check_image(struct bytes section, struct ukd_error *e) _must_check_;
