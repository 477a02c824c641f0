// SPDX-License-Identifier: GPL-2.0-or-later
/* Plain UKIs for tests: see fixture_plain.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_plain.h"

#include <stdlib.h>
#include <string.h>

#include "fixture_pe.h"
#include "fixture_seal.h"
#include "loader/armed.h"
#include "util/cleanup.h"

#define MAX_SECTIONS 24

#define CUT 16

void plain_kernel_make(struct buffer *ret)
{
	uint8_t *raw_size; /* of its last section, .data */

	fixture_kernel_make(ret);
	raw_size = ret->data + FIXTURE_KERNEL_OPT + 160 + 40 + 16;
	store_le32(raw_size, load_le32(raw_size) - CUT);
	ret->len -= CUT;
}

struct sections {
	struct fixture_section v[MAX_SECTIONS];
	unsigned int n;
};

static void add(struct sections *s, const char *name, const void *data, size_t len, uint32_t flags)
{
	assert_true(s->n < MAX_SECTIONS);
	s->v[s->n++] = (struct fixture_section){name, data, (uint32_t)len, flags};
}

static void add_text(struct sections *s, const char *name, const char *text)
{
	add(s, name, text, strlen(text), 0);
}

void plain_make(const struct tree *t, const char *path, const char *by, enum uki_kind kind,
		const struct fixture_text *sections, unsigned int n)
{
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	bool kernel_due = kind == UKI_PLAIN;
	struct sections s = {.n = 0};

	plain_kernel_make(&k);
	add(&s, ".text", "\xf4\xeb\xfd", 3, PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ);
	add_text(&s, ".sbat", "sbat,1,SBAT Version,sbat,1,https://example.org\n");
	if (kind == UKI_PLAIN)
		add_text(&s, ".osrel", "ID=test\n");
	for (unsigned int i = 0; i < n; i++) {
		if (kernel_due && !strcmp(sections[i].name, ".profile")) {
			add(&s, ".linux", k.data, k.len, 0);
			kernel_due = false;
		}
		add_text(&s, sections[i].name, sections[i].text);
	}
	if (kernel_due)
		add(&s, ".linux", k.data, k.len, 0);
	fixture_pe_make(s.v, s.n, &image);
	if (by) {
		signature_make(&image, by, &der);
		fixture_attach(&image, buffer_bytes(&der));
	}
	tree_write_bytes(t, path, buffer_bytes(&image));
}

void sealed_make(const struct tree *t, const char *path)
{
	image_make(t, path, FIXTURE_CMDLINE, "signer");
}

void expect_armed(const struct tree *t, const char *text)
{
	_free_ char *armed = tree_text(t, ARMED_FILE);

	if (!strstr(armed, text))
		fail_msg("'%s' is not in\n%s", text, armed);
}
