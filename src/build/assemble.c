// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Assembles a sealed UKI: see build.h and docs/UKI.md. The parts come from packages and from the
 * administrator; they may be of the wrong kind or damaged, and are then refused by name.
 */
#include "build/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sections.h"
#include "build/efi_stub.h"
#include "pe/sealed.h"
#include "util/cleanup.h"

#define OPT_LEN		   240 /* PE32+ optional header with 16 data directories */
#define COFF_LEN	   24
#define SECTION_HEADER_LEN 40
#define NX_COMPAT	   0x0100
#define READ_ONLY_DATA	   (PE_SCN_READ | PE_SCN_INITIALIZED)
#define FILE_ALIGN	   0x200 /* a larger one would exclude .initrd's place */
#define MAX_SECTIONS	   55	 /* what fits between the optional header and 0x1000 */

extern const uint8_t kexec_stub_start[], kexec_stub_end[];

struct out_section {
	char name[PE_SECTION_NAME_LEN];
	struct bytes data;
	uint32_t flags;
	uint32_t vaddr, vsize, raw, raw_size;
};

struct assembly {
	const struct image_parts *parts;
	struct efi_stub stub;
	struct setup_header inner;
	char version[SEALED_VERSION_MAX + 1];
	_Alignas(8) uint8_t kexec[UKI_TEXT_MAX]; /* the kexec stub, its header filled in */
	struct buffer sbat;
	struct out_section section[MAX_SECTIONS];
	unsigned int n;
	uint32_t header_size;
	uint32_t image_size;
	uint32_t data_end;
};

void kernel_version_string(struct bytes kernel, char ret[SEALED_VERSION_MAX + 1])
{
	uint64_t off;
	size_t n = 0;

	ret[0] = 0;
	if (kernel.len < BP_HDR_END_MAX || !load_le16(kernel.p + BP_KERNEL_VERSION))
		return;
	off = 0x200u + load_le16(kernel.p + BP_KERNEL_VERSION);
	for (; n < SEALED_VERSION_MAX && off + n < kernel.len; n++) {
		uint8_t c = kernel.p[off + n];

		if (c < 0x20 || c >= 0x7f)
			break;
		ret[n] = (char)c;
	}
	ret[n] = 0;
}

/* setup_type_max of the inner kernel's kernel_info (boot protocol 2.15), or 0. */
static uint32_t setup_type_max(struct bytes kernel, const struct setup_header *inner)
{
	uint64_t at = (uint64_t)inner->pm_offset + inner->kernel_info_offset;

	if (inner->version < 0x20f || !inner->kernel_info_offset || !bytes_has(kernel, at, 16) ||
	    memcmp(kernel.p + at, "LToP", 4) != 0)
		return 0;
	return load_le32(kernel.p + at + 12);
}

/* An inner kernel that must not be mapped no-execute as data keeps the whole image from it. */
static bool kernel_is_nx_compatible(struct bytes kernel)
{
	uint32_t pe;
	uint16_t flags;

	return bytes_le32(kernel, 0x3c, &pe) &&
	       bytes_le16(kernel, (uint64_t)pe + COFF_LEN + 70, &flags) && flags & NX_COMPAT;
}

static void add_section(struct assembly *a, const char *name, struct bytes data)
{
	struct out_section *s = &a->section[a->n++];

	memcpy(s->name, name, strnlen(name, PE_SECTION_NAME_LEN));
	s->data = data;
	s->flags = READ_ONLY_DATA;
	s->vsize = (uint32_t)data.len;
}

/* systemd-stub's sections keep their RVAs; its .sbat is merged into ours. */
static void add_stub_sections(struct assembly *a)
{
	for (unsigned int i = 0; i < a->stub.pe.n_sections; i++) {
		const struct pe_section *from = &a->stub.pe.section[i];
		struct out_section *s;

		if (from->id == UKI_SBAT)
			continue;
		add_section(a, from->name,
			    (struct bytes){a->stub.image.data + from->raw, from->raw_size});
		s = &a->section[a->n - 1];
		s->flags = from->flags;
		s->vaddr = from->vaddr;
		s->vsize = from->vsize;
	}
}

/* SBAT: the EFI stub's lines and our own component, whose generation revokes builds of ours. */
static int make_sbat(struct assembly *a, struct ukd_error *e)
{
	static const char header[] =
		"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n";
	static const char own[] = "ukdump,1,ukdump,ukdump," UKDUMP_VERSION ",man:ukdumpctl(8)\n";
	const struct pe_section *s = pe_find(&a->stub.pe, UKI_SBAT);
	struct bytes base = {(const uint8_t *)header, strlen(header)};
	uint8_t *p;

	if (s)
		base = (struct bytes){a->stub.image.data + s->raw, pe_section_len(s)};
	while (base.len && !base.p[base.len - 1])
		base.len--;
	if (!base.len)
		return ukd_refuse(e, "stub.sbat", "EFI stub: its '.sbat' section is empty");
	p = malloc(base.len + strlen(own) + 2);
	if (!p)
		return ukd_oom(e);
	memcpy(p, base.p, base.len);
	if (p[base.len - 1] != '\n')
		p[base.len++] = '\n';
	memcpy(p + base.len, own, strlen(own) + 1);
	a->sbat = (struct buffer){p, base.len + strlen(own)};
	return 0;
}

static int add_payload_sections(struct assembly *a, struct ukd_error *e)
{
	const struct image_parts *p = a->parts;
	size_t stub_len = (size_t)(kexec_stub_end - kexec_stub_start);
	struct bytes uname = p->uname;
	int r = make_sbat(a, e);

	if (r < 0)
		return r;
	if (!uname.len)
		uname = (struct bytes){(const uint8_t *)a->version, strcspn(a->version, " ")};
	memcpy(a->kexec, kexec_stub_start, stub_len);
	add_section(a, ".sbat", buffer_bytes(&a->sbat));
	add_section(a, ".osrel", p->osrel);
	if (uname.len)
		add_section(a, ".uname", uname);
	for (unsigned int i = 0; i < p->n_extra; i++)
		add_section(a, p->extra[i].name, p->extra[i].data);
	add_section(a, ".cmdline", p->cmdline);
	add_section(a, ".initrd", p->initrd);
	add_section(a, ".linux", p->kernel);
	add_section(a, ".kexec", (struct bytes){a->kexec, stub_len});
	return 0;
}

/* File offsets and RVAs, both ascending in the order of the table, without gaps in the file. */
static int lay_out(struct assembly *a, struct ukd_error *e)
{
	uint64_t raw = a->header_size, rva = a->header_size;
	uint32_t align = a->stub.pe.section_alignment;

	if (align < SEALED_PAGE)
		align = SEALED_PAGE;
	for (unsigned int i = 0; i < a->n; i++) {
		struct out_section *s = &a->section[i];
		uint64_t raw_size = align_up(s->data.len, FILE_ALIGN);

		/* The pad that puts .initrd on a page boundary belongs to the section before it. */
		if (i + 1 < a->n && !strcmp(a->section[i + 1].name, ".initrd"))
			raw_size = align_up(raw + raw_size - SEALED_PM_OFFSET, SEALED_PAGE) +
				   SEALED_PM_OFFSET - raw;
		if (!s->vaddr)
			s->vaddr = (uint32_t)align_up(rva, align);
		s->raw = raw_size ? (uint32_t)raw : 0;
		s->raw_size = (uint32_t)raw_size;
		raw += raw_size;
		rva = (uint64_t)s->vaddr + s->vsize;
		if (raw > PE_FILE_MAX || rva > PE_FILE_MAX - align)
			return ukd_refuse(e, "sealed.size", "the image would exceed 2 GiB");
	}
	a->data_end = (uint32_t)raw;
	a->image_size = (uint32_t)align_up(rva, align);
	return 0;
}

/* COFF and optional header: the EFI stub's, for our sections and without what is dropped. */
static void write_pe_headers(const struct assembly *a, uint8_t *out)
{
	const struct pe_image *pe = &a->stub.pe;
	uint8_t *coff = out + SEALED_PE_HEADER, *opt = coff + COFF_LEN;
	const uint8_t *from = a->stub.image.data + pe->header_offset;
	uint16_t nx = load_le16(from + COFF_LEN + 70);

	memcpy(coff, from, COFF_LEN + 112);
	memset(coff + 8, 0, 12); /* time stamp, symbol table, number of symbols */
	store_le16(coff + 6, (uint16_t)a->n);
	store_le16(coff + 20, OPT_LEN);
	store_le32(opt + 36, FILE_ALIGN);
	store_le32(opt + 56, a->image_size);
	store_le32(opt + 60, a->header_size);
	store_le32(opt + 64, 0); /* checksum: EFI does not look at it */
	if (!kernel_is_nx_compatible(a->parts->kernel))
		nx &= (uint16_t)~NX_COMPAT;
	store_le16(opt + 70, nx);
	store_le32(opt + 108, 16);
	memcpy(opt + 112 + 8 * 5, from + COFF_LEN + 112 + 8 * 5, a->stub.has_relocs ? 8 : 0);
}

static void write_sections(const struct assembly *a, uint8_t *out)
{
	uint8_t *header = out + SEALED_PE_HEADER + COFF_LEN + OPT_LEN;

	for (unsigned int i = 0; i < a->n; i++, header += SECTION_HEADER_LEN) {
		const struct out_section *s = &a->section[i];

		memcpy(header, s->name, PE_SECTION_NAME_LEN);
		store_le32(header + 8, s->vsize);
		store_le32(header + 12, s->vaddr);
		store_le32(header + 16, s->raw_size);
		store_le32(header + 20, s->raw);
		store_le32(header + 36, s->flags);
		if (s->data.len)
			memcpy(out + s->raw, s->data.p, s->data.len);
	}
}

static int write_image(struct assembly *a, uint8_t *out, struct ukd_error *e)
{
	const struct out_section *kexec = &a->section[a->n - 1], *kernel = &a->section[a->n - 2];
	struct sealed_head head = {
		.kernel = a->parts->kernel,
		.version = a->version,
		.kernel_raw = kernel->raw,
		.stub_offset = kexec->raw - SEALED_PM_OFFSET,
		.end = a->data_end - SEALED_PM_OFFSET,
		.flags = a->parts->flags,
		.setup_type_max = setup_type_max(a->parts->kernel, &a->inner),
	};
	int r = sealed_head_write(&head, out, e);

	if (r < 0)
		return r;
	sealed_stub_header_write(a->kexec, head.stub_offset, head.end, head.flags);
	write_pe_headers(a, out);
	write_sections(a, out);
	return 0;
}

static int check_parts(struct assembly *a, struct ukd_error *e)
{
	const struct image_parts *p = a->parts;
	const char *wrong = sealed_check_kernel(p->kernel, p->kernel.len, &a->inner);

	if (wrong)
		return ukd_refuse(e, "sealed.kernel", "kernel: %s", wrong);
	if (!p->initrd.len)
		return ukd_refuse(e, "sealed.initrd", "initrd: the file is empty");
	if (!p->osrel.len)
		return ukd_refuse(e, "uki.required", "os-release: the file is empty");
	return sealed_check_cmdline(p->cmdline, a->inner.cmdline_size, p->flags, e);
}

/* SizeOfHeaders: up to the first RVA, so that firmware can map them, and at most one page. */
static int size_headers(struct assembly *a, struct ukd_error *e)
{
	uint32_t first = a->stub.pe.section[0].vaddr;
	uint32_t need = SEALED_PE_HEADER + COFF_LEN + OPT_LEN + SECTION_HEADER_LEN * a->n;

	a->header_size = first < SEALED_HEADERS_MAX ? first : SEALED_HEADERS_MAX;
	a->header_size &= ~(FILE_ALIGN - 1u);
	if (need > a->header_size)
		return ukd_refuse(e, "sealed.stub",
				  "the EFI stub leaves 0x%x bytes for headers, need 0x%x",
				  a->header_size, need);
	return 0;
}

static int assemble(struct assembly *a, struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer out = {0};
	int r = check_parts(a, e);

	if (r >= 0)
		r = efi_stub_load(a->parts->efi_stub, &a->stub, e);
	if (r < 0)
		return r;
	if (a->stub.pe.n_sections + 8 + a->parts->n_extra > MAX_SECTIONS)
		return ukd_refuse(e, "sealed.stub", "the EFI stub has %u sections, too many",
				  a->stub.pe.n_sections);
	kernel_version_string(a->parts->kernel, a->version);
	add_stub_sections(a);
	r = add_payload_sections(a, e);
	if (r >= 0)
		r = size_headers(a, e);
	if (r >= 0)
		r = lay_out(a, e);
	if (r < 0)
		return r;
	out = (struct buffer){calloc(1, (size_t)a->data_end + 1), a->data_end};
	if (!out.data)
		return ukd_oom(e);
	r = write_image(a, out.data, e);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct buffer){0};
	return 0;
}

int image_assemble(const struct image_parts *parts, struct buffer *ret, struct ukd_error *e)
{
	_free_ struct assembly *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return ukd_oom(e);
	a->parts = parts;
	r = assemble(a, ret, e);
	buffer_free(&a->sbat);
	efi_stub_free(&a->stub);
	return r;
}
