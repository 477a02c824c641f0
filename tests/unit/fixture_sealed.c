// SPDX-License-Identifier: GPL-2.0-or-later
/* The judgement of sealed images: see fixture_sealed.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_sealed.h"

#include "fixture_pe.h"
#include "util/cleanup.h"

int validate(const struct buffer *image, struct sealed_facts *facts, struct ukd_error *e)
{
	_uki_ struct uki u = {0};
	int r = open_and_read(image, &u, e);

	return r < 0 ? r : sealed_validate(&u, facts, e);
}

struct sealed_facts expect_valid(const struct buffer *image)
{
	struct sealed_facts f = {0};
	struct ukd_error e = {0};

	if (validate(image, &f, &e) < 0)
		fail_msg("%s [%s]", e.text, e.check);
	return f;
}

uint32_t at32(const struct buffer *image, uint32_t off)
{
	return load_le32(image->data + off);
}

int assemble_on(const struct buffer *stub, struct buffer *image, struct ukd_error *e)
{
	_buffer_ struct buffer kernel = {0};
	struct image_parts p;

	fixture_kernel_make(&kernel);
	p = fixture_parts(&kernel);
	p.efi_stub = buffer_bytes(stub);
	return image_assemble(&p, image, e);
}
