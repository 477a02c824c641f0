// SPDX-License-Identifier: GPL-2.0-or-later
/* WIN_CERTIFICATEs: see cert.h. Numbers in comments: malformations in docs/UKI.md. */
#include "pe/cert.h"

#include <string.h>

#define ENTRY_HEADER_LEN 8
#define REVISION_2	 0x0200
#define TYPE_PKCS7	 0x0002
#define DER_SEQUENCE	 0x30

/*
 * Length of the DER element that der begins with, header included; 0 if it is not a definite,
 * minimally encoded SEQUENCE inside der (44, 45: the kernel takes lengths of up to two bytes).
 */
static uint64_t der_sequence_len(struct bytes der)
{
	uint64_t len;

	if (der.len < 2 || der.p[0] != DER_SEQUENCE)
		return 0;
	if (der.p[1] < 0x80)
		len = 2u + der.p[1];
	else if (der.p[1] == 0x81 && der.len >= 3 && der.p[2] >= 0x80)
		len = 3u + der.p[2];
	else if (der.p[1] == 0x82 && der.len >= 4 && der.p[2])
		len = 4u + (uint64_t)(der.p[2] << 8 | der.p[3]);
	else
		return 0;
	return len <= der.len ? len : 0;
}

/* 40-42, 44: one entry at the beginning of rest. Returns its padded length in *ret_len. */
static int parse_entry(struct bytes rest, unsigned int n, struct bytes *ret_der, uint64_t *ret_len,
		       struct ukd_error *e)
{
	struct bytes body, padding;
	uint32_t len;
	uint64_t der_len;

	if (!bytes_le32(rest, 0, &len) || len < ENTRY_HEADER_LEN + 4 || len > rest.len)
		return ukd_refuse(e, "cert.length", "certificate %u does not fit into the table",
				  n);
	if (load_le16(rest.p + 4) != REVISION_2 || load_le16(rest.p + 6) != TYPE_PKCS7)
		return ukd_refuse(e, "cert.type",
				  "certificate %u: revision 0x%04x type 0x%04x, need 0x0200 0x0002",
				  n, load_le16(rest.p + 4), load_le16(rest.p + 6));
	if (align_up(len, 8) > rest.len)
		return ukd_refuse(e, "cert.length", "certificate %u is not padded to 8 bytes", n);
	body = (struct bytes){rest.p + ENTRY_HEADER_LEN, len - ENTRY_HEADER_LEN};
	der_len = der_sequence_len(body);
	if (!der_len)
		return ukd_refuse(e, "cert.der",
				  "certificate %u is not a DER SEQUENCE shorter than 64 KiB", n);
	*ret_len = align_up(len, 8);
	padding = (struct bytes){body.p + der_len, *ret_len - ENTRY_HEADER_LEN - der_len};
	if (!bytes_all_zero(padding))
		return ukd_refuse(e, "cert.padding",
				  "certificate %u is followed by bytes that are not zero", n);
	*ret_der = (struct bytes){body.p, der_len};
	return 0;
}

int cert_table_parse(struct bytes table, struct cert_table *ret, struct ukd_error *e)
{
	struct cert_table t = {0};

	for (uint64_t off = 0, len = 0; off < table.len; off += len) {
		struct bytes rest = {table.p + off, table.len - off};
		int r;

		if (t.n == CERT_MAX_ENTRIES)
			return ukd_refuse(e, "cert.count", "more than %u certificates",
					  CERT_MAX_ENTRIES);
		r = parse_entry(rest, t.n + 1, &t.pkcs7[t.n], &len, e);
		if (r < 0)
			return r;
		t.n++;
	}
	*ret = t;
	return 0;
}

uint32_t cert_entry_size(uint64_t der_len)
{
	return (uint32_t)align_up(ENTRY_HEADER_LEN + der_len, 8);
}

void cert_entry_write(struct bytes der, uint8_t *out)
{
	memset(out, 0, cert_entry_size(der.len));
	/* dwLength is exact, only the entry is padded (as sbsign and pesign do). */
	store_le32(out, (uint32_t)(ENTRY_HEADER_LEN + der.len));
	store_le16(out + 4, REVISION_2);
	store_le16(out + 6, TYPE_PKCS7);
	memcpy(out + ENTRY_HEADER_LEN, der.p, der.len);
}
