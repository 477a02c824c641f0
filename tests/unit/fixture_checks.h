/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which checks a test saw fire, held against the names in the sources: a new check without a test
 * that makes it fire fails the test.
 */
#pragma once

#include <stdint.h>

#include "util/error.h"

/* A field that makes a good file bad: little-endian value of width bytes at off. */
struct bad_field {
	const char *name, *check;
	uint32_t off;
	unsigned int width;
	uint64_t value;
};

void put_le(uint8_t *p, unsigned int width, uint64_t value);

/* Fails the test unless r is a refusal by exactly this check. what is for the message. */
void expect_refused(int r, const struct ukd_error *e, const char *check, const char *what);

/*
 * Fails the test unless every check whose name begins with prefix and that the source file (path
 * from the repository's root, where `make` runs the tests) names in ukd_refuse() has been seen.
 */
void expect_all_checks_seen(const char *source, const char *prefix);
