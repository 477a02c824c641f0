// SPDX-License-Identifier: GPL-2.0-or-later
/* Small PE files for unit tests: see fixture_pe.h. tests/gen/pe.py makes the same in Python. */
#include "fixture_pe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pe/cert.h"
#include "pe/pe.h"
#include "util/cleanup.h"

#define SECTION_ALIGN 0x1000
#define DATA_FLAGS    (PE_SCN_INITIALIZED | PE_SCN_READ)
#define CODE_FLAGS    (PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ)

static void must(int ok)
{
	if (!ok)
		abort();
}

static void put_headers(uint8_t *p, unsigned int n_sections, uint32_t image_size)
{
	uint8_t *coff = p + FIXTURE_PE_OFFSET, *opt = p + FIXTURE_OPT_OFFSET;

	memcpy(p, "MZ", 2);
	store_le32(p + 0x3c, FIXTURE_PE_OFFSET);
	memcpy(coff, "PE\0\0", 4);
	store_le16(coff + 4, 0x8664);
	store_le16(coff + 6, (uint16_t)n_sections);
	store_le16(coff + 20, 240);
	store_le16(coff + 22, 0x22e);
	store_le16(opt, 0x20b);
	store_le32(opt + 16, SECTION_ALIGN); /* entry point: start of the first section */
	store_le32(opt + 32, SECTION_ALIGN);
	store_le32(opt + 36, FIXTURE_FILE_ALIGN);
	store_le32(opt + 56, image_size);
	store_le32(opt + 60, FIXTURE_HEADERS);
	store_le16(opt + 68, 10);
	store_le16(opt + 70, 0x100);
	store_le32(opt + 108, 16);
}

void fixture_pe_make(const struct fixture_section *sections, unsigned int n, struct buffer *ret)
{
	uint32_t raw = FIXTURE_HEADERS, rva = SECTION_ALIGN, size = FIXTURE_HEADERS;
	uint8_t *p;

	for (unsigned int i = 0; i < n; i++)
		size += (uint32_t)align_up(sections[i].len, FIXTURE_FILE_ALIGN);
	p = calloc(1, size + 1);
	must(p != NULL);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *h = p + FIXTURE_SECTION_TABLE + FIXTURE_SECTION_HEADER * i;
		uint32_t raw_size = (uint32_t)align_up(sections[i].len, FIXTURE_FILE_ALIGN);

		memcpy(h, sections[i].name, strnlen(sections[i].name, PE_SECTION_NAME_LEN));
		store_le32(h + 8, sections[i].len);
		store_le32(h + 12, rva);
		store_le32(h + 16, raw_size);
		store_le32(h + 20, raw);
		store_le32(h + 36, sections[i].flags ? sections[i].flags : DATA_FLAGS);
		memcpy(p + raw, sections[i].data, sections[i].len);
		raw += raw_size;
		rva += (uint32_t)align_up(sections[i].len, SECTION_ALIGN);
	}
	put_headers(p, n, rva);
	*ret = (struct buffer){.data = p, .len = size};
}

void fixture_uki_make(struct buffer *ret)
{
#define TEXT(s) (s), sizeof(s) - 1
	static const struct fixture_section sections[] = {
		{".text", TEXT("\xf4\xeb\xfd code"), CODE_FLAGS},
		{".sbat", TEXT("sbat,1,SBAT Version,sbat,1,https://example.org\n"), 0},
		{".osrel", TEXT("ID=test\nVERSION_ID=1\n"), 0},
		{".cmdline", TEXT("console=ttyS0 quiet"), 0},
		{".initrd", TEXT("070701 not really a cpio"), 0},
		{".linux", TEXT("not really a kernel"), 0},
	};
#undef TEXT

	fixture_pe_make(sections, ARRAY_SIZE(sections), ret);
}

void fixture_uki_with(const struct fixture_section *more, unsigned int n, struct buffer *ret)
{
	struct fixture_section s[FIXTURE_MAX_SECTIONS] = {
		{".text", "\xf4", 1, CODE_FLAGS},    FIXTURE_SECTION(".sbat", "sbat,1,x\n"),
		FIXTURE_SECTION(".osrel", "ID=x\n"), FIXTURE_SECTION(".cmdline", "base"),
		FIXTURE_SECTION(".linux", "kernel"),
	};

	must(n <= FIXTURE_MAX_SECTIONS - 5);
	memcpy(s + 5, more, n * sizeof(*more));
	fixture_pe_make(s, 5 + n, ret);
}

uint32_t fixture_section_offset(const struct buffer *pe, const char *name)
{
	unsigned int n = load_le16(pe->data + FIXTURE_PE_OFFSET + 6);

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *h = pe->data + FIXTURE_SECTION_TABLE + FIXTURE_SECTION_HEADER * i;

		if (!strncmp((const char *)h, name, PE_SECTION_NAME_LEN))
			return load_le32(h + 20);
	}
	abort();
}

void fixture_attach(struct buffer *pe, struct bytes der)
{
	uint32_t size = cert_entry_size(der.len);
	uint8_t *dir = pe->data + FIXTURE_CERTDIR;

	if (!load_le32(dir))
		store_le32(dir, (uint32_t)pe->len);
	store_le32(dir + 4, load_le32(dir + 4) + size);
	pe->data = realloc(pe->data, pe->len + size + 1);
	must(pe->data != NULL);
	cert_entry_write(der, pe->data + pe->len);
	pe->len += size;
	pe->data[pe->len] = 0;
}

int fixture_memfd(struct bytes content)
{
	int fd = memfd_create("fixture", MFD_CLOEXEC);

	must(fd >= 0);
	must(fd_write_full(fd, content.p, content.len) == 0);
	return fd;
}

int open_and_read(const struct buffer *pe, struct uki *u, struct ukd_error *e)
{
	_close_ int fd = fixture_memfd(buffer_bytes(pe));
	int r = uki_open(fd, "test", pe->len, u, e);

	return r < 0 ? r : uki_read(u, NULL, 0, NULL, e);
}
