// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sealed layout: see sealed.h. The image has been verified as a whole by the kernel that
 * loaded it, but the stub trusts nothing that it need not.
 */
#include "base/sealed.h"

#include "base/sections.h"

#define COFF_HEADER_LEN	   24
#define SECTION_HEADER_LEN 40

/* One section header: adds its range to *parts if it is one of the three, and its end. */
static const char *walk_section(struct bytes image, uint64_t header, uint32_t headers,
				struct sealed_parts *parts)
{
	const uint8_t *p = image.p + header;
	uint32_t vsize = load_le32(p + 8), raw_size = load_le32(p + 16), raw = load_le32(p + 20);
	struct image_range *range;

	if (!raw_size)
		return NULL;
	if (raw < headers || !bytes_has(image, raw - SEALED_PM_OFFSET, raw_size))
		return "a section lies outside the image";
	if (raw - SEALED_PM_OFFSET + raw_size > parts->end)
		parts->end = raw - SEALED_PM_OFFSET + raw_size;

	switch (uki_section_by_name(p)) {
	case UKI_LINUX:
		range = &parts->kernel;
		break;
	case UKI_INITRD:
		range = &parts->initrd;
		break;
	case UKI_CMDLINE:
		range = &parts->cmdline;
		break;
	default:
		return NULL;
	}
	if (range->off)
		return "a section occurs twice";
	range->off = raw - SEALED_PM_OFFSET;
	range->len = vsize < raw_size ? vsize : raw_size;
	return NULL;
}

const char *sealed_walk(struct bytes image, struct sealed_parts *ret)
{
	const uint64_t coff = SEALED_PE_HEADER - SEALED_PM_OFFSET;
	struct sealed_parts parts = {0};
	uint16_t n, opt_len;
	uint32_t headers;
	uint64_t table;

	if (!bytes_has(image, coff, COFF_HEADER_LEN + 64))
		return "the image is too short for its headers";
	n = load_le16(image.p + coff + 6);
	opt_len = load_le16(image.p + coff + 20);
	headers = load_le32(image.p + coff + COFF_HEADER_LEN + 60);
	table = coff + COFF_HEADER_LEN + opt_len;
	if (headers < SEALED_PM_OFFSET || headers > SEALED_HEADERS_MAX || n > SEALED_MAX_SECTIONS ||
	    !bytes_has(image, 0, headers - SEALED_PM_OFFSET) ||
	    table + (uint64_t)n * SECTION_HEADER_LEN > headers - SEALED_PM_OFFSET)
		return "the section table does not fit into the headers";
	for (uint64_t i = 0; i < n; i++) {
		const char *wrong =
			walk_section(image, table + i * SECTION_HEADER_LEN, headers, &parts);

		if (wrong)
			return wrong;
	}
	if (!parts.kernel.len || !parts.initrd.len || !parts.cmdline.len)
		return ".linux, .initrd or .cmdline is missing";
	*ret = parts;
	return NULL;
}

const char *sealed_check_kernel(struct bytes kernel, uint64_t len, struct setup_header *ret)
{
	struct setup_header h;
	const char *wrong = setup_header_parse(kernel, &h);

	if (wrong)
		return wrong;
	if (len <= h.pm_offset + BP_ENTRY_64)
		return "kernel is too short for its setup sectors";
	if (len - h.pm_offset > h.init_size)
		return "kernel is larger than its init_size";
	*ret = h;
	return NULL;
}

const char *sealed_layout(uint32_t end, const struct setup_header *inner, struct sealed_layout *ret)
{
	struct sealed_layout l;

	l.scratch = align_up(end, SEALED_PAGE);
	l.stack_low = l.scratch + SEALED_PAGE;
	l.stack_high = l.scratch + SEALED_STACK_END;
	l.cmdline = l.stack_high;
	l.cmdline_len = align_up((uint64_t)inner->cmdline_size + 1, SEALED_PAGE);
	l.dest = align_up((uint64_t)end + SEALED_SCRATCH, inner->kernel_alignment);
	if (l.cmdline + l.cmdline_len > (uint64_t)end + SEALED_SCRATCH)
		return "the command line does not fit into the scratch room";
	*ret = l;
	return NULL;
}
