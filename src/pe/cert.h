/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate table of a PE: a row of WIN_CERTIFICATEs, each with one PKCS#7 SignedData. */
#pragma once

#include "base/bytes.h"
#include "util/error.h"

#define CERT_MAX_ENTRIES 8

struct cert_table {
	unsigned int n;
	struct bytes pkcs7[CERT_MAX_ENTRIES]; /* exact DER, pointing into the table */
};

/*
 * Validates the whole table: every entry well formed, of type PKCS#7, 8-byte aligned, padded with
 * zeros, together exactly the table (checks "cert.*"). table is borrowed. An empty table gives n =
 * 0.
 */
int cert_table_parse(struct bytes table, struct cert_table *ret, struct ukd_error *e) _must_check_;

/*
 * Appends one WIN_CERTIFICATE with this DER to out, which has room for
 * cert_entry_size(der.len) bytes.
 */
uint32_t cert_entry_size(uint64_t der_len);
void cert_entry_write(struct bytes der, uint8_t *out);
