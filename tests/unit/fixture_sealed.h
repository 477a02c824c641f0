/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judgement of sealed images, without that of their signatures. */
#pragma once

#include "fixture_seal.h"
#include "pe/sealed.h"

#define PM 0x400u /* file offset of image offset 0 */

int validate(const struct buffer *image, struct sealed_facts *facts, struct ukd_error *e);
struct sealed_facts expect_valid(const struct buffer *image);

/* The little-endian word at an offset in the file. */
uint32_t at32(const struct buffer *image, uint32_t off);

/* Seals the fixture's kernel on this EFI stub. */
int assemble_on(const struct buffer *stub, struct buffer *image, struct ukd_error *e);
