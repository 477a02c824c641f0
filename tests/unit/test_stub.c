// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kexec stub, run on the host: memory as a crash load leaves it (image, boot_params, command
 * line, setup_data, core header), then stub_main(). What the inner kernel would find is compared
 * with docs/UKI.md, and a refusal must not have written a byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fixture_seal.h"
#include "stub/stub.h"

/* Offsets in the region, which begins at a multiple of 4 MiB. */
#define REGION	 0xc00000u
#define ELF	 0u /* core header, at the beginning of the crash memory */
#define ELF_LEN	 0x4000u
#define BASE	 0x200000u /* the image: a multiple of 2 MiB, not of 4 MiB */
#define PARAMS	 0x800000u
#define LINE	 0x801000u
#define NODES	 0x802000u
#define KEYS	 0xa00000u
#define KEYS_LEN 0x1000u
#define POISON	 0xaa
#define FOREIGN	 "foreign bytes behind the signed end"

struct world {
	uint8_t *p;  /* the region */
	uint64_t at; /* its address */
	uint8_t *params;
	uint8_t *header; /* the stub's own */
	struct buffer file;
	uint32_t end; /* image offset */
	uint32_t dest;
	unsigned int n_nodes;
};

static char said[256];

/* Takes the place of src/stub/console.c. */
void stub_say(struct bytes signed_cmdline, const char *text)
{
	(void)snprintf(said, sizeof(said), "%.*s|%s", (int)signed_cmdline.len,
		       (const char *)signed_cmdline.p, text);
}

static void add_ram(struct world *w, uint64_t from, uint64_t to)
{
	uint8_t *e = w->params + BP_E820_TABLE + E820_ENTRY_LEN * w->params[BP_E820_ENTRIES]++;

	store_le64(e, w->at + from);
	store_le64(e + 8, to - from);
	store_le32(e + 16, E820_RAM);
}

static void set_line(struct world *w, const char *format, ...) _printf_(2, 3);
static void set_line(struct world *w, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf((char *)w->p + LINE, 0x1000, format, ap);
	va_end(ap);
}

static void add_node(struct world *w, uint32_t type)
{
	uint8_t *node = w->p + NODES + 64 * w->n_nodes;
	uint8_t *link = w->n_nodes ? node - 64 : w->params + BP_SETUP_DATA;

	store_le64(link, w->at + NODES + 64 * w->n_nodes++);
	store_le64(node, 0);
	store_le32(node + 8, type);
	store_le32(node + 12, 16);
}

/* As bzImage64_load() (arch/x86/kernel/kexec-bzimage64.c) fills boot_params. */
static void fill_params(struct world *w)
{
	uint8_t *b = w->params;

	memset(b, 0, BOOT_PARAMS_LEN);
	memcpy(b + BP_HDR, w->file.data + BP_HDR, FIXTURE_HDR_END - BP_HDR);
	b[BP_TYPE_OF_LOADER] = 0xd0;
	b[BP_LOADFLAGS] = 0;
	store_le16(b + BP_ROOT_DEV, 0x1234);
	store_le16(b + BP_HEAP_END_PTR, 0x5678);
	b[BP_EXT_LOADER_VER] = 0x9a;
	b[BP_EXT_LOADER_TYPE] = 0xbc;
	store_le32(b + BP_HARDWARE_SUBARCH, 0xdef0);
	store_le64(b + BP_HARDWARE_SUBARCH_DATA, 0x1122334455667788);
	store_le16(b + BP_VID_MODE, 0x0f07);
	/* an initrd of the caller's */
	store_le32(b + BP_RAMDISK_IMAGE, 0x11111111);
	store_le32(b + BP_RAMDISK_SIZE, 0x22222222);
	store_le32(b + BP_EXT_RAMDISK_IMAGE, 0x33333333);
	store_le32(b + BP_EXT_RAMDISK_SIZE, 0x44444444);
	store_le32(b + BP_CMD_LINE_PTR, (uint32_t)(w->at + LINE));
	store_le32(b + BP_EXT_CMD_LINE_PTR, (uint32_t)((w->at + LINE) >> 32));
	memset(b + 0x10, 0x5a, 16); /* something that is none of the stub's business */
	memset(b + 0xd00, 0x5b, 16);
}

static void fill_elf(uint8_t *p)
{
	memset(p, 0, 64);
	memcpy(p,
	       "\x7f"
	       "ELF\x02\x01\x01",
	       7);
	store_le16(p + 16, 4);	/* ET_CORE */
	store_le16(p + 18, 62); /* x86-64 */
}

static void world_make(struct world *w, uint32_t flags)
{
	_buffer_ struct buffer kernel = {0};
	struct image_parts parts;
	struct ukd_error e = {0};
	uint8_t *map;

	*w = (struct world){0};
	map = mmap(NULL, REGION + MIB(4), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	assert_ptr_not_equal(map, MAP_FAILED);
	w->p = (uint8_t *)(uintptr_t)align_up((uintptr_t)map, MIB(4));
	if (w->p > map)
		assert_int_equal(munmap(map, (size_t)(w->p - map)), 0);
	if (map + MIB(4) > w->p)
		assert_int_equal(munmap(w->p + REGION, (size_t)(map + MIB(4) - w->p)), 0);
	w->at = (uintptr_t)w->p;
	memset(w->p, POISON, REGION);

	fixture_kernel_make(&kernel);
	parts = fixture_parts(&kernel);
	parts.flags = flags;
	assert_int_equal(image_assemble(&parts, &w->file, &e), 0);
	w->end = (uint32_t)w->file.len - SEALED_PM_OFFSET;
	w->dest = FIXTURE_ALIGNMENT;
	memcpy(w->p + BASE, w->file.data + SEALED_PM_OFFSET, w->end);
	memcpy(w->p + BASE + w->end, FOREIGN, sizeof(FOREIGN));
	w->header = w->p + BASE + sealed_raw_of(&w->file, ".kexec") - SEALED_PM_OFFSET;
	w->params = w->p + PARAMS;
	fill_params(w);
	fill_elf(w->p + ELF);
	add_ram(w, ELF_LEN, REGION);
	set_line(w, "elfcorehdr=0x%llx", (unsigned long long)(w->at + ELF));
	said[0] = 0;
}

static void world_free(struct world *w)
{
	(void)munmap(w->p, REGION);
	buffer_free(&w->file);
}
#define _world_ _cleanup_(world_free)

static uint64_t start(struct world *w)
{
	return stub_main(w->at + BASE, w->at + PARAMS, w->header);
}

static void expect_start(struct world *w)
{
	uint64_t entry = start(w);

	if (!entry)
		fail_msg("refused: %s", said);
	assert_true(entry == w->at + BASE + w->dest + 0x200);
	assert_string_equal(said, "");
}

static void expect_refusal(struct world *w, const char *says, const char *what)
{
	uint8_t *before = malloc(REGION);

	assert_non_null(before);
	memcpy(before, w->p, REGION);
	if (start(w))
		fail_msg("%s: started", what);
	if (!strstr(said, says))
		fail_msg("%s: '%s', expected '%s'", what, said, says);
	for (uint32_t i = 0; i < REGION; i++)
		if (before[i] != w->p[i])
			fail_msg("%s: refused, but wrote at 0x%x", what, i);
	free(before);
}

/* The command line that the inner kernel gets. */
static const char *inner_line(const struct world *w)
{
	return (const char *)(uintptr_t)split_address(w->params, BP_CMD_LINE_PTR,
						      BP_EXT_CMD_LINE_PTR);
}

static void expect_line(const struct world *w, const char *format, ...) _printf_(2, 3);
static void expect_line(const struct world *w, const char *format, ...)
{
	char expected[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(expected, sizeof(expected), format, ap);
	va_end(ap);
	assert_string_equal(inner_line(w), expected);
}

static bool all(const uint8_t *p, uint8_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void test_inner_kernel_is_in_place(void **state _unused_)
{
	_world_ struct world w;
	_buffer_ struct buffer kernel = {0};
	uint8_t *dest;

	world_make(&w, 0);
	fixture_kernel_make(&kernel);
	expect_start(&w);
	dest = w.p + BASE + w.dest;
	assert_memory_equal(dest, kernel.data + FIXTURE_PM, FIXTURE_PM_LEN);
	assert_true(all(dest + FIXTURE_PM_LEN, 0, FIXTURE_INIT_SIZE - FIXTURE_PM_LEN));
	assert_true(all(dest + FIXTURE_INIT_SIZE, POISON, 4096)); /* and not a byte more */
}

static void test_header_is_the_inner_kernels(void **state _unused_)
{
	static const struct {
		uint32_t off, len;
	} kept[] = {
		{BP_VID_MODE, 2},	 {BP_ROOT_DEV, 2},	   {BP_TYPE_OF_LOADER, 1},
		{BP_LOADFLAGS, 1},	 {BP_HEAP_END_PTR, 2},	   {BP_EXT_LOADER_VER, 1},
		{BP_EXT_LOADER_TYPE, 1}, {BP_HARDWARE_SUBARCH, 4}, {BP_HARDWARE_SUBARCH_DATA, 8},
		{BP_SETUP_DATA, 8}};
	static const struct {
		uint32_t off, len;
	} set[] = {{BP_RAMDISK_IMAGE, 4}, {BP_RAMDISK_SIZE, 4}, {BP_CMD_LINE_PTR, 4}};
	_buffer_ struct buffer kernel = {0};
	uint8_t old[BOOT_PARAMS_LEN];
	_world_ struct world w;

	world_make(&w, 0);
	fixture_kernel_make(&kernel);
	add_node(&w, 9);
	memcpy(old, w.params, sizeof(old));
	expect_start(&w);
	for (uint32_t i = 0; i < BOOT_PARAMS_LEN; i++) {
		uint8_t expected = i < BP_HDR || i >= BP_HDR_END_MAX ? old[i] :
				   i < FIXTURE_HDR_END		     ? kernel.data[i] :
								       0;
		bool free = i >= BP_EXT_RAMDISK_IMAGE && i < BP_EXT_CMD_LINE_PTR + 4;

		for (unsigned int k = 0; k < ARRAY_SIZE(kept); k++)
			if (i >= kept[k].off && i < kept[k].off + kept[k].len)
				expected = old[i];
		for (unsigned int k = 0; k < ARRAY_SIZE(set); k++)
			free |= i >= set[k].off && i < set[k].off + set[k].len;
		if (!free && w.params[i] != expected)
			fail_msg("boot_params byte 0x%x is 0x%02x, expected 0x%02x", i, w.params[i],
				 expected);
	}
}

static void test_longer_header_than_the_outer_leaves_no_remains(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	memset(w.params + FIXTURE_HDR_END, 0x77, BP_HDR_END_MAX - FIXTURE_HDR_END);
	expect_start(&w);
	assert_true(all(w.params + FIXTURE_HDR_END, 0, BP_HDR_END_MAX - FIXTURE_HDR_END));
}

static void test_initrd_is_the_signed_one(void **state _unused_)
{
	_world_ struct world w;
	uint64_t at, len;

	world_make(&w, 0);
	expect_start(&w);
	at = split_address(w.params, BP_RAMDISK_IMAGE, BP_EXT_RAMDISK_IMAGE);
	len = split_address(w.params, BP_RAMDISK_SIZE, BP_EXT_RAMDISK_SIZE);
	assert_true(at == w.at + BASE + sealed_raw_of(&w.file, ".initrd") - 0x400);
	assert_int_equal(at % 4096, 0);
	assert_int_equal(len, 0x1234);
	assert_memory_equal((void *)(uintptr_t)at, w.file.data + sealed_raw_of(&w.file, ".initrd"),
			    0x1234);
}

static void test_command_line_is_the_token_and_the_signed_one(void **state _unused_)
{
	static const char *const behind[] = {
		"", " ", " init=/evil", " elfcorehdr=0x1000 x", " dmcryptkeys=0x1000", "  a b"};

	for (unsigned int i = 0; i < ARRAY_SIZE(behind); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		set_line(&w, "elfcorehdr=0x%llx%s", (unsigned long long)w.at, behind[i]);
		expect_start(&w);
		expect_line(&w, "elfcorehdr=0x%llx " FIXTURE_CMDLINE, (unsigned long long)w.at);
		assert_true((uintptr_t)inner_line(&w) ==
			    w.at + BASE + align_up(w.end, 4096) + 0x5000);
	}
}

static void test_everything_unsigned_is_cleared(void **state _unused_)
{
	_world_ struct world w;
	uint64_t scratch, line_end;
	uint8_t *image;

	world_make(&w, 0);
	expect_start(&w);
	image = w.p + BASE;
	scratch = align_up(w.end, 4096);
	line_end = scratch + 0x5000 + strlen(inner_line(&w));
	assert_memory_equal(image, w.file.data + 0x400, w.end); /* the signed bytes stay */
	assert_true(all(image + w.end, 0, scratch + 0x1000 - w.end));
	assert_true(all(image + scratch + 0x1000, POISON, 0x4000)); /* the live stack */
	assert_true(all(image + line_end, 0, w.dest - line_end));
}

static void test_nothing_else_is_written(void **state _unused_)
{
	uint8_t *before = malloc(REGION);
	_world_ struct world w;

	world_make(&w, 0);
	memcpy(before, w.p, REGION);
	expect_start(&w);
	assert_memory_equal(before, w.p, BASE);
	assert_memory_equal(before + BASE + w.dest + FIXTURE_INIT_SIZE,
			    w.p + BASE + w.dest + FIXTURE_INIT_SIZE,
			    PARAMS - (BASE + w.dest + FIXTURE_INIT_SIZE));
	assert_memory_equal(before + LINE, w.p + LINE, REGION - LINE);
	free(before);
}

/* Types that stay, in order. */
static void expect_chain(const struct world *w, const uint32_t *types, unsigned int n)
{
	uint64_t node = load_le64(w->params + BP_SETUP_DATA);

	for (unsigned int i = 0; i < n; i++) {
		assert_true(node >= w->at + NODES && node < w->at + NODES + 64 * 64);
		assert_int_equal(load_le32((uint8_t *)(uintptr_t)node + 8), types[i]);
		node = load_le64((uint8_t *)(uintptr_t)node);
	}
	assert_true(node == 0);
}

static void test_setup_data_is_filtered(void **state _unused_)
{
	static const uint32_t kept[] = {4, 7, 8, 9};
	_world_ struct world w;

	world_make(&w, 0);
	for (uint32_t type = 0; type < 12; type++)
		add_node(&w, type);
	add_node(&w, 0x80000000); /* indirect */
	add_node(&w, 0xffffffff);
	expect_start(&w);
	expect_chain(&w, kept, 4);
}

static void test_setup_data_of_foreign_types_only_is_emptied(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	add_node(&w, 1);
	add_node(&w, 2);
	expect_start(&w);
	expect_chain(&w, NULL, 0);
}

static void test_setup_data_of_32_nodes_is_taken(void **state _unused_)
{
	uint32_t kept[32];
	_world_ struct world w;

	world_make(&w, 0);
	for (unsigned int i = 0; i < 32; i++) {
		add_node(&w, 9);
		kept[i] = 9;
	}
	expect_start(&w);
	expect_chain(&w, kept, 32);
	world_free(&w);
	world_make(&w, 0);
	for (unsigned int i = 0; i < 33; i++)
		add_node(&w, 9);
	expect_refusal(&w, "32 setup_data", "33 nodes");
}

static void test_circular_setup_data_is_refused(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	add_node(&w, 9);
	store_le64(w.p + NODES, w.at + NODES);
	expect_refusal(&w, "32 setup_data", "circle");
}

static void test_setup_data_in_the_image_is_refused(void **state _unused_)
{
	static const uint32_t places[] = {BASE, BASE + 0x300000 - 1, BASE - 15};

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		memset(w.p + BASE + 0x2fff00, 0, 0x200);
		store_le64(w.params + BP_SETUP_DATA, w.at + places[i]);
		expect_refusal(&w, "setup_data node overlaps", "node in the image");
	}
}

/* What a caller of a normal kexec may write in front; %llx is the address where a core header is. */
static const struct {
	const char *name, *line, *says;
} lines[] = {
	{"empty", "%.0llx", "does not begin with elfcorehdr="},
	{"no token", "quiet%.0llx", "does not begin with elfcorehdr="},
	{"token not first", "quiet elfcorehdr=0x%llx", "does not begin with elfcorehdr="},
	{"blank in front", " elfcorehdr=0x%llx", "does not begin with elfcorehdr="},
	{"upper-case digits", "elfcorehdr=0x%llX", "does not begin with elfcorehdr="},
	{"0X", "elfcorehdr=0X%llx", "does not begin with elfcorehdr="},
	{"no 0x", "elfcorehdr=%llx", "does not begin with elfcorehdr="},
	{"leading zero", "elfcorehdr=0x0%llx", "does not begin with elfcorehdr="},
	{"17 digits", "elfcorehdr=0x1%016llx", "does not begin with elfcorehdr="},
	{"no digits", "elfcorehdr=0x%.0llx", "does not begin with elfcorehdr="},
	{"no digits, blank", "elfcorehdr=0x %llx", "does not begin with elfcorehdr="},
	{"size behind the address", "elfcorehdr=0x%llx@0x1000", "does not begin with elfcorehdr="},
	{"K suffix", "elfcorehdr=0x%llxK", "does not begin with elfcorehdr="},
	{"comma", "elfcorehdr=0x%llx,x", "does not begin with elfcorehdr="},
	{"tab", "elfcorehdr=0x%llx\tx", "does not begin with elfcorehdr="},
	{"line feed", "elfcorehdr=0x%llx\n", "does not begin with elfcorehdr="},
	{"quoted", "\"elfcorehdr=0x%llx\"", "does not begin with elfcorehdr="},
	{"other spelling", "elfcorehdR=0x%llx", "does not begin with elfcorehdr="},
	{"not aligned", "elfcorehdr=0x%llx", "impossible address"}, /* + 1: see below */
	{"below 1 MiB", "elfcorehdr=0xff000 %.0llx", "impossible address"},
	{"zero", "elfcorehdr=0x0 %.0llx", "does not begin with elfcorehdr="},
	{"end of the address space", "elfcorehdr=0xfffffffffffff000 %.0llx", "impossible address"},
};

static void test_forged_tokens(void **state _unused_)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		unsigned long long at;
		_world_ struct world w;

		world_make(&w, 0);
		at = w.at + (strcmp(lines[i].name, "not aligned") == 0);
		if (strstr(lines[i].line, "%.0llx"))
			at = 0;
/* The formats are this file's own table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf((char *)w.p + LINE, 0x1000, lines[i].line, at);
#pragma GCC diagnostic pop
		expect_refusal(&w, lines[i].says, lines[i].name);
	}
}

static void test_no_command_line(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.params + BP_CMD_LINE_PTR, 0);
	store_le32(w.params + BP_EXT_CMD_LINE_PTR, 0);
	expect_refusal(&w, "no command line", "no pointer");
}

struct ram {
	uint64_t from, to;
};

static void set_ram(struct world *w, const struct ram *ram, unsigned int n)
{
	w->params[BP_E820_ENTRIES] = 0;
	for (unsigned int i = 0; i < n; i++)
		add_ram(w, ram[i].from, ram[i].to);
}

static void test_core_header_must_be_where_a_crash_load_puts_it(void **state _unused_)
{
	static const struct {
		const char *name;
		struct ram ram[3];
		unsigned int n;
	} cases[] = {
		{"no RAM at all", {{0, 0}}, 0},
		{"core header in RAM", {{0, REGION}}, 1},
		{"its last byte in RAM", {{0xfff, REGION}}, 1},
		{"RAM only below", {{0, 0}}, 1},
		{"RAM begins more than 1 MiB above", {{0x101000, REGION}}, 1},
		{"the image in no RAM", {{ELF_LEN, BASE}}, 1},
		{"the image ends behind the RAM", {{ELF_LEN, BASE + 0x2ff000}}, 1},
		{"the image in other RAM", {{ELF_LEN, 0x8000}, {BASE, REGION}}, 2},
		{"wrapping RAM entry", {{ELF_LEN, ELF_LEN - 1}}, 1},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		set_ram(&w, cases[i].ram, cases[i].n);
		expect_refusal(&w, "not where a crash load puts it", cases[i].name);
	}
}

static void test_reserved_entries_are_no_ram(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.params + BP_E820_TABLE + 16, 2);
	expect_refusal(&w, "not where a crash load puts it", "reserved");
}

static void test_entries_beyond_the_table_are_not_read(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	/* 128 empty entries, then what would be a good one */
	memset(w.params + BP_E820_TABLE, 0, BOOT_PARAMS_LEN - BP_E820_TABLE);
	w.params[BP_E820_ENTRIES] = 128;
	add_ram(&w, ELF_LEN, REGION);
	w.params[BP_E820_ENTRIES] = 255;
	expect_refusal(&w, "not where a crash load puts it", "entry 129");
}

static void test_core_header_must_be_one(void **state _unused_)
{
	static const struct {
		const char *name;
		uint32_t off;
		uint8_t value;
	} cases[] = {{"no magic", 0, 0x7e},    {"ELF32", 4, 1}, {"big-endian", 5, 2},
		     {"executable", 16, 2},    {"i386", 18, 3}, {"aarch64", 18, 183},
		     {"type above 255", 17, 1}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		w.p[ELF + cases[i].off] = cases[i].value;
		expect_refusal(&w, "does not point to an ELF core header", cases[i].name);
	}
}

static const struct ram with_keys[] = {{ELF_LEN, KEYS}, {KEYS + KEYS_LEN, REGION}};

static void line_with_keys(struct world *w, uint64_t keys, const char *behind)
{
	set_line(w, "elfcorehdr=0x%llx dmcryptkeys=0x%llx%s", (unsigned long long)w->at,
		 (unsigned long long)(w->at + keys), behind);
}

static void test_dmcryptkeys_are_kept_if_sealed_so(void **state _unused_)
{
	static const char *const behind[] = {"", " ", " init=/evil"};

	for (unsigned int i = 0; i < ARRAY_SIZE(behind); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
		set_ram(&w, with_keys, 2);
		line_with_keys(&w, KEYS, behind[i]);
		expect_start(&w);
		expect_line(&w, "elfcorehdr=0x%llx dmcryptkeys=0x%llx " FIXTURE_CMDLINE,
			    (unsigned long long)w.at, (unsigned long long)(w.at + KEYS));
	}
}

static void test_dmcryptkeys_below_the_image(void **state _unused_)
{
	static const struct ram ram[] = {{ELF_LEN, 0x100000}, {0x101000, REGION}};
	_world_ struct world w;

	world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
	set_ram(&w, ram, 2);
	line_with_keys(&w, 0x100000, "");
	expect_start(&w);
	assert_non_null(strstr(inner_line(&w), "dmcryptkeys="));
}

static void expect_keys_dropped(struct world *w)
{
	expect_start(w);
	expect_line(w, "elfcorehdr=0x%llx " FIXTURE_CMDLINE, (unsigned long long)w->at);
}

static void test_dmcryptkeys_are_dropped_unless_sealed_so(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	set_ram(&w, with_keys, 2);
	line_with_keys(&w, KEYS, "");
	expect_keys_dropped(&w);
}

static void test_forged_dmcryptkeys_are_dropped(void **state _unused_)
{
	static const struct ram far[] = {{ELF_LEN, KEYS}, {KEYS + 0x11000, REGION}};
	static const struct ram before[] = {{ELF_LEN, KEYS - 0x1000}, {KEYS + KEYS_LEN, REGION}};
	static const struct {
		const char *name;
		const struct ram *ram;
		uint64_t keys;
	} cases[] = {
		{"in RAM", NULL, KEYS},
		{"not aligned", with_keys, KEYS + 8},
		{"no RAM within 64 KiB above", far, KEYS},
		{"RAM does not end there", before, KEYS},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
		if (cases[i].ram)
			set_ram(&w, cases[i].ram, 2);
		line_with_keys(&w, cases[i].keys, "");
		expect_keys_dropped(&w);
	}
}

static void test_dmcryptkeys_must_be_the_second_token(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, SEALED_KEEP_DMCRYPTKEYS);
	set_ram(&w, with_keys, 2);
	set_line(&w, "elfcorehdr=0x%llx quiet dmcryptkeys=0x%llx", (unsigned long long)w.at,
		 (unsigned long long)(w.at + KEYS));
	expect_keys_dropped(&w);
}

static void test_normal_kexec_drops_every_token(void **state _unused_)
{
	static const char *const given[] = {"", "init=/evil", "elfcorehdr=0x1000"};

	for (unsigned int i = 0; i < ARRAY_SIZE(given); i++) {
		_world_ struct world w;

		world_make(&w, SEALED_FOR_NORMAL_KEXEC);
		set_line(&w, "%s", given[i]);
		set_ram(&w, &(struct ram){0, REGION}, 1);
		expect_start(&w);
		expect_line(&w, FIXTURE_CMDLINE);
	}
}

static void put(uint8_t *p, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static void test_boot_params_and_image_must_agree(void **state _unused_)
{
	static const struct {
		const char *name, *says;
		uint32_t off;
		unsigned int width;
		uint64_t value;
	} cases[] = {
		{"no HdrS", "HdrS", BP_MAGIC, 4, 0},
		{"loaded below its alignment", "header excludes", BP_KERNEL_ALIGNMENT, 4, 0x400000},
		{"loaded below its preferred address", "header excludes", BP_PREF_ADDRESS, 8,
		 1ull << 63},
		{"syssize above init_size", "syssize exceeds", BP_SYSSIZE, 4, 0x30001},
		{"syssize at the end of 32 bits", "syssize exceeds", BP_SYSSIZE, 4, 0xffffffff},
		{"syssize cuts the image", "outside the image", BP_SYSSIZE, 4, 0x200},
		{"syssize cuts the headers", "headers", BP_SYSSIZE, 4, 0x20},
		{"another alignment", "disagree", BP_KERNEL_ALIGNMENT, 4, 0x1000},
		{"another cmdline_size", "disagree", BP_CMDLINE_SIZE, 4, 255},
		{"init_size too small", "does not fit into the outer", BP_INIT_SIZE, 4, 0x2fffff},
		{"boot protocol 2.11", "2.12", BP_VERSION, 2, 0x20b},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		put(w.params + cases[i].off, cases[i].width, cases[i].value);
		expect_refusal(&w, cases[i].says, cases[i].name);
	}
}

static void test_stub_header_must_fit(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	store_le32(w.header + STUB_END, w.end + 0x200);
	expect_refusal(&w, "do not end where", "another end");
	store_le32(w.header + STUB_END, w.end);
	store_le32(w.header + STUB_FLAGS, 4);
	expect_refusal(&w, "unknown flags", "flag 4");
}

static void test_inner_kernel_must_be_sound(void **state _unused_)
{
	static const struct {
		const char *name, *says;
		uint32_t off;
		unsigned int width;
		uint64_t value;
	} cases[] = {
		{"no HdrS", "HdrS", BP_MAGIC, 4, 0},
		{"loads low", "load high", BP_LOADFLAGS, 1, 0},
		{"no 64-bit entry", "64-bit", BP_XLOADFLAGS, 1, 2},
		{"larger than init_size", "larger than its init_size", BP_INIT_SIZE, 4, 0x1000},
		{"init_size larger than the room", "does not fit", BP_INIT_SIZE, 4, 0x100001},
		{"all setup sectors", "too short for its setup", BP_SETUP_SECTS, 1, 200},
		{"header over EDD data", "impossible length", BP_JUMP_LEN, 1, 0xff},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_world_ struct world w;
		uint8_t *kernel;

		world_make(&w, 0);
		kernel = w.p + BASE + sealed_raw_of(&w.file, ".linux") - SEALED_PM_OFFSET;
		put(kernel + cases[i].off, cases[i].width, cases[i].value);
		expect_refusal(&w, cases[i].says, cases[i].name);
	}
}

static void test_signed_command_line_must_fit(void **state _unused_)
{
	static const uint32_t sizes[] = {21 + 30 + 1, 21 + 30};

	for (unsigned int i = 0; i < 2; i++) {
		_world_ struct world w;
		uint8_t *kernel;

		world_make(&w, 0);
		assert_int_equal(strlen(FIXTURE_CMDLINE), 21);
		kernel = w.p + BASE + sealed_raw_of(&w.file, ".linux") - SEALED_PM_OFFSET;
		store_le32(kernel + BP_CMDLINE_SIZE, sizes[i]);
		store_le32(w.params + BP_CMDLINE_SIZE, sizes[i]);
		if (i == 0)
			expect_start(&w);
		else
			expect_refusal(&w, "command line is too long", "one byte");
	}
}

static void test_boot_params_in_the_image_are_refused(void **state _unused_)
{
	static const uint32_t places[] = {BASE - 0xfff, BASE + 0x150000, BASE + 0x2fffff};

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		_world_ struct world w;

		world_make(&w, 0);
		if (i)
			memcpy(w.p + places[i], w.params, BOOT_PARAMS_LEN);
		else /* its tail reaches into the image, whose first byte is then POISON */
			memcpy(w.p + places[i], w.params, 0xfff);
		if (stub_main(w.at + BASE, w.at + places[i], w.header))
			fail_msg("started with boot_params at 0x%x", places[i]);
		assert_non_null(strstr(said, "boot_params overlaps"));
	}
}

static void test_image_at_a_wrong_base_is_refused(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	assert_int_equal(stub_main(w.at + BASE + 0x1000, w.at + PARAMS, w.header), 0);
	assert_non_null(strstr(said, "header excludes"));
}

static void test_refusal_speaks_by_the_signed_line_only(void **state _unused_)
{
	_world_ struct world w;

	world_make(&w, 0);
	set_line(&w, "ukdump.stubcon=0x3f8");
	assert_int_equal(start(&w), 0);
	assert_string_equal(said, FIXTURE_CMDLINE
			    "|the command line does not begin with elfcorehdr=: not a crash start");
	store_le32(w.params + BP_MAGIC, 0); /* before the sections are known */
	assert_int_equal(start(&w), 0);
	assert_int_equal(said[0], '|');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner_kernel_is_in_place),
		cmocka_unit_test(test_header_is_the_inner_kernels),
		cmocka_unit_test(test_longer_header_than_the_outer_leaves_no_remains),
		cmocka_unit_test(test_initrd_is_the_signed_one),
		cmocka_unit_test(test_command_line_is_the_token_and_the_signed_one),
		cmocka_unit_test(test_everything_unsigned_is_cleared),
		cmocka_unit_test(test_nothing_else_is_written),
		cmocka_unit_test(test_setup_data_is_filtered),
		cmocka_unit_test(test_setup_data_of_foreign_types_only_is_emptied),
		cmocka_unit_test(test_setup_data_of_32_nodes_is_taken),
		cmocka_unit_test(test_circular_setup_data_is_refused),
		cmocka_unit_test(test_setup_data_in_the_image_is_refused),
		cmocka_unit_test(test_forged_tokens),
		cmocka_unit_test(test_no_command_line),
		cmocka_unit_test(test_core_header_must_be_where_a_crash_load_puts_it),
		cmocka_unit_test(test_reserved_entries_are_no_ram),
		cmocka_unit_test(test_entries_beyond_the_table_are_not_read),
		cmocka_unit_test(test_core_header_must_be_one),
		cmocka_unit_test(test_dmcryptkeys_are_kept_if_sealed_so),
		cmocka_unit_test(test_dmcryptkeys_below_the_image),
		cmocka_unit_test(test_dmcryptkeys_are_dropped_unless_sealed_so),
		cmocka_unit_test(test_forged_dmcryptkeys_are_dropped),
		cmocka_unit_test(test_dmcryptkeys_must_be_the_second_token),
		cmocka_unit_test(test_normal_kexec_drops_every_token),
		cmocka_unit_test(test_boot_params_and_image_must_agree),
		cmocka_unit_test(test_stub_header_must_fit),
		cmocka_unit_test(test_inner_kernel_must_be_sound),
		cmocka_unit_test(test_signed_command_line_must_fit),
		cmocka_unit_test(test_boot_params_in_the_image_are_refused),
		cmocka_unit_test(test_image_at_a_wrong_base_is_refused),
		cmocka_unit_test(test_refusal_speaks_by_the_signed_line_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
