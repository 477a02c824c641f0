// SPDX-License-Identifier: GPL-2.0-or-later
/* Sealed images as files: see sealed.h. The image is hostile until its signature was verified. */
#include "pe/sealed.h"

#include <stdio.h>
#include <string.h>

/* cli; hlt; jmp back to hlt: what a boot loader that uses a 16- or 32-bit entry point gets */
static const uint8_t halt_code[] = {0xfa, 0xf4, 0xeb, 0xfd};

/* The fields that make the file load whole and start at the stub; the rest stays the inner
 * kernel's. */
static void adapt_header(const struct sealed_head *h, const struct setup_header *inner,
			 uint64_t init_size, uint8_t *out)
{
	uint64_t payload = (uint64_t)h->kernel_raw - SEALED_PM_OFFSET + inner->pm_offset +
			   inner->payload_offset;

	out[BP_SETUP_SECTS] = 1;
	store_le32(out + BP_SYSSIZE, (uint32_t)(align_up(h->end, 16) / 16));
	store_le32(out + BP_INIT_SIZE, (uint32_t)init_size);
	store_le16(out + BP_XLOADFLAGS,
		   inner->xloadflags & (uint16_t) ~(XLF_EFI_HANDOVER_32 | XLF_EFI_HANDOVER_64));
	store_le32(out + BP_HANDOVER_OFFSET, 0);
	store_le16(out + BP_KERNEL_VERSION, SEALED_VERSION - 0x200);
	store_le32(out + BP_PAYLOAD_OFFSET, (uint32_t)payload);
	if (inner->end >= BP_KERNEL_INFO_OFFSET + 4) /* boot protocol 2.15 */
		store_le32(out + BP_KERNEL_INFO_OFFSET, SEALED_KERNEL_INFO - SEALED_PM_OFFSET);
}

static void write_entries(const struct sealed_head *h, uint8_t *out)
{
	memcpy(out + SEALED_HALT_32, halt_code, sizeof(halt_code));
	out[SEALED_ENTRY] = 0xe9; /* jmp rel32 */
	store_le32(out + SEALED_ENTRY + 1, h->stub_offset - (SEALED_ENTRY - SEALED_PM_OFFSET + 5));
	memcpy(out + SEALED_KERNEL_INFO, "LToP", 4);
	store_le32(out + SEALED_KERNEL_INFO + 4, 16);
	store_le32(out + SEALED_KERNEL_INFO + 8, 16);
	store_le32(out + SEALED_KERNEL_INFO + 12, h->setup_type_max);
}

int sealed_head_write(const struct sealed_head *h, uint8_t ret[SEALED_PE_HEADER],
		      struct ukd_error *e)
{
	struct sealed_layout layout;
	struct setup_header inner;
	const char *wrong = setup_header_parse(h->kernel, &inner);
	uint64_t init_size;

	if (!wrong)
		wrong = sealed_layout(h->end, &inner, &layout);
	if (wrong)
		return ukd_refuse(e, "sealed.kernel", "%s", wrong);
	init_size = layout.dest + inner.init_size;
	if (h->flags & SEALED_FOR_NORMAL_KEXEC)
		init_size += inner.kernel_alignment;
	if (init_size > PE_FILE_MAX)
		return ukd_refuse(e, "sealed.size", "the image would need %llu bytes, limit 2 GiB",
				  (unsigned long long)init_size);

	memset(ret, 0, SEALED_PE_HEADER);
	memcpy(ret, "MZ", 2);
	store_le32(ret + 0x3c, SEALED_PE_HEADER);
	memcpy(ret + BP_HDR, h->kernel.p + BP_HDR, inner.end - BP_HDR);
	memcpy(ret + inner.end, halt_code, sizeof(halt_code));
	(void)snprintf((char *)ret + SEALED_VERSION, SEALED_VERSION_MAX + 1, "%s", h->version);
	adapt_header(h, &inner, init_size, ret);
	write_entries(h, ret);
	return 0;
}

void sealed_stub_header_write(uint8_t *stub, uint32_t offset, uint32_t end, uint32_t flags)
{
	store_le32(stub + STUB_OFFSET, offset);
	store_le32(stub + STUB_END, end);
	store_le32(stub + STUB_FLAGS, flags);
	store_le32(stub + STUB_RESERVED, 0);
}

/* True if one of the line's words begins with word. */
static bool has_word(struct bytes line, const char *word)
{
	for (uint64_t i = 0; i < line.len; i++) {
		struct bytes rest = {line.p + i, line.len - i};

		if ((i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '"') &&
		    bytes_start_with(rest, word))
			return true;
	}
	return false;
}

int sealed_check_cmdline(struct bytes line, uint32_t cmdline_size, uint32_t flags,
			 struct ukd_error *e)
{
	static const char *const added_by_kernel[] = {"elfcorehdr=", "dmcryptkeys="};
	uint64_t extra = SEALED_CMDLINE_EXTRA + 1;

	if (flags & SEALED_KEEP_DMCRYPTKEYS)
		extra += SEALED_CMDLINE_KEYS;
	for (unsigned int i = 0; i < ARRAY_SIZE(added_by_kernel); i++)
		if (has_word(line, added_by_kernel[i]))
			return ukd_refuse(e, "sealed.cmdline",
					  "the command line contains '%s', which only the running "
					  "kernel may add",
					  added_by_kernel[i]);
	if (!line.len)
		return ukd_refuse(e, "sealed.cmdline", "the command line is empty");
	if (line.len + extra > cmdline_size)
		return ukd_refuse(
			e, "sealed.cmdline", "command line of %llu bytes, this kernel takes %llu",
			(unsigned long long)line.len,
			cmdline_size > extra ? (unsigned long long)(cmdline_size - extra) : 0);
	return 0;
}

static int check_sections(const struct uki *u, struct ukd_error *e)
{
	static const enum uki_section once[] = {UKI_LINUX, UKI_INITRD, UKI_CMDLINE, UKI_KEXEC};
	const struct pe_section *initrd = pe_find(&u->pe, UKI_INITRD);

	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id != UKI_OTHER && uki_sections[s->id].flags & UKI_NOT_SEALED)
			return ukd_refuse(e, "sealed.sections",
					  "a sealed image must not have a '%s' section", s->name);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(once); i++)
		if (pe_count(&u->pe, once[i]) != 1)
			return ukd_refuse(e, "sealed.sections",
					  "section '%.8s' must occur exactly once",
					  uki_sections[once[i]].name);
	if ((initrd->raw - SEALED_PM_OFFSET) % SEALED_PAGE)
		return ukd_refuse(e, "sealed.initrd",
				  "'.initrd' at 0x%x is not page-aligned in memory", initrd->raw);
	return 0;
}

static int check_pe(const struct uki *u, struct ukd_error *e)
{
	uint32_t table_end = u->pe.section_table + 40 * u->pe.n_sections;
	struct bytes slack = {u->head.data + table_end, u->head.len - table_end};

	if (u->pe.header_offset != SEALED_PE_HEADER || u->pe.header_size > SEALED_HEADERS_MAX)
		return ukd_refuse(e, "sealed.layout",
				  "PE header at 0x%x, headers of 0x%x bytes: need 0x640, at most "
				  "0x1000",
				  u->pe.header_offset, u->pe.header_size);
	if (u->pe.n_sections > SEALED_MAX_SECTIONS)
		return ukd_refuse(e, "sealed.layout", "%u sections, the limit is %u",
				  u->pe.n_sections, SEALED_MAX_SECTIONS);
	if (!bytes_all_zero(slack))
		return ukd_refuse(e, "sealed.slack", "bytes behind the section table are not zero");
	return 0;
}

/* .kexec must be a stub whose header speaks of this very image. */
static int check_stub(const struct uki *u, struct sealed_head *h, struct ukd_error *e)
{
	struct bytes stub = uki_content(u, pe_find(&u->pe, UKI_KEXEC));

	if (stub.len < STUB_HEADER_LEN ||
	    memcmp(stub.p + STUB_MAGIC, STUB_MAGIC_TEXT, strlen(STUB_MAGIC_TEXT)) != 0)
		return ukd_refuse(e, "sealed.stub", "'.kexec' is not a ukdump kexec stub");
	h->stub_offset = pe_find(&u->pe, UKI_KEXEC)->raw - SEALED_PM_OFFSET;
	h->end = u->pe.data_end - SEALED_PM_OFFSET;
	h->flags = load_le32(stub.p + STUB_FLAGS);
	if (load_le32(stub.p + STUB_OFFSET) != h->stub_offset ||
	    load_le32(stub.p + STUB_END) != h->end || load_le32(stub.p + STUB_RESERVED) ||
	    h->flags & ~SEALED_FLAGS_ALL)
		return ukd_refuse(e, "sealed.stub",
				  "the kexec stub's header does not fit this image");
	return 0;
}

/* Printable ASCII, ended by a NUL within max bytes: it is shown to people and kept line by line. */
static bool is_printable(const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] >= 0x7f)
			return false;
	return n < max;
}

/* Every byte before the PE header is what it must be. */
static int check_head(const struct uki *u, struct sealed_head *h, struct ukd_error *e)
{
	const uint8_t *head = u->head.data;
	uint8_t expected[SEALED_PE_HEADER];
	int r;

	h->version = (const char *)head + SEALED_VERSION;
	if (!is_printable(h->version, SEALED_VERSION_MAX + 1))
		return ukd_refuse(e, "sealed.version",
				  "version string is not printable ASCII with an end");
	h->setup_type_max = load_le32(head + SEALED_KERNEL_INFO + 12);
	r = sealed_head_write(h, expected, e);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < SEALED_PE_HEADER; i++)
		if (head[i] != expected[i])
			return ukd_refuse(e, "sealed.head",
					  "boot header byte 0x%03x is 0x%02x, need 0x%02x", i,
					  head[i], expected[i]);
	return 0;
}

static void fill_facts(const struct uki *u, const struct sealed_head *h, struct sealed_facts *f)
{
	(void)snprintf(f->version, sizeof(f->version), "%s", h->version);
	f->flags = h->flags;
	f->kernel_len = pe_section_len(pe_find(&u->pe, UKI_LINUX));
	f->initrd_len = pe_section_len(pe_find(&u->pe, UKI_INITRD));
}

static int validate(const struct uki *u, struct sealed_facts *ret, struct ukd_error *e)
{
	struct sealed_head h = {.kernel = uki_content(u, pe_find(&u->pe, UKI_LINUX))};
	struct sealed_facts f = {0};
	const char *wrong;
	int r = check_pe(u, e);

	if (r >= 0)
		r = check_sections(u, e);
	if (r < 0)
		return r;
	h.kernel_raw = pe_find(&u->pe, UKI_LINUX)->raw;
	wrong = sealed_check_kernel(h.kernel, pe_section_len(pe_find(&u->pe, UKI_LINUX)), &f.inner);
	if (wrong)
		return ukd_refuse(e, "sealed.kernel", ".linux: %s", wrong);
	r = check_stub(u, &h, e);
	if (r >= 0)
		r = check_head(u, &h, e);
	if (r >= 0)
		r = sealed_check_cmdline(uki_content(u, pe_find(&u->pe, UKI_CMDLINE)),
					 f.inner.cmdline_size, h.flags, e);
	if (r < 0)
		return r;
	wrong = setup_header_parse(buffer_bytes(&u->head), &f.outer);
	if (wrong)
		return ukd_refuse(e, "sealed.head", "%s", wrong);
	fill_facts(u, &h, &f);
	*ret = f;
	return 0;
}

int sealed_validate(const struct uki *u, struct sealed_facts *ret, struct ukd_error *e)
{
	int r = validate(u, ret, e);

	return r < 0 ? ukd_prefix(e, "%s", u->name) : 0;
}
