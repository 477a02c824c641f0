/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small, valid PE32+ EFI applications for unit tests, made in memory. Failures abort the test. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "pe/uki.h"
#include "util/file.h"

#define FIXTURE_PE_OFFSET      0x80 /* e_lfanew */
#define FIXTURE_OPT_OFFSET     (FIXTURE_PE_OFFSET + 24)
#define FIXTURE_CHECKSUM       (FIXTURE_OPT_OFFSET + 64)
#define FIXTURE_CERTDIR	       (FIXTURE_OPT_OFFSET + 112 + 8 * 4)
#define FIXTURE_SECTION_TABLE  (FIXTURE_OPT_OFFSET + 240)
#define FIXTURE_HEADERS	       0x1000
#define FIXTURE_FILE_ALIGN     0x200
#define FIXTURE_SECTION_HEADER 40

struct fixture_section {
	const char *name;
	const void *data;
	uint32_t len;
	uint32_t flags; /* 0: initialized, readable data */
};

/* Sections in this order, without gaps; the entry point is at the first one's start. */
void fixture_pe_make(const struct fixture_section *sections, unsigned int n, struct buffer *ret);

/* A plain UKI: .text, .sbat, .osrel, .cmdline, .initrd, .linux, each with a few bytes. */
void fixture_uki_make(struct buffer *ret);

/* A plain UKI of .text, .sbat, .osrel, .cmdline, .linux, and these behind them. */
#define FIXTURE_MAX_SECTIONS 64
void fixture_uki_with(const struct fixture_section *more, unsigned int n, struct buffer *ret);

/* An initializer for a section of text. */
#define FIXTURE_SECTION(name, text)             \
	{                                       \
		name, text, sizeof(text) - 1, 0 \
	}

/* File offset of a section's raw data. */
uint32_t fixture_section_offset(const struct buffer *pe, const char *name);

/* Adds one WIN_CERTIFICATE with this content to the end of the certificate table. */
void fixture_attach(struct buffer *pe, struct bytes der);

/* Opens and reads it as the UKI "test". Returns as uki_open() and uki_read(). */
int open_and_read(const struct buffer *pe, struct uki *u, struct ukd_error *e);

/* A memfd with this content. */
int fixture_memfd(struct bytes content);
