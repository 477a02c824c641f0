/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a crashed machine out of a fuzzer's input: a length (2 bytes), that much vmcoreinfo in
 * front of a good one (the first of equal lines counts), then memory from physical 0, mapped by
 * real page tables that the input may overwrite by naming others in its vmcoreinfo.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dump/vmem.h"
#include "util/cleanup.h"

#define FUZZ_TOP  0x10000000u /* far behind any input */
#define FUZZ_NEXT 0x10001000u

struct fuzz_memory {
	struct bytes mem;
	uint8_t *info;
	struct bytes vmcoreinfo;
	struct vmem m;
};

static int fuzz_read_phys(void *ctx, uint64_t paddr, void *buf, size_t len)
{
	const struct fuzz_memory *f = ctx;
	struct bytes b;

	if (paddr >= FUZZ_TOP && paddr < FUZZ_NEXT && len == 8) {
		store_le64(buf, FUZZ_NEXT | 1);
		return 0;
	}
	if (paddr >= FUZZ_NEXT && paddr < FUZZ_NEXT + 0x1000 && len == 8) {
		store_le64(buf, 0x81); /* every gigabyte is the first one */
		return 0;
	}
	if (!bytes_sub(f->mem, paddr, len, &b))
		return -ENODATA;
	memcpy(buf, b.p, len);
	return 0;
}

/* good: lines behind those of the page table. false: no input. free() info. */
static bool fuzz_memory(const uint8_t *data, size_t size, const char *good, struct fuzz_memory *f)
{
	static const char table[] =
		"\nSYMBOL(init_top_pgt)=ffffffff90000000\nNUMBER(phys_base)=0\n";
	struct bytes in = {data, size}, more;
	struct ukd_error e;
	uint16_t n;

	if (!bytes_le16(in, 0, &n) || !bytes_sub(in, 2, n, &more) ||
	    !bytes_sub(in, 2 + (uint64_t)n, size - 2 - n, &f->mem))
		return false;
	f->vmcoreinfo.len = n + strlen(table) + strlen(good);
	f->info = malloc(f->vmcoreinfo.len);
	memcpy(f->info, more.p, n);
	memcpy(f->info + n, table, strlen(table));
	memcpy(f->info + n + strlen(table), good, strlen(good));
	f->vmcoreinfo.p = f->info;
	f->m = (struct vmem){.read_phys = fuzz_read_phys, .ctx = f};
	return vmem_init(&f->m, f->vmcoreinfo, &e) == 0;
}
