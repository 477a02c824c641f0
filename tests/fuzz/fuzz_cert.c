// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same bytes once as a certificate table, once as the kernel inside a plain UKI. What is
 * accepted as a kernel is digested as verify_pefile.c of the running kernel would: by sections in
 * the order of their offsets, then what is behind them but the certificates.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pe/cert.h"
#include "pe/kernel.h"
#include "pe/uki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_table(struct bytes table)
{
	struct cert_table t;
	struct ukd_error e = {0};
	const uint8_t *at = table.p;

	if (cert_table_parse(table, &t, &e) < 0)
		return;
	must(t.n <= CERT_MAX_ENTRIES && (t.n > 0) == (table.len > 0));
	for (unsigned int i = 0; i < t.n; i++) {
		uint64_t len = align_up(load_le32(at), 8);

		must(t.pkcs7[i].p == at + 8 && t.pkcs7[i].len <= len - 8);
		must(t.pkcs7[i].p[0] == 0x30 && t.pkcs7[i].len < 65536 + 4);
		must(bytes_all_zero(
			(struct bytes){t.pkcs7[i].p + t.pkcs7[i].len, len - 8 - t.pkcs7[i].len}));
		at += len;
	}
	must(at == table.p + table.len);
}

static int by_offset(const void *a, const void *b)
{
	uint32_t x = load_le32((const uint8_t *)a + 20), y = load_le32((const uint8_t *)b + 20);

	return x < y ? -1 : x > y;
}

/* Where pefile_digest_pe_contents() is when it has hashed the headers and all sections. */
static uint64_t kernels_walk(struct bytes file)
{
	const uint8_t *pe = file.p + load_le32(file.p + 0x3c);
	uint32_t n = load_le16(pe + 6), n_dirs = load_le32(pe + 24 + 108);
	const uint8_t *table = pe + 24 + 112 + (size_t)8 * n_dirs;
	uint64_t hashed = load_le32(pe + 24 + 60);
	uint8_t *sorted = malloc((size_t)40 * n);

	must(sorted != NULL);
	memcpy(sorted, table, (size_t)40 * n);
	qsort(sorted, n, 40, by_offset);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size = load_le32(sorted + 40 * i + 16);

		if (!size)
			continue;
		must(load_le32(sorted + 40 * i + 20) == hashed); /* as in one straight line */
		hashed += size;
	}
	free(sorted);
	return hashed;
}

static void check_kernel(struct bytes file)
{
	struct bytes head = {file.p, file.len < UKI_KERNEL_HEAD ? file.len : UKI_KERNEL_HEAD};
	struct pe_range r[PE_DIGEST_RANGES];
	char version[SEALED_VERSION_MAX + 1];
	struct kernel_image k;
	struct ukd_error e = {0};

	kernel_version_string(head, version);
	for (const char *c = version; *c; c++)
		must(*c >= 0x20 && *c < 0x7f);
	if (kernel_image_parse(head, file.len, &k, &e) < 0)
		return;
	must(k.len == file.len && (uint64_t)k.cert_offset + k.cert_size == file.len);
	must(kernels_walk(file) == k.cert_offset);
	kernel_image_ranges(&k, r);
	must(r[0].off == 0 && r[0].len == k.checksum_offset);
	must(r[1].off == r[0].len + 4 && r[1].off + r[1].len == k.certdir_offset);
	must(r[2].off == k.certdir_offset + 8u && r[2].off + r[2].len == k.cert_offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = {data, size};

	if (size > PE_FILE_MAX)
		return 0;
	check_table(all);
	check_kernel(all);
	return 0;
}
