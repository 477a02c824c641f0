/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crashed machine's memory: physical reads from whoever has the pages, and virtual reads of the
 * kernel's address space through its own page tables (x86-64, 4 and 5 levels). Page tables and
 * vmcoreinfo are hostile: a walk has at most five steps and may lead nowhere, never astray here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "util/error.h"

struct vmem {
	/* Reads len bytes at a physical address; 0, or -ENODATA if they are not there. */
	int (*read_phys)(void *ctx, uint64_t paddr, void *buf, size_t len);
	void *ctx;
	/* Private, set by vmem_init(). */
	uint64_t top_table; /* physical address of the top-level table */
	uint64_t sme_mask;  /* AMD SME's bit in entries */
	unsigned int levels;
	uint64_t last_vpage, last_ppage; /* of 4 KiB; a log is read nearly in order */
	bool last_valid;
};

/* Finds the kernel's page table with vmcoreinfo. read_phys and ctx are set by the caller. */
int vmem_init(struct vmem *m, struct bytes vmcoreinfo, struct ukd_error *e) _must_check_;

/* Reads kernel virtual memory. 0, or -ENODATA if something on the way is not in the dump. */
int vmem_read(struct vmem *m, uint64_t vaddr, void *buf, size_t len) _must_check_;
