/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kexec stub, run on the host: memory as a crash load leaves it (image, boot_params, command
 * line, setup_data, core header), then stub_main(). Link the stub's own sources, too, but not its
 * console.
 */
#pragma once

#include "fixture_seal.h"
#include "stub/stub.h"

/* Offsets in the region, which begins at a multiple of 4 MiB. */
#define REGION	 0xc00000u
#define ELF	 0u /* core header, at the beginning of the crash memory */
#define ELF_LEN	 0x4000u
#define BASE	 0x200000u /* the image: a multiple of 2 MiB, not of 4 MiB */
#define PARAMS	 0x800000u
#define LINE	 0x801000u
#define NODES	 0x802000u
#define KEYS	 0xa00000u
#define KEYS_LEN 0x1000u
#define POISON	 0xaa
#define FOREIGN	 "foreign bytes behind the signed end"

struct world {
	uint8_t *p;  /* the region */
	uint64_t at; /* its address */
	uint8_t *params;
	uint8_t *header; /* the stub's own */
	struct buffer file;
	uint32_t end; /* image offset */
	uint32_t dest;
	unsigned int n_nodes;
};

/* "command line|text" of what the stub said last. */
extern char said[256];

/* An e820 entry, offsets in the region. */
void add_ram(struct world *w, uint64_t from, uint64_t to);

/* What the caller of kexec wrote as the command line. */
void set_line(struct world *w, const char *format, ...) _printf_(2, 3);

/* A sealed image with these flags, loaded by somebody who wrote nothing but the good line. */
void world_make(struct world *w, uint32_t flags);

void world_free(struct world *w);
#define _world_ _cleanup_(world_free)

/* Returns the address of the inner kernel's entry, or 0. */
uint64_t start(struct world *w);
void expect_start(struct world *w);

/* Fails the test unless it says so and has not written a byte. what is for the message. */
void expect_refusal(struct world *w, const char *says, const char *what);

/* The command line that the inner kernel gets. */
const char *inner_line(const struct world *w);
void expect_line(const struct world *w, const char *format, ...) _printf_(2, 3);
