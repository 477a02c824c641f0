// SPDX-License-Identifier: GPL-2.0-or-later
/* The printk ring buffer: see printk.h. */
#include "dump/printk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/vmcoreinfo.h"
#include "util/cleanup.h"

/* A descriptor's state_var: two bits of state above the id (64-bit kernels). */
#define STATE_SHIFT	62
#define ID_MASK		(((uint64_t)1 << STATE_SHIFT) - 1)
#define STATE_COMMITTED 1
#define STATE_FINALIZED 2

#define STRUCT_MAX	1024 /* no structure of the ring is near that large */
#define LPOS_NO_DATA	1    /* bit 0 of a position: the record has no text block, */
#define LPOS_EMPTY_LINE 3    /* because it is an empty line; else there was no room for it */

/* Offsets and sizes within the ring's structures, all from vmcoreinfo. */
struct layout {
	uint64_t rb_size, rb_desc_ring, rb_text_ring;
	uint64_t dr_count_bits, dr_descs, dr_infos, dr_head_id, dr_tail_id;
	uint64_t desc_size, desc_state, desc_lpos;
	uint64_t lpos_begin, lpos_next;
	uint64_t info_size, info_ts, info_text_len;
	uint64_t tr_size_bits, tr_data;
	uint64_t atomic_counter;
};

struct ring {
	struct layout l;
	struct vmem *m;
	unsigned int count_bits, size_bits;
	uint64_t descs, infos, data; /* virtual addresses */
	uint64_t head_id, tail_id;
};

static const struct {
	const char *key;
	size_t field;
} layout_keys[] = {
#define KEY(name, field)                             \
	{                                            \
		name, offsetof(struct layout, field) \
	}
	KEY("SIZE(printk_ringbuffer)", rb_size),
	KEY("OFFSET(printk_ringbuffer.desc_ring)", rb_desc_ring),
	KEY("OFFSET(printk_ringbuffer.text_data_ring)", rb_text_ring),
	KEY("OFFSET(prb_desc_ring.count_bits)", dr_count_bits),
	KEY("OFFSET(prb_desc_ring.descs)", dr_descs),
	KEY("OFFSET(prb_desc_ring.infos)", dr_infos),
	KEY("OFFSET(prb_desc_ring.head_id)", dr_head_id),
	KEY("OFFSET(prb_desc_ring.tail_id)", dr_tail_id),
	KEY("SIZE(prb_desc)", desc_size),
	KEY("OFFSET(prb_desc.state_var)", desc_state),
	KEY("OFFSET(prb_desc.text_blk_lpos)", desc_lpos),
	KEY("OFFSET(prb_data_blk_lpos.begin)", lpos_begin),
	KEY("OFFSET(prb_data_blk_lpos.next)", lpos_next),
	KEY("SIZE(printk_info)", info_size),
	KEY("OFFSET(printk_info.ts_nsec)", info_ts),
	KEY("OFFSET(printk_info.text_len)", info_text_len),
	KEY("OFFSET(prb_data_ring.size_bits)", tr_size_bits),
	KEY("OFFSET(prb_data_ring.data)", tr_data),
	KEY("OFFSET(atomic_long_t.counter)", atomic_counter),
#undef KEY
};

static int read_layout(struct bytes vmcoreinfo, struct layout *ret, struct ukd_error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(layout_keys); i++) {
		uint64_t *field = (uint64_t *)((char *)ret + layout_keys[i].field);

		if (!vmcoreinfo_u64(vmcoreinfo, layout_keys[i].key, field))
			return ukd_fail(e, -ENODATA, "vmcoreinfo has no %s", layout_keys[i].key);
		if (*field > STRUCT_MAX)
			return ukd_refuse(e, "dump.printk", "%s is %" PRIu64, layout_keys[i].key,
					  *field);
	}
	return 0;
}

/* Reads the ring's own structures: where descriptors, infos and text are, and how many. */
static int read_ring(struct ring *r, uint64_t rb, struct ukd_error *e)
{
	const struct layout *l = &r->l;
	uint8_t raw[STRUCT_MAX];
	struct bytes b = {raw, l->rb_size}, dr, tr;
	uint32_t count_bits, size_bits;
	uint64_t c = l->atomic_counter;

	if (vmem_read(r->m, rb, raw, l->rb_size) < 0)
		return ukd_fail(e, -ENODATA, "the dump does not contain it");
	if (!bytes_has(b, l->rb_desc_ring, 0) || !bytes_has(b, l->rb_text_ring, 0))
		return ukd_refuse(e, "dump.printk", "offsets beyond the ring buffer");
	dr = (struct bytes){raw + l->rb_desc_ring, b.len - l->rb_desc_ring};
	tr = (struct bytes){raw + l->rb_text_ring, b.len - l->rb_text_ring};
	if (!bytes_le32(dr, l->dr_count_bits, &count_bits) ||
	    !bytes_le64(dr, l->dr_descs, &r->descs) || !bytes_le64(dr, l->dr_infos, &r->infos) ||
	    !bytes_le64(dr, l->dr_head_id + c, &r->head_id) ||
	    !bytes_le64(dr, l->dr_tail_id + c, &r->tail_id) ||
	    !bytes_le32(tr, l->tr_size_bits, &size_bits) || !bytes_le64(tr, l->tr_data, &r->data))
		return ukd_refuse(e, "dump.printk", "offsets beyond the ring buffer");
	if (!count_bits || count_bits > PRINTK_COUNT_BITS_MAX)
		return ukd_refuse(e, "dump.printk", "2^%u records", count_bits);
	if (!size_bits || size_bits > PRINTK_SIZE_BITS_MAX)
		return ukd_refuse(e, "dump.printk", "2^%u bytes of text", size_bits);
	r->count_bits = count_bits;
	r->size_bits = size_bits;
	return 0;
}

static void put_text(FILE *out, uint64_t ts_nsec, struct bytes text)
{
	uint64_t s = ts_nsec / 1000000000, us = ts_nsec % 1000000000 / 1000;

	(void)fprintf(out, "[%5" PRIu64 ".%06" PRIu64 "] ", s, us);
	for (uint64_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c == '\n') /* the kernel's own reader repeats the prefix too */
			(void)fprintf(out, "\n[%5" PRIu64 ".%06" PRIu64 "] ", s, us);
		else if ((c < 0x20 && c != '\t') || c >= 0x7f)
			(void)fprintf(out, "\\x%02x", c);
		else
			(void)fputc(c, out);
	}
	(void)fputc('\n', out);
}

/* Where the record's text is. Length 0 is a record without text; false makes no sense. */
static bool locate_text(const struct ring *r, uint64_t begin, uint64_t next, uint16_t text_len,
			uint64_t *ret_addr, size_t *ret_len)
{
	uint64_t mask = ((uint64_t)1 << r->size_bits) - 1;

	*ret_len = 0;
	if (begin & LPOS_NO_DATA)
		return begin == LPOS_EMPTY_LINE;
	begin &= mask;
	next &= mask;
	/* A block that wraps leaves the end of the ring unused and starts at 0. */
	if (begin > next)
		begin = 0;
	if (next - begin < sizeof(uint64_t))
		return false;
	begin += sizeof(uint64_t); /* the block starts with its descriptor's id */
	*ret_addr = r->data + begin;
	*ret_len = text_len < next - begin ? text_len : (size_t)(next - begin);
	return true;
}

enum record {
	RECORD_OK,
	RECORD_SKIPPED, /* being written or being reused at the time of the crash */
	RECORD_LOST,
};

static enum record put_record(const struct ring *r, uint64_t id, FILE *out, uint64_t *asked)
{
	const struct layout *l = &r->l;
	uint64_t slot = id & (((uint64_t)1 << r->count_bits) - 1);
	uint8_t desc_raw[STRUCT_MAX], info_raw[STRUCT_MAX], text[UINT16_MAX];
	struct bytes desc = {desc_raw, l->desc_size}, info = {info_raw, l->info_size};
	uint64_t state, begin, next, ts, addr = 0;
	uint16_t text_len;
	size_t len;

	if (vmem_read(r->m, r->descs + slot * l->desc_size, desc_raw, l->desc_size) < 0 ||
	    vmem_read(r->m, r->infos + slot * l->info_size, info_raw, l->info_size) < 0)
		return RECORD_LOST;
	if (!bytes_le64(desc, l->desc_state + l->atomic_counter, &state) ||
	    !bytes_le64(desc, l->desc_lpos + l->lpos_begin, &begin) ||
	    !bytes_le64(desc, l->desc_lpos + l->lpos_next, &next) ||
	    !bytes_le64(info, l->info_ts, &ts) || !bytes_le16(info, l->info_text_len, &text_len))
		return RECORD_LOST;
	if ((state & ID_MASK) != id)
		return RECORD_SKIPPED;
	state >>= STATE_SHIFT;
	if (state != STATE_COMMITTED && state != STATE_FINALIZED)
		return RECORD_SKIPPED;
	if (!locate_text(r, begin, next, text_len, &addr, &len))
		return RECORD_LOST;
	*asked += len;
	if (len && vmem_read(r->m, addr, text, len) < 0)
		return RECORD_LOST;
	put_text(out, ts, (struct bytes){text, len});
	return RECORD_OK;
}

static void put_records(const struct ring *r, FILE *out, struct printk_stats *stats)
{
	uint64_t head = r->head_id & ID_MASK, tail = r->tail_id & ID_MASK;
	uint64_t last_slot = ((uint64_t)1 << r->count_bits) - 1;
	uint64_t n = (head - tail) & ID_MASK, asked = 0;

	/* More records than slots cannot be: then the newest that fit. */
	if (n > last_slot)
		n = last_slot;
	for (uint64_t i = 0; i <= n; i++) {
		enum record what;

		/* Texts that are nearly there have to be read, and then add nothing. */
		if (ftell(out) > (long)PRINTK_TEXT_MAX || asked > PRINTK_TEXT_MAX) {
			stats->cut = true;
			return;
		}
		what = put_record(r, (head - (n - i)) & ID_MASK, out, &asked);
		stats->records += what == RECORD_OK;
		stats->lost += what == RECORD_LOST;
	}
}

static int find_ring(struct vmem *m, struct bytes vmcoreinfo, uint64_t *ret, struct ukd_error *e)
{
	uint64_t prb;
	uint8_t raw[8];

	if (!vmcoreinfo_symbol(vmcoreinfo, "prb", &prb)) {
		if (vmcoreinfo_symbol(vmcoreinfo, "log_buf", &prb))
			return ukd_fail(
				e, -ENOTSUP,
				"the kernel is older than 5.10, its log has another format; "
				"see dmesg.txt, or use makedumpfile --dump-dmesg");
		return ukd_fail(e, -ENODATA, "vmcoreinfo does not say where it is");
	}
	/* prb is a pointer variable: the boot buffer, or the one of log_buf_len=. */
	if (vmem_read(m, prb, raw, sizeof(raw)) < 0)
		return ukd_fail(e, -ENODATA, "the dump does not contain it");
	*ret = load_le64(raw);
	return 0;
}

int printk_read(struct vmem *m, struct bytes vmcoreinfo, struct buffer *ret,
		struct printk_stats *ret_stats, struct ukd_error *e)
{
	struct ring ring = {.m = m};
	struct printk_stats stats = {0};
	char *text = NULL;
	size_t len = 0;
	uint64_t rb = 0;
	FILE *out;
	int r = find_ring(m, vmcoreinfo, &rb, e);

	if (r >= 0)
		r = read_layout(vmcoreinfo, &ring.l, e);
	if (r >= 0)
		r = read_ring(&ring, rb, e);
	if (r < 0)
		return r;
	out = open_memstream(&text, &len);
	if (!out)
		return ukd_oom(e);
	put_records(&ring, out, &stats);
	if (fclose(out)) {
		free(text);
		return ukd_oom(e);
	}
	if (!stats.records) {
		free(text);
		return ukd_fail(e, -ENODATA, "none of its records is in the dump");
	}
	*ret = (struct buffer){(uint8_t *)text, len}; /* open_memstream adds the NUL */
	*ret_stats = stats;
	return 0;
}
