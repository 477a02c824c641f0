// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes addons: see addon.h.
 *
 * An addon is never started. systemd-stub has firmware load it, so that firmware (or shim) checks
 * its signature, and then reads its sections in memory (systemd 254 to 262, src/boot/stub.c
 * load_addons()); neither it nor `ukify inspect` asks which program is inside. systemd's own addon
 * stub is a program that does nothing; our built-in refusal serves as well, and making an addon
 * does not need systemd-boot installed.
 */
#include "build/addon.h"

#include <stdlib.h>
#include <string.h>

#include "build/efi_stub.h"
#include "build/pewrite.h"
#include "util/cleanup.h"

#define ADDON_PE_HEADER 0x40

bool addon_may_have(const char *name)
{
	static const char *const names[ADDON_MAX_SECTIONS] = {".cmdline", ".initrd", ".ucode",
							      ".dtb"};

	for (unsigned int i = 0; i < ADDON_MAX_SECTIONS; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int check_parts(const struct addon_parts *parts, struct ukd_error *e)
{
	if (!parts->n)
		return ukd_refuse(e, "addon.content", "the addon would add nothing");
	for (unsigned int i = 0; i < parts->n; i++)
		if (!parts->section[i].data.len)
			return ukd_refuse(e, "addon.content", "section '%s' is empty",
					  parts->section[i].name);
	return 0;
}

/*
 * A component of its own: revoking the addons that some version made must not revoke images. A
 * site that wants to revoke its own addons brings its own text.
 */
static int make_sbat(struct buffer *ret, struct ukd_error *e)
{
	static const char own[] = "ukdump-addon,1,ukdump,ukdump-addon," UKDUMP_VERSION
				  ",man:ukdumpctl(8)\n";
	struct bytes header = {(const uint8_t *)sbat_header, strlen(sbat_header)};

	return sbat_append(header, own, ret, e);
}

static int write_addon(const struct addon_parts *parts, const struct efi_stub *stub,
		       struct bytes sbat, struct buffer *ret, struct ukd_error *e)
{
	struct pe_writer w = {
		.from = stub->image.data,
		.pe = &stub->pe,
		.header_offset = ADDON_PE_HEADER,
		.keep_nx = true,
	};

	pe_writer_add_program(&w);
	pe_writer_add(&w, ".sbat", sbat);
	if (parts->uname.len)
		pe_writer_add(&w, ".uname", parts->uname);
	for (unsigned int i = 0; i < parts->n; i++)
		pe_writer_add(&w, parts->section[i].name, parts->section[i].data);
	return pe_writer_make(&w, ret, e);
}

int addon_assemble(const struct addon_parts *parts, struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer sbat = {0};
	struct efi_stub stub;
	int r = check_parts(parts, e);

	if (r >= 0)
		r = make_sbat(&sbat, e);
	if (r >= 0)
		r = efi_stub_load((struct bytes){0}, &stub, e);
	if (r < 0)
		return r;
	r = write_addon(parts, &stub, parts->sbat.len ? parts->sbat : buffer_bytes(&sbat), ret, e);
	efi_stub_free(&stub);
	return r;
}
