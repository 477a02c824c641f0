// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals a plain UKI: see reseal.h. Its EFI program becomes a systemd-stub file of the kind that a
 * build takes, in memory, so that there is one assembler and one set of its rules.
 */
#include "build/reseal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/pewrite.h"
#include "util/cleanup.h"

#define STUB_PE_HEADER 0x40

_Static_assert(UKI_SECTION_MAX - 12 <= BUILD_MAX_EXTRA, "room for every kind that is kept");

/* A section of the profile that is sealed; empty if there is none. */
static struct bytes content(const struct reseal_spec *spec, enum uki_section id)
{
	const struct pe_section *s = spec->profile.section[id];

	return s ? (struct bytes){spec->file.p + s->raw, pe_section_len(s)} : (struct bytes){0};
}

static int check_sections(const struct reseal_spec *spec, struct ukd_error *e)
{
	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++)
		if (spec->profile.section[id] && uki_sections[id].flags & UKI_HARDWARE)
			return ukd_refuse(e, "sealed.sections",
					  "has a '%.8s' section, which a kexec cannot apply",
					  uki_sections[id].name);
	if (!content(spec, UKI_CMDLINE).len)
		return ukd_refuse(e, "sealed.sections",
				  "has no '.cmdline' section; a sealed image must bring its own");
	if (!content(spec, UKI_INITRD).len)
		return ukd_refuse(e, "sealed.sections",
				  "has no '.initrd' section; a sealed image must bring its own");
	return 0;
}

/* The EFI program and .sbat alone: what linuxx64.efi.stub was before ukify added to it. */
static int make_stub(const struct reseal_spec *spec, struct buffer *ret, struct ukd_error *e)
{
	struct pe_writer w = {
		.from = spec->file.p,
		.pe = &spec->uki->pe,
		.header_offset = STUB_PE_HEADER,
		.keep_nx = true,
	};

	if (pe_count(&spec->uki->pe, UKI_OTHER) >= PE_WRITE_MAX_SECTIONS)
		return ukd_refuse(e, "sealed.stub", "its EFI program has too many sections");
	pe_writer_add_program(&w);
	pe_writer_add(&w, ".sbat", content(spec, UKI_SBAT));
	return pe_writer_make(&w, ret, e);
}

/* Microcode and initrd as one; ret stays empty if there is no microcode. */
static int join_initrd(const struct reseal_spec *spec, struct buffer *ret, struct ukd_error *e)
{
	struct bytes ucode = content(spec, UKI_UCODE), initrd = content(spec, UKI_INITRD);
	size_t at = (size_t)align_up(ucode.len, INITRD_ALIGN);

	if (!ucode.len)
		return 0;
	ret->data = calloc(1, at + initrd.len + 1);
	if (!ret->data)
		return ukd_oom(e);
	ret->len = at + initrd.len;
	memcpy(ret->data, ucode.p, ucode.len);
	memcpy(ret->data + at, initrd.p, initrd.len);
	return 0;
}

/* Sections that no part of an image is made of and that a sealed image may have. */
static void keep_others(const struct reseal_spec *spec, struct image_parts *parts)
{
	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++) {
		switch (id) {
		case UKI_LINUX:
		case UKI_OSREL:
		case UKI_CMDLINE:
		case UKI_INITRD:
		case UKI_UNAME:
		case UKI_SBAT:
			continue;
		}
		if (spec->profile.section[id] && !(uki_sections[id].flags & UKI_NOT_SEALED))
			parts->extra[parts->n_extra++] = (struct extra_section){
				spec->profile.section[id]->name, content(spec, id)};
	}
}

static void tell(const struct reseal_spec *spec)
{
	const struct uki_profile *p = &spec->profile;
	char text[256];

	if (p->section[UKI_PROFILE]) {
		(void)snprintf(text, sizeof(text), "profile %u%s%s of %u; '.profile' is dropped",
			       p->number, p->id[0] ? ", ID " : "", p->id, spec->uki->n_profiles);
		spec->note(spec->note_ctx, text);
	}
	if (p->section[UKI_UCODE])
		spec->note(spec->note_ctx, "'.ucode' goes in front of '.initrd'");
	if (!p->section[UKI_UNAME])
		spec->note(spec->note_ctx, "'.uname' is added, from the kernel");
	if (p->section[UKI_PCRSIG])
		spec->note(spec->note_ctx,
			   "warning: what is measured into PCR 11 changes ('.sbat' does), so the "
			   "policies in '.pcrsig' no longer match when firmware boots the image");
	if (spec->uki->pe.cert_size)
		spec->note(spec->note_ctx, "the old signature is dropped");
}

static int reseal(const struct reseal_spec *spec, struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer stub = {0}, initrd = {0};
	struct image_parts parts = {
		.kernel = content(spec, UKI_LINUX),
		.initrd = content(spec, UKI_INITRD),
		.cmdline = content(spec, UKI_CMDLINE),
		.osrel = content(spec, UKI_OSREL),
		.uname = content(spec, UKI_UNAME),
		.flags = spec->flags,
	};
	int r = check_sections(spec, e);

	if (r >= 0)
		r = make_stub(spec, &stub, e);
	if (r >= 0)
		r = join_initrd(spec, &initrd, e);
	if (r < 0)
		return r;
	parts.efi_stub = buffer_bytes(&stub);
	if (initrd.len)
		parts.initrd = buffer_bytes(&initrd);
	keep_others(spec, &parts);
	r = image_assemble(&parts, ret, e);
	if (r >= 0)
		tell(spec);
	return r;
}

int image_reseal(const struct reseal_spec *spec, struct buffer *ret, struct ukd_error *e)
{
	int r = reseal(spec, ret, e);

	return r < 0 ? ukd_prefix(e, "%s", spec->uki->name) : 0;
}
