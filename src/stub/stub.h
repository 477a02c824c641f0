/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kexec stub: what a sealed UKI's 64-bit boot-protocol entry runs (docs/UKI.md).
 *
 * It is entered with identity-mapped memory, so a physical address is a pointer; the unit tests
 * use that, too: they lay out an image in ordinary memory and call stub_main(). It works in two
 * steps: stub_plan() reads and checks everything and writes nothing, stub_apply() cannot fail.
 */
#pragma once

#include "base/bootproto.h"
#include "base/sealed.h"

#define STUB_TOKEN_MAX	    64 /* one token of the kernel's, with a NUL */
#define STUB_MAX_SETUP_DATA 32

struct stub_plan {
	uint64_t base;
	uint8_t *boot_params;
	struct setup_header outer; /* from boot_params: what the running kernel read */
	struct setup_header inner;
	struct sealed_parts parts;
	struct sealed_layout layout;
	/* Tokens that the running kernel put in front and that are kept, each "name=0x..." */
	char elfcorehdr[STUB_TOKEN_MAX];
	char dmcryptkeys[STUB_TOKEN_MAX];
};

/*
 * base: where image offset 0 was loaded; boot_params: as the running kernel prepared it; header:
 * the stub's own, STUB_HEADER_LEN bytes. Returns NULL, or why the start is refused; ret->base and
 * ret->parts are then valid if ret->parts.cmdline.len is not zero.
 */
const char *stub_plan(uint64_t base, uint64_t boot_params, const uint8_t *header,
		      struct stub_plan *ret) _must_check_;

/* Does what the plan says. */
void stub_apply(const struct stub_plan *plan);

/* Returns the address of the inner kernel's 64-bit entry, or 0 if the start is refused. */
uint64_t stub_main(uint64_t base, uint64_t boot_params, const uint8_t *header);

/*
 * Is this a crash start (crash.c)? Copies the tokens that the kernel put in front of the command
 * line at boot_params' cmd_line_ptr. want_keys: sealed with SEALED_KEEP_DMCRYPTKEYS; plan: base
 * and outer are read, the tokens written. Returns NULL, or why it is not.
 */
const char *stub_crash_tokens(const uint8_t *boot_params, uint32_t cmdline_size, bool want_keys,
			      struct stub_plan *plan) _must_check_;

/* 32 bits at lo and 32 more at hi, as boot_params splits addresses. */
static inline uint64_t split_address(const uint8_t *boot_params, uint32_t lo, uint32_t hi)
{
	return load_le32(boot_params + lo) | (uint64_t)load_le32(boot_params + hi) << 32;
}

/*
 * Tells why a start is refused on the serial port that the signed command line names with
 * ukdump.stubcon=PORT; says nothing without it. Bounded polling. (console.c)
 */
void stub_say(struct bytes signed_cmdline, const char *text);
