// SPDX-License-Identifier: GPL-2.0-or-later
/* The inner kernel: see kernel.h. Hostile, like all of the file. */
#include "pe/kernel.h"

int kernel_image_parse(struct bytes head, uint64_t len, struct kernel_image *ret,
		       struct ukd_error *e)
{
	const char *wrong;

	*ret = (struct kernel_image){.len = len, .cert_offset = (uint32_t)len};
	wrong = setup_header_parse(head, &ret->setup);
	return wrong ? ukd_refuse(e, "kernel.header", ".linux: %s", wrong) : 0;
}

void kernel_image_ranges(const struct kernel_image *k, struct pe_range ret[PE_DIGEST_RANGES])
{
	ret[0] = (struct pe_range){0, k->checksum_offset};
	ret[1] = (struct pe_range){k->checksum_offset + 4u,
				   k->certdir_offset - k->checksum_offset - 4u};
	ret[2] = (struct pe_range){k->certdir_offset + 8u, k->cert_offset - k->certdir_offset - 8u};
}
