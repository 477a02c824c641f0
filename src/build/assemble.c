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
#include "build/pewrite.h"
#include "pe/kernel.h"
#include "pe/sealed.h"
#include "util/cleanup.h"

#define COFF_LEN  24
#define NX_COMPAT 0x0100

extern const uint8_t kexec_stub_start[], kexec_stub_end[];

struct assembly {
	const struct image_parts *parts;
	struct efi_stub stub;
	struct setup_header inner;
	char version[SEALED_VERSION_MAX + 1];
	_Alignas(8) uint8_t kexec[UKI_TEXT_MAX]; /* the kexec stub, its header filled in */
	struct buffer sbat;
	struct pe_writer writer;
};

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

/* SBAT: the EFI stub's lines and our own component, whose generation revokes builds of ours. */
static int make_sbat(struct assembly *a, struct ukd_error *e)
{
	static const char own[] = "ukdump,1,ukdump,ukdump," UKDUMP_VERSION ",man:ukdumpctl(8)\n";
	const struct pe_section *s = pe_find(&a->stub.pe, UKI_SBAT);
	struct bytes base = {(const uint8_t *)sbat_header, strlen(sbat_header)};

	if (s)
		base = (struct bytes){a->stub.image.data + s->raw, pe_section_len(s)};
	return sbat_append(base, own, &a->sbat, e);
}

static int add_payload_sections(struct assembly *a, struct ukd_error *e)
{
	const struct image_parts *p = a->parts;
	size_t stub_len = (size_t)(kexec_stub_end - kexec_stub_start);
	struct pe_writer *w = &a->writer;
	struct bytes uname = p->uname;
	int r = make_sbat(a, e);

	if (r < 0)
		return r;
	if (!uname.len)
		uname = (struct bytes){(const uint8_t *)a->version, strcspn(a->version, " ")};
	memcpy(a->kexec, kexec_stub_start, stub_len);
	pe_writer_add(w, ".sbat", buffer_bytes(&a->sbat));
	pe_writer_add(w, ".osrel", p->osrel);
	if (uname.len)
		pe_writer_add(w, ".uname", uname);
	for (unsigned int i = 0; i < p->n_extra; i++)
		pe_writer_add(w, p->extra[i].name, p->extra[i].data);
	pe_writer_add(w, ".cmdline", p->cmdline);
	pe_writer_add(w, ".initrd", p->initrd)->page_aligned = true;
	pe_writer_add(w, ".linux", p->kernel);
	pe_writer_add(w, ".kexec", (struct bytes){a->kexec, stub_len});
	return 0;
}

static int write_image(struct assembly *a, uint8_t *out, struct ukd_error *e)
{
	const struct pe_writer *w = &a->writer;
	const struct pe_out_section *kexec = &w->section[w->n - 1], *kernel = &w->section[w->n - 2];
	struct sealed_head head = {
		.kernel = a->parts->kernel,
		.version = a->version,
		.kernel_raw = kernel->raw,
		.stub_offset = kexec->raw - SEALED_PM_OFFSET,
		.end = w->data_end - SEALED_PM_OFFSET,
		.flags = a->parts->flags,
		.setup_type_max = setup_type_max(a->parts->kernel, &a->inner),
	};
	int r = sealed_head_write(&head, out, e);

	if (r < 0)
		return r;
	sealed_stub_header_write(a->kexec, head.stub_offset, head.end, head.flags);
	pe_writer_write(w, out);
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
	struct pe_writer *w = &a->writer;
	uint32_t first = a->stub.pe.section[0].vaddr, need = pe_writer_headers(w);

	w->header_size = first < SEALED_HEADERS_MAX ? first : SEALED_HEADERS_MAX;
	w->header_size &= ~(PE_WRITE_FILE_ALIGN - 1u);
	if (need > w->header_size)
		return ukd_refuse(e, "sealed.stub",
				  "the EFI stub leaves 0x%x bytes for headers, need 0x%x",
				  w->header_size, need);
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
	if (a->stub.pe.n_sections + 8 + a->parts->n_extra > PE_WRITE_MAX_SECTIONS)
		return ukd_refuse(e, "sealed.stub", "the EFI stub has %u sections, too many",
				  a->stub.pe.n_sections);
	kernel_version_string(a->parts->kernel, a->version);
	a->writer = (struct pe_writer){
		.from = a->stub.image.data,
		.pe = &a->stub.pe,
		.header_offset = SEALED_PE_HEADER,
		.origin = SEALED_PM_OFFSET,
		.keep_nx = kernel_is_nx_compatible(a->parts->kernel),
	};
	pe_writer_add_program(&a->writer);
	r = add_payload_sections(a, e);
	if (r >= 0)
		r = size_headers(a, e);
	if (r >= 0)
		r = pe_writer_lay_out(&a->writer, e);
	if (r < 0)
		return r;
	out = (struct buffer){calloc(1, (size_t)a->writer.data_end + 1), a->writer.data_end};
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
