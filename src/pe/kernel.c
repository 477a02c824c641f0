// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The inner kernel: see kernel.h. Hostile, like all of the file. Numbers in comments: malformations
 * in docs/UKI.md, of which 52 and 53 are about the inner kernel; the others apply to it as well.
 */
#include "pe/kernel.h"

#include <string.h>

#define DOS_HEADER_LEN	   64
#define COFF_HEADER_LEN	   24  /* with the signature */
#define OPT_FIXED_LEN	   112 /* PE32+ optional header before the data directories */
#define SECTION_HEADER_LEN 40
#define DIR_CERTIFICATES   4

/* Where the headers are in a kernel that is known to have them. */
struct headers {
	uint32_t coff;
	uint32_t opt;
	uint32_t table; /* section headers */
	uint32_t n_sections;
	uint32_t size; /* SizeOfHeaders */
};

/* 1-5: a PE32+ for x86-64. */
static int find_headers(struct bytes head, struct headers *h, struct ukd_error *e)
{
	if (head.len < DOS_HEADER_LEN || !bytes_start_with(head, "MZ"))
		return ukd_refuse(e, "kernel.pe",
				  "not a PE file: it does not begin with "
				  "'MZ'");
	h->coff = load_le32(head.p + 0x3c);
	h->opt = h->coff + COFF_HEADER_LEN;
	if (h->coff < DOS_HEADER_LEN || h->coff % 8 ||
	    !bytes_has(head, h->coff, COFF_HEADER_LEN + OPT_FIXED_LEN) ||
	    memcmp(head.p + h->coff, "PE\0\0", 4) != 0)
		return ukd_refuse(e, "kernel.pe", "not a PE file: no PE header at 0x%x", h->coff);
	if (load_le16(head.p + h->coff + 4) != 0x8664 || load_le16(head.p + h->opt) != 0x20b)
		return ukd_refuse(e, "kernel.pe",
				  "machine type 0x%04x, magic 0x%x: need 0x8664 (x86-64), "
				  "0x20b (PE32+)",
				  load_le16(head.p + h->coff + 4), load_le16(head.p + h->opt));
	return 0;
}

/*
 * 8-12: verify_pefile.c looks for the section table behind as many directories as there are, and
 * loaders behind as many bytes as the optional header has.
 */
static int check_headers(struct bytes head, uint64_t len, struct headers *h, struct ukd_error *e)
{
	uint32_t n_dirs = load_le32(head.p + h->opt + 108);
	uint16_t opt_len = load_le16(head.p + h->coff + 20);

	if (n_dirs <= DIR_CERTIFICATES || n_dirs > 16 || opt_len != OPT_FIXED_LEN + 8 * n_dirs)
		return ukd_refuse(e, "kernel.directories",
				  "%u data directories, optional header of %u bytes: need "
				  "5 to 16, and exactly their length",
				  n_dirs, opt_len);
	h->table = h->opt + opt_len;
	h->n_sections = load_le16(head.p + h->coff + 6);
	h->size = load_le32(head.p + h->opt + 60);
	if (!h->n_sections || h->size > head.len || h->size >= len ||
	    h->table + SECTION_HEADER_LEN * h->n_sections > h->size)
		return ukd_refuse(e, "kernel.headers",
				  "%u sections, headers of 0x%x bytes: the section table "
				  "must lie inside them, and they inside the kernel's first 0x%llx",
				  h->n_sections, h->size, (unsigned long long)head.len);
	return 0;
}

/* 18-22, 24: ranges follow each other from the end of the headers, in the order of the table. */
static int check_sections(struct bytes head, uint64_t len, const struct headers *h,
			  uint64_t *ret_end, struct ukd_error *e)
{
	uint64_t end = h->size;

	for (uint32_t i = 0; i < h->n_sections; i++) {
		const uint8_t *s = head.p + h->table + SECTION_HEADER_LEN * i;
		uint32_t size = load_le32(s + 16), raw = load_le32(s + 20);

		if (raw != (size ? end : 0) || size > len - end)
			return ukd_refuse(e, "kernel.sections",
					  "section %u of 0x%x bytes at 0x%x: need it at "
					  "0x%llx, without gap or overlap, and inside the 0x%llx "
					  "bytes of the kernel",
					  i, size, raw, size ? (unsigned long long)end : 0,
					  (unsigned long long)len);
		end += size;
	}
	*ret_end = end;
	return 0;
}

/* 36-39: certificates from the end of the sections to the end of .linux, or nothing. */
static int find_certificates(struct bytes head, uint64_t data_end, struct kernel_image *k,
			     struct ukd_error *e)
{
	uint32_t off = load_le32(head.p + k->certdir_offset);
	uint32_t size = load_le32(head.p + k->certdir_offset + 4);

	if (!off && !size) {
		if (data_end != k->len)
			return ukd_refuse(e, "kernel.trailing",
					  "%llu bytes behind the kernel's last section, in "
					  "no section",
					  (unsigned long long)(k->len - data_end));
		k->cert_offset = (uint32_t)k->len;
		return 0;
	}
	if (!size || off % 8 || off != data_end || size != k->len - data_end ||
	    size > PE_CERT_TABLE_MAX)
		return ukd_refuse(e, "kernel.certificates",
				  "certificate table of 0x%x bytes at 0x%x: need it from "
				  "0x%llx to 0x%llx, 8-byte aligned, at most 64 KiB",
				  size, off, (unsigned long long)data_end,
				  (unsigned long long)k->len);
	k->cert_offset = off;
	k->cert_size = size;
	return 0;
}

int kernel_image_parse(struct bytes head, uint64_t len, struct kernel_image *ret,
		       struct ukd_error *e)
{
	struct kernel_image k = {.len = len};
	struct headers h = {0};
	uint64_t data_end = 0;
	const char *wrong;
	int r = find_headers(head, &h, e);

	if (r >= 0)
		r = check_headers(head, len, &h, e);
	if (r >= 0)
		r = check_sections(head, len, &h, &data_end, e);
	if (r < 0)
		return r;
	k.checksum_offset = h.opt + 64;
	k.certdir_offset = h.opt + OPT_FIXED_LEN + 8 * DIR_CERTIFICATES;
	r = find_certificates(head, data_end, &k, e);
	if (r < 0)
		return r;
	wrong = sealed_check_kernel(head, len, &k.setup);
	if (wrong)
		return ukd_refuse(e, "kernel.boot-header", "%s", wrong);
	*ret = k;
	return 0;
}

void kernel_image_ranges(const struct kernel_image *k, struct pe_range ret[PE_DIGEST_RANGES])
{
	ret[0] = (struct pe_range){0, k->checksum_offset};
	ret[1] = (struct pe_range){k->checksum_offset + 4u,
				   k->certdir_offset - k->checksum_offset - 4u};
	ret[2] = (struct pe_range){k->certdir_offset + 8u, k->cert_offset - k->certdir_offset - 8u};
}

void kernel_version_string(struct bytes kernel, char ret[SEALED_VERSION_MAX + 1])
{
	uint64_t off;
	size_t n = 0;

	ret[0] = 0;
	if (kernel.len < BP_HDR_END_MAX || memcmp(kernel.p + BP_MAGIC, "HdrS", 4) != 0 ||
	    !load_le16(kernel.p + BP_KERNEL_VERSION))
		return;
	off = 0x200u + load_le16(kernel.p + BP_KERNEL_VERSION);
	for (; n < SEALED_VERSION_MAX && off + n < kernel.len; n++) {
		uint8_t c = kernel.p[off + n];

		if (c < 0x20 || c >= 0x7f)
			break;
		ret[n] = (char)c;
	}
	ret[n] = 0;
}
