// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dumps without files: vmcoreinfo, page tables, the printk ring. Whole dumps, good and hostile,
 * are tests/cli/test_info*.py's, made by tests/gen/dump.py.
 */
#include "fixture_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/dump.h"
#include "dump/header.h"
#include "dump/vmem.h"
#include "dump/printk.h"
#include "dump/vmcoreinfo.h"
#include "util/cleanup.h"

static void test_vmcoreinfo(void **state _unused_)
{
	struct bytes info = text_of("OSRELEASE=6.12.1\033[1m\nPAGESIZE=4096\nPAGESIZE=1\n"
				    "XOSRELEASE=no\nSYMBOL(prb)=ffffffff82a4c0e8\nSYMBOL(bad)=xyz\n"
				    "NUMBER(phys_base)=-18446744\nCRASHTIME=1795286302\nEMPTY=\n"
				    "LAST=tail");
	char text[16];
	uint64_t v = 7;
	int64_t n;

	assert_true(vmcoreinfo_text(info, "OSRELEASE", text, sizeof(text)));
	assert_string_equal(text, "6.12.1?[1m");
	assert_true(vmcoreinfo_text(info, "LAST", text, 3));
	assert_string_equal(text, "ta");
	assert_true(vmcoreinfo_text(info, "EMPTY", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(vmcoreinfo_text(info, "RELEASE", text, sizeof(text)));
	assert_true(vmcoreinfo_u64(info, "PAGESIZE", &v));
	assert_int_equal(v, 4096);
	assert_true(vmcoreinfo_symbol(info, "prb", &v));
	assert_true(v == 0xffffffff82a4c0e8);
	assert_false(vmcoreinfo_symbol(info, "bad", &v));
	assert_false(vmcoreinfo_u64(info, "EMPTY", &v));
	assert_true(v == 0xffffffff82a4c0e8);
	assert_true(vmcoreinfo_number(info, "phys_base", &n));
	assert_int_equal(n, -18446744);
}

#define DIRECT 0xffff888000000000u

static uint64_t must_read(struct machine *k, uint64_t vaddr)
{
	uint8_t raw[8];

	assert_int_equal(vmem_read(&k->m, vaddr, raw, sizeof(raw)), 0);
	return load_le64(raw);
}

static void test_memory_four_levels(void **state _unused_)
{
	struct machine *k = machine_new("");
	uint64_t v = DIRECT + 0x1234567000;
	uint8_t raw[16];

	entry(k, TOP, slot(v, 4), 0x2000 | 1);
	entry(k, 0x2000, slot(v, 3), 0x3000 | 1);
	entry(k, 0x3000, slot(v, 2), 0x4000 | 1);
	entry(k, 0x4000, slot(v, 1), 0x8000000000005000 | 0x63); /* NX is no address bit */
	entry(k, 0x4000, slot(v, 1) + 1, 0x9000 | 0x63);
	store_le64(k->phys + 0x5ff8, 0x1111);
	store_le64(k->phys + 0x9000, 0x2222);
	assert_int_equal(must_read(k, v + 0xff8), 0x1111);
	assert_int_equal(must_read(k, v + 0x1000), 0x2222);
	assert_int_equal(vmem_read(&k->m, v + 0xff8, raw, 16), 0); /* across pages */
	assert_int_equal(load_le64(raw + 8), 0x2222);
	assert_int_equal(vmem_read(&k->m, v + 0x2000, raw, 8), -ENODATA);
	assert_int_equal(vmem_read(&k->m, UINT64_MAX - 3, raw, 8), -ENODATA);
	test_free(k);
}

static void test_memory_large_pages(void **state _unused_)
{
	struct machine *k = machine_new("");

	entry(k, TOP, slot(KERNEL, 4), 0x2000 | 1);
	entry(k, 0x2000, slot(KERNEL, 3), 0x3000 | 1);
	entry(k, 0x3000, slot(KERNEL, 2), 0 | 0x81);	 /* 2 MiB from 0 */
	entry(k, 0x2000, slot(KERNEL, 3) + 1, 0 | 0x81); /* 1 GiB from 0 */
	store_le64(k->phys + 0x12340, 0x3333);
	assert_int_equal(must_read(k, KERNEL + 0x12340), 0x3333);
	assert_int_equal(must_read(k, KERNEL + 0x40012340), 0x3333);
	test_free(k);
}

static void test_memory_five_levels_and_sme(void **state _unused_)
{
	struct machine *k = machine_new("NUMBER(pgtable_l5_enabled)=1\n"
					"NUMBER(sme_mask)=140737488355328\n"); /* bit 47 */
	uint64_t v = 0xff11000000000000, c = (uint64_t)1 << 47;

	entry(k, TOP, slot(v, 5), c | 0x2000 | 1);
	entry(k, 0x2000, slot(v, 4), c | 0x3000 | 1);
	entry(k, 0x3000, slot(v, 3), c | 0x81);
	store_le64(k->phys + 0x800, 0x4444);
	assert_int_equal(must_read(k, v + 0x800), 0x4444);
	test_free(k);
}

/* A ring of four records in 64 bytes of text, everything at KERNEL + physical address. */
#define RING  0x10000u
#define DESCS 0x11000u
#define INFOS 0x12000u
#define DATA  0x13000u

static const char ring_info[] =
	"SYMBOL(prb)=ffffffff8000ff00\nSIZE(printk_ringbuffer)=80\n"
	"OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=40\n"
	"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
	"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
	"OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
	"OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
	"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
	"OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
	"OFFSET(prb_data_ring.data)=8\nOFFSET(atomic_long_t.counter)=0\n";

static struct machine *machine_with_ring(void)
{
	struct machine *k = machine_new("");
	uint8_t *ring = k->phys + RING;

	map_kernel(k);
	store_le64(k->phys + 0xff00, KERNEL + RING);
	store_le32(ring, 2);
	store_le64(ring + 8, KERNEL + DESCS);
	store_le64(ring + 16, KERNEL + INFOS);
	store_le64(ring + 24, 5); /* head */
	store_le64(ring + 32, 2); /* tail */
	store_le32(ring + 40, 6);
	store_le64(ring + 48, KERNEL + DATA);
	return k;
}

static void put(struct machine *k, uint64_t id, uint64_t state, uint64_t begin, uint64_t next,
		const char *text)
{
	uint8_t *desc = k->phys + DESCS + id % 4 * 24, *info = k->phys + INFOS + id % 4 * 88;

	store_le64(desc, state << 62 | id);
	store_le64(desc + 8, begin);
	store_le64(desc + 16, next);
	store_le64(info + 8, id * 1000000000 + 42000);
	store_le16(info + 16, (uint16_t)strlen(text));
	memcpy(k->phys + DATA + (begin % 64 > next % 64 ? 0 : begin % 64) + 8, text, strlen(text));
}

static void put_four(struct machine *k)
{
	put(k, 2, 2, 80, 96, "one");
	put(k, 3, 1, 96, 112, "two\nx\033"); /* committed counts too */
	put(k, 4, 2, 112, 144, "wraps");     /* the block begins at 0 again */
	put(k, 5, 2, 3, 3, "");		     /* an empty line has no block */
}

static void assert_log(struct machine *k, const char *expected, uint64_t lost)
{
	_buffer_ struct buffer log = {0};
	struct printk_stats stats;
	struct ukd_error e = {0};

	if (printk_read(&k->m, text_of(ring_info), &log, &stats, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(log.data, expected);
	assert_int_equal(log.len, strlen(expected));
	assert_int_equal(stats.lost, lost);
}

static void test_printk(void **state _unused_)
{
	struct machine *k = machine_with_ring();

	put_four(k);
	assert_log(k,
		   "[    2.000042] one\n[    3.000042] two\n[    3.000042] x\\x1b\n"
		   "[    4.000042] wraps\n[    5.000042] \n",
		   0);
	test_free(k);
}

static void test_printk_states(void **state _unused_)
{
	struct machine *k = machine_with_ring();

	put_four(k);
	put(k, 3, 0, 96, 112, "writing");
	put(k, 4, 3, 112, 144, "reused");
	assert_log(k, "[    2.000042] one\n[    5.000042] \n", 0);
	put(k, 3, 2, 1, 1, "");	  /* there was no room for its text */
	put(k, 4, 2, 80, 84, ""); /* a block shorter than its id */
	assert_log(k, "[    2.000042] one\n[    5.000042] \n", 2);
	store_le64(k->phys + DESCS + 2 * 24, 2ull << 62 | 98); /* another record's descriptor */
	assert_log(k, "[    5.000042] \n", 2);
	test_free(k);
}

/* A text length beyond the block is cut to the block: no neighbour's text. */
static void test_printk_text_len(void **state _unused_)
{
	struct machine *k = machine_with_ring();

	put_four(k);
	store_le16(k->phys + INFOS + 2 * 88 + 16, 0xffff);
	assert_log(k,
		   "[    2.000042] one\\x00\\x00\\x00\\x00\\x00\n"
		   "[    3.000042] two\n[    3.000042] x\\x1b\n"
		   "[    4.000042] wraps\n[    5.000042] \n",
		   0);
	test_free(k);
}

/* More records than slots: the newest that fit, and an end. */
static void test_printk_distance(void **state _unused_)
{
	struct machine *k = machine_with_ring();

	put_four(k);
	store_le64(k->phys + RING + 32, 6); /* tail beyond head */
	assert_log(k,
		   "[    2.000042] one\n[    3.000042] two\n[    3.000042] x\\x1b\n"
		   "[    4.000042] wraps\n[    5.000042] \n",
		   0);
	test_free(k);
}

static void assert_log_error(struct machine *k, const char *info, int code, const char *message)
{
	struct buffer log;
	struct printk_stats stats;
	struct ukd_error e = {0};

	assert_int_equal(printk_read(&k->m, text_of(info), &log, &stats, &e), code);
	if (!strstr(e.text, message))
		fail_msg("'%s' does not say '%s'", e.text, message);
}

/* Texts of 64 KiB, each of them without its end: they are asked for, but not 2048 times. */
static void test_printk_work(void **state _unused_)
{
	const uint64_t descs = 0x3000, data = 0x1d000;
	struct machine *k = machine_with_ring();
	char info[sizeof(ring_info) + 64];
	_buffer_ struct buffer log = {0};
	struct printk_stats stats = {0};
	struct ukd_error e = {0};

	snprintf(info, sizeof(info), "SIZE(printk_info)=24\n%s", ring_info);
	store_le32(k->phys + RING, 11);
	store_le64(k->phys + RING + 8, KERNEL + descs);
	store_le64(k->phys + RING + 16, KERNEL + 0x11000);
	store_le64(k->phys + RING + 24, 2047);
	store_le64(k->phys + RING + 32, 0);
	store_le32(k->phys + RING + 40, 20);
	store_le64(k->phys + RING + 48, KERNEL + data);
	for (uint64_t id = 0; id < 2048; id++) {
		store_le64(k->phys + descs + id * 24, 2ull << 62 | id);
		store_le64(k->phys + descs + id * 24 + 16, id ? 0x20000 : 16);
		store_le16(k->phys + 0x11000 + id * 24 + 16, 0xffff);
	}
	assert_int_equal(printk_read(&k->m, text_of(info), &log, &stats, &e), 0);
	assert_true(stats.cut);
	assert_int_equal(stats.records, 1);
	assert_in_range(stats.lost, PRINTK_TEXT_MAX / 65536, PRINTK_TEXT_MAX / 65536 + 2);
	test_free(k);
}

static void test_printk_errors(void **state _unused_)
{
	struct machine *k = machine_with_ring();
	char info[sizeof(ring_info) + 64];

	assert_log_error(k, ring_info, -ENODATA, "none of its records");
	assert_log_error(k, "", -ENODATA, "does not say where");
	assert_log_error(k, "SYMBOL(log_buf)=0\n", -ENOTSUP, "older than 5.10");
	assert_log_error(k, "SYMBOL(prb)=ffffffff8000ff00\n", -ENODATA,
			 "vmcoreinfo has no SIZE(printk_ringbuffer)");
	snprintf(info, sizeof(info), "SIZE(prb_desc)=1025\n%s", ring_info);
	assert_log_error(k, info, -EBADMSG, "SIZE(prb_desc) is 1025");
	snprintf(info, sizeof(info), "SIZE(printk_ringbuffer)=50\n%s", ring_info);
	assert_log_error(k, info, -EBADMSG, "offsets beyond");
	store_le32(k->phys + RING, PRINTK_COUNT_BITS_MAX + 1);
	assert_log_error(k, ring_info, -EBADMSG, "2^22 records");
	store_le32(k->phys + RING, 2);
	store_le32(k->phys + RING + 40, 0);
	assert_log_error(k, ring_info, -EBADMSG, "2^0 bytes");
	store_le64(k->phys + 0xff00, KERNEL + PHYS_SIZE);
	assert_log_error(k, ring_info, -ENODATA, "does not contain it");
	test_free(k);
}

/* A bitmap from byte 4096 on: a byte, a hole, and a last byte with bits that do not count. */
static void test_bitmap_parts(void **state _unused_)
{
	struct dump_range map = {4096, MIB(1)};
	uint64_t bits = MIB(1) * 8 - 5, off = 0, total = 0, parts = 0;
	_close_ int fd = memfd_create("bitmap", MFD_CLOEXEC);
	uint8_t part[DUMP_BITMAP_PART];
	struct ukd_error e;
	size_t len;

	assert_int_equal(ftruncate(fd, (off_t)(map.off + map.len)), 0);
	assert_int_equal(pwrite(fd, "\377", 1, (off_t)map.off), 1);
	assert_int_equal(pwrite(fd, "\377", 1, (off_t)(map.off + map.len - 1)), 1);
	for (;; off += len, parts++) {
		assert_int_equal(dump_bitmap_part(fd, map, bits, &off, part, &len, &e), 0);
		if (!len)
			break;
		for (size_t i = 0; i < len; i++)
			total += (unsigned int)__builtin_popcount(part[i]);
	}
	assert_int_equal(off, map.len);
	assert_int_equal(total, 8 + 3);
	assert_in_range(parts, 2, 32); /* 256 without holes */
}

/* Empty vmcoreinfo notes do not count, of others the first; none leaks. */
static void test_vmcoreinfo_notes(void **state _unused_)
{
	static const uint8_t notes[] = "\13\0\0\0\0\0\0\0\0\0\0\0VMCOREINFO\0\0"
				       "\13\0\0\0\4\0\0\0\0\0\0\0VMCOREINFO\0\0A=1\n"
				       "\13\0\0\0\4\0\0\0\0\0\0\0VMCOREINFO\0\0B=2\n"
				       "\13\0\0\0\0\0\0\0\0\0\0\0VMCOREINFO\0";
	struct bytes all = {notes, sizeof(notes)};
	_dump_header_ struct dump_header h = {.facts = {.page_size = 4096}};
	struct ukd_error e = {0};

	assert_int_equal(dump_header_notes(all, &h, &e), 0);
	assert_string_equal(h.vmcoreinfo.data, "A=1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmcoreinfo),
		cmocka_unit_test(test_memory_four_levels),
		cmocka_unit_test(test_memory_large_pages),
		cmocka_unit_test(test_memory_five_levels_and_sme),
		cmocka_unit_test(test_printk),
		cmocka_unit_test(test_printk_states),
		cmocka_unit_test(test_printk_text_len),
		cmocka_unit_test(test_printk_distance),
		cmocka_unit_test(test_printk_work),
		cmocka_unit_test(test_printk_errors),
		cmocka_unit_test(test_bitmap_parts),
		cmocka_unit_test(test_vmcoreinfo_notes),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
