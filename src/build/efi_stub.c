// SPDX-License-Identifier: GPL-2.0-or-later
/* EFI stubs: see efi_stub.h. A stub file is foreign: bounded reads, then the strict validator. */
#include "build/efi_stub.h"

#include <stdlib.h>
#include <string.h>

#define COFF_LEN	   24
#define SECTION_HEADER_LEN 40
#define BUILTIN_PE	   0x40
#define BUILTIN_HEADERS	   0x200
#define BUILTIN_LEN	   0x400
#define BUILTIN_RVA	   0x1000

void efi_stub_free(struct efi_stub *s)
{
	buffer_free(&s->image);
}

/* mov $EFI_UNSUPPORTED, %rax; ret (UEFI 2.10 appendix D: error bit and 3) */
static const uint8_t efi_unsupported[] = {0x48, 0xb8, 3, 0, 0, 0, 0, 0, 0, 0x80, 0xc3};

static void write_builtin(uint8_t *p)
{
	uint8_t *coff = p + BUILTIN_PE, *opt = coff + COFF_LEN, *section = opt + 240;

	memcpy(p, "MZ", 2);
	store_le32(p + 0x3c, BUILTIN_PE);
	memcpy(coff, "PE\0\0", 4);
	store_le16(coff + 4, 0x8664);
	store_le16(coff + 6, 1);
	store_le16(coff + 20, 240);
	store_le16(coff + 22, 0x0022); /* executable, large addresses */
	store_le16(opt, 0x20b);
	store_le32(opt + 4, 0x200);	       /* SizeOfCode */
	store_le32(opt + 16, BUILTIN_RVA);     /* AddressOfEntryPoint */
	store_le32(opt + 20, BUILTIN_RVA);     /* BaseOfCode */
	store_le32(opt + 32, 0x1000);	       /* SectionAlignment */
	store_le32(opt + 36, 0x200);	       /* FileAlignment */
	store_le32(opt + 56, 2 * BUILTIN_RVA); /* SizeOfImage */
	store_le32(opt + 60, BUILTIN_HEADERS);
	store_le16(opt + 68, 10);     /* EFI application */
	store_le16(opt + 70, 0x0100); /* NX_COMPAT */
	store_le32(opt + 108, 16);
	memcpy(section, ".text", 5);
	store_le32(section + 8, sizeof(efi_unsupported));
	store_le32(section + 12, BUILTIN_RVA);
	store_le32(section + 16, BUILTIN_LEN - BUILTIN_HEADERS);
	store_le32(section + 20, BUILTIN_HEADERS);
	store_le32(section + 36, PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ);
	memcpy(p + BUILTIN_HEADERS, efi_unsupported, sizeof(efi_unsupported));
}

/* The end of the last section's data, as far as the headers can be read; 0 if they cannot. */
static uint64_t find_data_end(struct bytes b, uint32_t coff)
{
	uint64_t table, end = 0;
	uint16_t n, opt_len;

	if (!bytes_has(b, coff, COFF_LEN))
		return 0;
	n = load_le16(b.p + coff + 6);
	opt_len = load_le16(b.p + coff + 20);
	table = (uint64_t)coff + COFF_LEN + opt_len;
	for (uint64_t i = 0; i < n; i++) {
		struct bytes s;
		uint64_t section_end;

		if (!bytes_sub(b, table + i * SECTION_HEADER_LEN, SECTION_HEADER_LEN, &s))
			return 0;
		section_end = (uint64_t)load_le32(s.p + 16) + load_le32(s.p + 20);
		if (section_end > end)
			end = section_end;
	}
	return end <= b.len ? end : 0;
}

/* Drops COFF symbols and the tail behind the sections, on our own copy. */
static void drop_symbols(struct buffer *image)
{
	uint32_t coff;
	uint64_t end;

	if (!bytes_le32(buffer_bytes(image), 0x3c, &coff))
		return;
	end = find_data_end(buffer_bytes(image), coff);
	if (!end || !load_le32(image->data + coff + 12))
		return;
	memset(image->data + coff + 12, 0, 8);
	image->len = end;
}

/* SizeOfImage of stub 252 is no multiple of its SectionAlignment; ours is computed anew anyway. */
static void round_image_size(struct buffer *image)
{
	uint32_t coff, align, size;
	uint8_t *opt;

	if (!bytes_le32(buffer_bytes(image), 0x3c, &coff) ||
	    !bytes_has(buffer_bytes(image), coff, COFF_LEN + 112))
		return;
	opt = image->data + coff + COFF_LEN;
	align = load_le32(opt + 32);
	size = load_le32(opt + 56);
	if (is_power_of_two(align) && size <= PE_FILE_MAX)
		store_le32(opt + 56, (uint32_t)align_up(size, align));
}

static int check_kind(const struct efi_stub *s, struct ukd_error *e)
{
	if (s->pe.cert_size)
		return ukd_refuse(e, "stub.signed", "EFI stub: is signed already");
	for (unsigned int i = 0; i < s->pe.n_sections; i++) {
		enum uki_section id = s->pe.section[i].id;

		if (id != UKI_OTHER && id != UKI_SBAT)
			return ukd_refuse(e, "stub.kind",
					  "EFI stub: has a '%s' section, is it a UKI?",
					  s->pe.section[i].name);
	}
	return 0;
}

int efi_stub_load(struct bytes file, struct efi_stub *ret, struct ukd_error *e)
{
	struct efi_stub s = {.image = {.len = file.len ? file.len : BUILTIN_LEN}};
	int r;

	s.image.data = calloc(1, s.image.len + 1);
	if (!s.image.data)
		return ukd_oom(e);
	if (file.len) {
		memcpy(s.image.data, file.p, file.len);
		drop_symbols(&s.image);
		round_image_size(&s.image);
	} else {
		write_builtin(s.image.data);
	}
	r = pe_parse(buffer_bytes(&s.image), s.image.len, &s.pe, e);
	if (r < 0)
		(void)ukd_prefix(e, "EFI stub");
	else
		r = check_kind(&s, e);
	if (r < 0) {
		efi_stub_free(&s);
		return r;
	}
	*ret = s;
	return 0;
}
