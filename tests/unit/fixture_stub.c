// SPDX-License-Identifier: GPL-2.0-or-later
/* A crash load in memory: see fixture_stub.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

char said[256];

/* Takes the place of src/stub/console.c. */
void stub_say(struct bytes signed_cmdline, const char *text)
{
	(void)snprintf(said, sizeof(said), "%.*s|%s", (int)signed_cmdline.len,
		       (const char *)signed_cmdline.p, text);
}

void add_ram(struct world *w, uint64_t from, uint64_t to)
{
	uint8_t *e = w->params + BP_E820_TABLE + E820_ENTRY_LEN * w->params[BP_E820_ENTRIES]++;

	store_le64(e, w->at + from);
	store_le64(e + 8, to - from);
	store_le32(e + 16, E820_RAM);
}

void set_line(struct world *w, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf((char *)w->p + LINE, 0x1000, format, ap);
	va_end(ap);
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

void world_make(struct world *w, uint32_t flags)
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

void world_free(struct world *w)
{
	(void)munmap(w->p, REGION);
	buffer_free(&w->file);
}

uint64_t start(struct world *w)
{
	return stub_main(w->at + BASE, w->at + PARAMS, w->header);
}

void expect_start(struct world *w)
{
	uint64_t entry = start(w);

	if (!entry)
		fail_msg("refused: %s", said);
	assert_true(entry == w->at + BASE + w->dest + 0x200);
	assert_string_equal(said, "");
}

void expect_refusal(struct world *w, const char *says, const char *what)
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

const char *inner_line(const struct world *w)
{
	return (const char *)(uintptr_t)split_address(w->params, BP_CMD_LINE_PTR,
						      BP_EXT_CMD_LINE_PTR);
}

void expect_line(const struct world *w, const char *format, ...)
{
	char expected[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(expected, sizeof(expected), format, ap);
	va_end(ap);
	assert_string_equal(inner_line(w), expected);
}
