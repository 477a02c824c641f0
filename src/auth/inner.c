// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel inside a plain UKI: see inner.h. Its certificates say which digests to compute, and
 * they stand behind what is digested, so they are read before; when the file is read, they must
 * still be the same.
 */
#include "auth/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

void inner_kernel_free(struct inner_kernel *k)
{
	signed_pe_free(&k->pe);
	buffer_free(&k->head);
	buffer_free(&k->table);
}

static int changed(struct ukd_error *e)
{
	return ukd_refuse(e, "file.changed", "changed while it was read");
}

static int read_part(const struct uki *u, const struct pe_section *s, uint64_t off, uint64_t len,
		     struct buffer *ret, struct ukd_error *e)
{
	int r;

	ret->data = malloc(len + 1);
	if (!ret->data)
		return ukd_oom(e);
	ret->len = len;
	ret->data[len] = 0;
	r = fd_pread_full(u->fd, ret->data, len, s->raw + off);
	if (r == -ENODATA)
		return changed(e);
	return r < 0 ? ukd_fail_errno(e, r, "cannot read .linux") : 0;
}

/* Refuses what is wrong with the kernel. */
static int parse_kernel(const struct uki *u, const struct auth_policy *policy,
			struct inner_kernel *k, struct ukd_error *e)
{
	uint64_t len = pe_section_len(k->section);
	struct cert_table certs;
	int r = kernel_image_parse(buffer_bytes(&k->head), len, &k->image, e);

	if (r < 0)
		return r;
	kernel_image_ranges(&k->image, k->ranges);
	r = read_part(u, k->section, k->image.cert_offset, k->image.cert_size, &k->table, e);
	if (r >= 0)
		r = cert_table_parse(buffer_bytes(&k->table), &certs, e);
	return r < 0 ? r : signed_pe_open(&k->pe, &certs, policy, e);
}

int inner_kernel_open(const struct uki *u, const struct auth_policy *policy,
		      struct inner_kernel *ret, struct ukd_error *e)
{
	const struct pe_section *linux_section = pe_find(&u->pe, UKI_LINUX);
	uint64_t len;
	int r;

	*ret = (struct inner_kernel){
		.pe = {.what = "the kernel inside", .unsigned_check = "kernel.unsigned"}};
	if (u->kind != UKI_PLAIN || !linux_section)
		return 0;
	ret->section = linux_section;
	len = pe_section_len(linux_section);
	r = read_part(u, linux_section, 0, len < UKI_KERNEL_HEAD ? len : UKI_KERNEL_HEAD,
		      &ret->head, e);
	if (r >= 0) {
		r = parse_kernel(u, policy, ret, e);
		ret->malformed = r == -EBADMSG;
		r = signed_pe_conclude(&ret->pe, AUTH_MALFORMED, SIGNED_PE_WHOLE, r, e);
	}
	return r < 0 ? ukd_prefix(e, "%s", u->name) : 0;
}

/* True if what a piece and an earlier read at off have in common is equal. */
static bool same(struct bytes piece, uint64_t off, struct bytes before, uint64_t before_off)
{
	uint64_t end = before_off + before.len;
	uint64_t from = off > before_off ? off : before_off;
	uint64_t to = off + piece.len < end ? off + piece.len : end;

	return from >= to ||
	       !memcmp(piece.p + (from - off), before.p + (from - before_off), to - from);
}

int inner_kernel_put(void *ctx, const struct pe_section *s, uint64_t off, struct bytes piece,
		     struct ukd_error *e)
{
	struct inner_kernel *k = ctx;
	int r = 0;

	if (s != k->section)
		return 0;
	if (!same(piece, off, buffer_bytes(&k->head), 0) ||
	    !same(piece, off, buffer_bytes(&k->table), k->image.cert_offset))
		return changed(e);
	for (unsigned int i = 0; r >= 0 && !k->malformed && i < PE_DIGEST_RANGES; i++) {
		uint64_t end = k->ranges[i].off + k->ranges[i].len;
		uint64_t from = off > k->ranges[i].off ? off : k->ranges[i].off;
		uint64_t to = off + piece.len < end ? off + piece.len : end;

		if (from < to)
			r = image_digests_put(&k->pe.digests,
					      (struct bytes){piece.p + (from - off), to - from}, e);
	}
	return r;
}

int inner_kernel_judge(struct inner_kernel *k, const struct auth_policy *policy,
		       struct ukd_error *e)
{
	int r;

	if (!k->section || k->malformed)
		return 0;
	r = image_digests_finish(&k->pe.digests, e);
	if (r >= 0)
		r = signed_pe_check(&k->pe, policy, e);
	if (!r)
		r = signed_pe_trust(&k->pe, policy, e);
	return r < 0 ? r : 0;
}
