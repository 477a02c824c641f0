/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel log out of the printk ring buffer (kernel/printk/printk_ringbuffer.h, since 5.10).
 * Sizes and offsets come from vmcoreinfo; they, the descriptors and the text are hostile: every
 * number is bounded before use and the loop is capped by the ring's checked size.
 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "dump/vmem.h"
#include "util/error.h"
#include "util/file.h"

#define PRINTK_COUNT_BITS_MAX 21      /* CONFIG_LOG_BUF_SHIFT is at most 25, 32 bytes a record */
#define PRINTK_SIZE_BITS_MAX  31      /* log_buf_len= is at most 2 GiB */
#define PRINTK_TEXT_MAX	      MIB(64) /* of formatted log; what comes later is left out */

struct printk_stats {
	uint64_t records; /* in the text */
	uint64_t lost;	  /* whose memory is not in the dump or makes no sense */
	bool cut;	  /* more than PRINTK_TEXT_MAX */
};

/* As dump_read_log(). */
int printk_read(struct vmem *m, struct bytes vmcoreinfo, struct buffer *ret,
		struct printk_stats *ret_stats, struct ukd_error *e) _must_check_;
