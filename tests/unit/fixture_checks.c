// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks that fired: see fixture_checks.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_checks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/file.h"

static char seen[128][32];
static unsigned int n_seen;

static bool was_seen(const char *name, size_t len)
{
	for (unsigned int i = 0; i < n_seen; i++)
		if (strlen(seen[i]) == len && !memcmp(seen[i], name, len))
			return true;
	return false;
}

void put_le(uint8_t *p, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

void expect_refused(int r, const struct ukd_error *e, const char *check, const char *what)
{
	if (r >= 0)
		fail_msg("%s: not refused, expected %s", what, check);
	if (strcmp(e->check, check) != 0)
		fail_msg("%s: refused by '%s' (%s), expected '%s'", what, e->check, e->text, check);
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(e->code, r);
	assert_true(e->text[0]);
	if (was_seen(e->check, strlen(e->check)))
		return;
	assert_true(n_seen < ARRAY_SIZE(seen));
	strcpy(seen[n_seen++], e->check);
}

void expect_all_checks_seen(const char *source, const char *prefix)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error e = {0};
	unsigned int n = 0;

	if (file_read(AT_FDCWD, source, MIB(1), &text, &e) < 0)
		fail_msg("%s (run from the repository's root)", e.text);
	for (const char *at = strstr((char *)text.data, "ukd_refuse("); at;
	     at = strstr(at + 1, "ukd_refuse(")) {
		const char *name = strchr(at, '"') + 1;
		size_t len = strcspn(name, "\"");

		if (strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		n++;
		if (!was_seen(name, len))
			fail_msg("%s: no test makes '%.*s' fire", source, (int)len, name);
	}
	assert_true(n > 0);
}
