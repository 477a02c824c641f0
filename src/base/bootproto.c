// SPDX-License-Identifier: GPL-2.0-or-later
/* The Linux/x86 setup header: see bootproto.h. The header is part of a file, thus untrusted. */
#include "base/bootproto.h"

static void read_fields(const uint8_t *p, struct setup_header *h)
{
	/* 0 means 4, for the sake of very old kernels */
	uint32_t setup_sects = p[BP_SETUP_SECTS] ? p[BP_SETUP_SECTS] : 4;

	h->pm_offset = (setup_sects + 1) * 512;
	h->end = BP_MAGIC + (uint32_t)p[BP_JUMP_LEN];
	h->syssize = load_le32(p + BP_SYSSIZE);
	h->kernel_alignment = load_le32(p + BP_KERNEL_ALIGNMENT);
	h->cmdline_size = load_le32(p + BP_CMDLINE_SIZE);
	h->payload_offset = load_le32(p + BP_PAYLOAD_OFFSET);
	h->init_size = load_le32(p + BP_INIT_SIZE);
	h->handover_offset = load_le32(p + BP_HANDOVER_OFFSET);
	h->kernel_info_offset = load_le32(p + BP_KERNEL_INFO_OFFSET);
	h->pref_address = load_le64(p + BP_PREF_ADDRESS);
	h->version = load_le16(p + BP_VERSION);
	h->kernel_version = load_le16(p + BP_KERNEL_VERSION);
	h->xloadflags = load_le16(p + BP_XLOADFLAGS);
}

const char *setup_header_parse(struct bytes head, struct setup_header *ret)
{
	const char *wrong = setup_header_parse_loaded(head, ret);

	if (!wrong && !(head.p[BP_LOADFLAGS] & BP_LOADED_HIGH))
		wrong = "kernel does not load high";
	return wrong;
}

const char *setup_header_parse_loaded(struct bytes head, struct setup_header *ret)
{
	struct setup_header h;

	if (head.len < BP_HDR_END_MAX)
		return "kernel is too short for a setup header";
	if (load_le32(head.p + BP_MAGIC) != 0x53726448) /* "HdrS" */
		return "not a bzImage: no 'HdrS' at 0x202";
	if (load_le16(head.p + BP_BOOT_FLAG) != 0xaa55)
		return "not a bzImage: no boot flag at 0x1fe";
	read_fields(head.p, &h);
	if (h.version < 0x20c)
		return "boot protocol older than 2.12";
	if (!(h.xloadflags & XLF_KERNEL_64))
		return "kernel has no 64-bit entry point";
	if (!(h.xloadflags & XLF_ABOVE_4G))
		return "kernel cannot be loaded above 4 GiB";
	/* 0x281: kernels before 6.2 read the length at 0x201 as a signed char when they copy it. */
	if (h.end < BP_KERNEL_INFO_OFFSET || h.end > 0x281)
		return "setup header has an impossible length";
	/* Less than a page would let the stub's layout begin inside one. */
	if (!is_power_of_two(h.kernel_alignment) || h.kernel_alignment < KIB(4) ||
	    h.kernel_alignment > MIB(1024))
		return "kernel alignment is not a power of two from 4 KiB to 1 GiB";
	if (!h.init_size || h.init_size > 0x7fffffff)
		return "kernel's init_size is zero or above 2 GiB";
	*ret = h;
	return NULL;
}
