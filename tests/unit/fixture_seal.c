// SPDX-License-Identifier: GPL-2.0-or-later
/* Small sealed images for unit tests: see fixture_seal.h. */
#include "fixture_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fixture: %s\n", what);
	abort();
}

static void put_setup_header(uint8_t *p)
{
	p[BP_SETUP_SECTS] = 1;
	store_le32(p + BP_SYSSIZE, FIXTURE_PM_LEN / 16);
	store_le16(p + BP_VID_MODE, 0xffff);
	store_le16(p + BP_BOOT_FLAG, 0xaa55);
	p[0x200] = 0xeb;
	p[BP_JUMP_LEN] = FIXTURE_HDR_END - 0x202;
	memcpy(p + BP_MAGIC, "HdrS", 4);
	store_le16(p + BP_VERSION, 0x20f);
	store_le16(p + BP_KERNEL_VERSION, 0x300 - 0x200);
	p[BP_LOADFLAGS] = BP_LOADED_HIGH;
	store_le32(p + BP_CODE32_START, 0x100000);
	store_le32(p + BP_KERNEL_ALIGNMENT, FIXTURE_ALIGNMENT);
	p[0x234] = 1;  /* relocatable_kernel */
	p[0x235] = 21; /* min_alignment */
	store_le16(p + BP_XLOADFLAGS, FIXTURE_XLF);
	store_le32(p + BP_CMDLINE_SIZE, FIXTURE_CMDLINE_MAX);
	store_le32(p + BP_PAYLOAD_OFFSET, 0x300);
	store_le32(p + BP_PAYLOAD_LENGTH, 0x1100);
	store_le64(p + BP_PREF_ADDRESS, FIXTURE_PREF);
	store_le32(p + BP_INIT_SIZE, FIXTURE_INIT_SIZE);
	store_le32(p + BP_HANDOVER_OFFSET, 0x190);
	store_le32(p + BP_KERNEL_INFO_OFFSET, 0x500);
}

static void put_section(uint8_t *p, const char *name, uint32_t vsize, uint32_t raw, uint32_t size,
			uint32_t flags)
{
	strcpy((char *)p, name);
	store_le32(p + 8, vsize);
	store_le32(p + 12, raw);
	store_le32(p + 16, size);
	store_le32(p + 20, raw);
	store_le32(p + 36, flags);
}

/* As arch/x86/boot/header.S has them; .data is larger in memory. */
static void put_pe_headers(uint8_t *p)
{
	uint8_t *coff = p + 0x40, *opt = p + FIXTURE_KERNEL_OPT, *table = opt + 160;

	memcpy(coff, "PE", 2);
	store_le16(coff + 4, 0x8664);
	store_le16(coff + 6, 2);
	store_le32(coff + 16, 1); /* a symbol, without a table */
	store_le16(coff + 20, 160);
	store_le16(coff + 22, 0x206);
	store_le16(opt, 0x20b);
	store_le32(opt + 16, FIXTURE_PM + 0x200);
	store_le32(opt + 32, 0x1000);
	store_le32(opt + 36, 0x200);
	store_le32(opt + 56, 0x10000);
	store_le32(opt + 60, FIXTURE_PM);
	store_le16(opt + 68, 10);
	store_le16(opt + 70, 0x100); /* NX_COMPAT */
	store_le32(opt + 108, 6);
	put_section(table, ".text", FIXTURE_PM_LEN - 0x200, FIXTURE_PM, FIXTURE_PM_LEN - 0x200,
		    0x60000020);
	put_section(table + 40, ".data", 0x1000, FIXTURE_PM + FIXTURE_PM_LEN - 0x200, 0x200,
		    0xc0000040);
}

void fixture_kernel_make(struct buffer *ret)
{
	size_t len = FIXTURE_PM + FIXTURE_PM_LEN;
	uint8_t *p = calloc(1, len + 1);

	must(p, "out of memory");
	memcpy(p, "MZ", 2);
	store_le32(p + 0x3c, 0x40);
	put_pe_headers(p);
	put_setup_header(p);
	strcpy((char *)p + 0x300, FIXTURE_VERSION);
	for (size_t i = FIXTURE_PM; i < len; i++)
		p[i] = (uint8_t)(i * 7 + 1) | 1; /* never zero */
	memcpy(p + FIXTURE_PM + 0x500, "LToP", 4);
	store_le32(p + FIXTURE_PM + 0x504, 16);
	store_le32(p + FIXTURE_PM + 0x508, 16);
	store_le32(p + FIXTURE_PM + 0x50c, 0x80000009);
	*ret = (struct buffer){p, len};
}

struct image_parts fixture_parts(const struct buffer *kernel)
{
	static uint8_t initrd[0x1234];

	for (size_t i = 0; i < sizeof(initrd); i++)
		initrd[i] = (uint8_t)(i * 13) | 1;
#define TEXT(s)                                     \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}
	return (struct image_parts){
		.kernel = buffer_bytes(kernel),
		.initrd = {initrd, sizeof(initrd)},
		.cmdline = TEXT(FIXTURE_CMDLINE),
		.osrel = TEXT("ID=test\nVERSION_ID=1\n"),
	};
#undef TEXT
}

void fixture_sealed_make(struct buffer *ret)
{
	_buffer_ struct buffer kernel = {0};
	struct image_parts parts;
	struct ukd_error e = {0};

	fixture_kernel_make(&kernel);
	parts = fixture_parts(&kernel);
	must(image_assemble(&parts, ret, &e) == 0, e.text);
}

uint32_t sealed_header_of(const struct buffer *image, const char *name)
{
	uint32_t pe = load_le32(image->data + 0x3c);
	uint32_t table = pe + 24 + load_le16(image->data + pe + 20);

	for (unsigned int i = 0; i < load_le16(image->data + pe + 6); i++)
		if (!strncmp((const char *)image->data + table + 40 * i, name, 8))
			return table + 40 * i;
	must(false, name);
	return 0;
}

uint32_t sealed_raw_of(const struct buffer *image, const char *name)
{
	return load_le32(image->data + sealed_header_of(image, name) + 20);
}

uint32_t sealed_end_of(const struct buffer *image)
{
	uint32_t h = sealed_header_of(image, ".kexec");

	return load_le32(image->data + h + 16) + load_le32(image->data + h + 20);
}
