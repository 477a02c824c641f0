/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crashed machine's memory: physical from 0, with page tables in front. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "dump/vmem.h"

#define PHYS_SIZE KIB(128)
#define KERNEL	  0xffffffff80000000u
#define TOP	  0x1000u

struct machine {
	uint8_t phys[PHYS_SIZE];
	struct vmem m;
};

struct bytes text_of(const char *s);

/* more: lines of vmcoreinfo in front. test_free() it. */
struct machine *machine_new(const char *more);

/* Maps the first GiB from KERNEL on; what is behind PHYS_SIZE is not in the dump. */
void map_kernel(struct machine *k);

/* Writes an entry of the page table at a physical address; which one a vaddr has at a level. */
void entry(struct machine *k, uint64_t table, uint64_t index, uint64_t value);
uint64_t slot(uint64_t vaddr, unsigned int level);
