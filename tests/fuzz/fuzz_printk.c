// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The printk ring reader. Input: a length (2 bytes), that much vmcoreinfo in front of a good one
 * (the first of equal lines counts), then memory from physical 0, mapped by real page tables that
 * the input may overwrite by naming others in its vmcoreinfo.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/dump.h"
#include "dump/vmem.h"
#include "dump/printk.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOP  0x10000000u /* far behind any input */
#define NEXT 0x10001000u

static const char good_info[] =
	"\nSYMBOL(init_top_pgt)=ffffffff90000000\nNUMBER(phys_base)=0\n"
	"SYMBOL(prb)=ffffffff80000000\nSIZE(printk_ringbuffer)=80\n"
	"OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=40\n"
	"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
	"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
	"OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
	"OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
	"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
	"OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
	"OFFSET(prb_data_ring.data)=8\nOFFSET(atomic_long_t.counter)=0\n";

static int read_phys(void *ctx, uint64_t paddr, void *buf, size_t len)
{
	const struct bytes *mem = ctx;
	struct bytes b;

	if (paddr >= TOP && paddr < NEXT && len == 8) {
		store_le64(buf, NEXT | 1);
		return 0;
	}
	if (paddr >= NEXT && paddr < NEXT + 0x1000 && len == 8) {
		store_le64(buf, 0x81); /* every gigabyte is the first one */
		return 0;
	}
	if (!bytes_sub(*mem, paddr, len, &b))
		return -ENODATA;
	memcpy(buf, b.p, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size}, more, mem;
	_buffer_ struct buffer log = {0};
	struct ukd_error e = {0};
	struct printk_stats stats;
	uint16_t n;

	if (!bytes_le16(in, 0, &n) || !bytes_sub(in, 2, n, &more) ||
	    !bytes_sub(in, 2 + (uint64_t)n, size - 2 - n, &mem))
		return 0;
	_free_ uint8_t *info = malloc(n + sizeof(good_info));
	struct vmem m = {.read_phys = read_phys, .ctx = &mem};

	memcpy(info, more.p, n);
	memcpy(info + n, good_info, sizeof(good_info) - 1);
	struct bytes vmcoreinfo = {info, n + sizeof(good_info) - 1};
	if (vmem_init(&m, vmcoreinfo, &e) == 0)
		(void)!printk_read(&m, vmcoreinfo, &log, &stats, &e);
	return 0;
}
