// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct bytes text_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static int read_phys(void *ctx, uint64_t paddr, void *buf, size_t len)
{
	struct machine *k = ctx;

	if (paddr > PHYS_SIZE || len > PHYS_SIZE - paddr)
		return -ENODATA;
	memcpy(buf, k->phys + paddr, len);
	return 0;
}

void entry(struct machine *k, uint64_t table, uint64_t index, uint64_t value)
{
	store_le64(k->phys + table + index * 8, value);
}

uint64_t slot(uint64_t vaddr, unsigned int level)
{
	return vaddr >> (12 + 9 * (level - 1)) & 511;
}

struct machine *machine_new(const char *more)
{
	struct machine *k = test_calloc(1, sizeof(*k));
	char info[512];
	struct ukd_error e;

	snprintf(info, sizeof(info),
		 "%sSYMBOL(init_top_pgt)=ffffffff9a001000\nNUMBER(phys_base)=%d\n", more,
		 -0x1a000000);
	k->m = (struct vmem){.read_phys = read_phys, .ctx = k};
	assert_int_equal(vmem_init(&k->m, text_of(info), &e), 0);
	assert_int_equal(k->m.top_table, TOP);
	return k;
}

void map_kernel(struct machine *k)
{
	entry(k, TOP, slot(KERNEL, 4), 0x2000 | 1);
	entry(k, 0x2000, slot(KERNEL, 3), 0 | 0x81);
}
