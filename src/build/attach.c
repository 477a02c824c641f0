// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaches a signature to an image in memory: see build.h. The image may come from anywhere. */
#include <stdlib.h>
#include <string.h>

#include "build/build.h"
#include "pe/cert.h"
#include "pe/pe.h"

int image_attach(struct buffer *image, struct bytes der, struct ukd_error *e)
{
	struct bytes head = buffer_bytes(image);
	uint32_t table_len = cert_entry_size(der.len);
	struct pe_image pe;
	uint8_t *data;
	int r;

	if (head.len > PE_HEAD_MAX)
		head.len = PE_HEAD_MAX;
	r = pe_parse(head, image->len, &pe, e);
	if (r < 0)
		return r;
	if (der.len >= PE_CERT_TABLE_MAX - 16)
		return ukd_refuse(e, "cert.der", "signature of %llu bytes, need less than 64 KiB",
				  (unsigned long long)der.len);
	data = realloc(image->data, (size_t)pe.data_end + table_len + 1);
	if (!data)
		return ukd_oom(e);
	cert_entry_write(der, data + pe.data_end);
	store_le32(data + pe.certdir_offset, pe.data_end);
	store_le32(data + pe.certdir_offset + 4, table_len);
	*image = (struct buffer){data, (size_t)pe.data_end + table_len};
	data[image->len] = 0;
	return 0;
}
