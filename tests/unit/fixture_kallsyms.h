/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crashed machine's memory with the symbols of a small kernel. */
#pragma once

#include "dump/kallsyms.h"
#include "fixture_memory.h"

#define COUNT_AT 0x10000u
#define BASE_AT	 0x10008u
#define INDEX_AT 0x10100u
#define NAMES_AT 0x11000u
#define TABLE_AT 0x14000u /* of offsets */
#define TOKEN_AT 0x18000u

#define TEXT  (KERNEL + 0x4000)
#define ETEXT (KERNEL + 0x6000)
#define END   (KERNEL + 0x1f000)

enum form {
	PERCPU, /* 6.0 to 6.14 */
	BASE,	/* to 6.19 */
	PLACE,	/* since 7.0 */
};

/* As scripts/kallsyms.c orders them. In front of a name its type, as in nm(1). */
struct symbol {
	uint64_t address;
	const char *name;
};
#define N 12
extern const struct symbol symbols[N];

uint32_t offset_of(enum form form, uint32_t i);

/* Writes the length of a name of ASCII and the name; returns where it ends. */
uint8_t *put_name(uint8_t *p, const char *name);

/* test_free() it. */
struct machine *machine_with_symbols(enum form form);

/* Its vmcoreinfo, if of form BASE. */
extern const char with_base[];

/* The vmcoreinfo of such a kernel, and its symbols: kallsyms_free() them. */
const char *info_for(enum form form);
struct kallsyms *must_open(struct machine *k, enum form form);
