// SPDX-License-Identifier: GPL-2.0-or-later
/* The printk ring reader; input as in memory.h. */
#include "memory.h"

#include "dump/dump.h"
#include "dump/printk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good_info[] =
	"SYMBOL(prb)=ffffffff80000000\nSIZE(printk_ringbuffer)=80\n"
	"OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=40\n"
	"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
	"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
	"OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
	"OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
	"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
	"OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
	"OFFSET(prb_data_ring.data)=8\nOFFSET(atomic_long_t.counter)=0\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_buffer_ struct buffer log = {0};
	struct fuzz_memory f = {0};
	struct printk_stats stats;
	struct ukd_error e = {0};

	if (fuzz_memory(data, size, good_info, &f))
		(void)!printk_read(&f.m, f.vmcoreinfo, &log, &stats, &e);
	free(f.info);
	return 0;
}
