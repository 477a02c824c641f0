// SPDX-License-Identifier: GPL-2.0-or-later
/* Authenticode digests: see digest.h. Which bytes they cover is src/pe's business. */
#include "auth/digest.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"

void image_digests_free(struct image_digests *s)
{
	for (unsigned int i = 0; i < s->n; i++)
		EVP_MD_CTX_free(s->d[i].ctx);
	s->n = 0;
}

int image_digests_want(struct image_digests *s, const struct digest_alg *alg, struct ukd_error *e)
{
	_md_ctx_ EVP_MD_CTX *ctx = NULL;
	_md_ EVP_MD *md = NULL;

	if (image_digests_get(s, alg))
		return 0;
	/* Fetched once: EVP_sha256() would search the providers again for every use. */
	md = EVP_MD_fetch(NULL, alg->name, NULL);
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return ukd_oom(e);
	if (!md || !EVP_DigestInit_ex2(ctx, md, NULL))
		return ossl_fail(e, -EIO, "cannot compute %s", alg->name);
	s->d[s->n++] = (struct image_digest){.alg = alg, .ctx = take_ptr(&ctx)};
	return 0;
}

int image_digests_put(struct image_digests *s, struct bytes piece, struct ukd_error *e)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!EVP_DigestUpdate(s->d[i].ctx, piece.p, piece.len))
			return ossl_fail(e, -EIO, "cannot compute %s", s->d[i].alg->name);
	return 0;
}

int image_digests_finish(struct image_digests *s, struct ukd_error *e)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!EVP_DigestFinal_ex(s->d[i].ctx, s->d[i].value, NULL))
			return ossl_fail(e, -EIO, "cannot compute %s", s->d[i].alg->name);
	return 0;
}

static int put_piece(void *ctx, struct bytes piece)
{
	struct ukd_error e;

	return image_digests_put(ctx, piece, &e);
}

int image_digests_read(struct image_digests *s, struct uki *u,
		       const struct uki_section_sink *sections, struct ukd_error *e)
{
	struct uki_sink sink = {.put = put_piece, .ctx = s};
	int r = uki_read(u, &sink, 1, sections, e);

	return r < 0 ? r : image_digests_finish(s, e);
}

const uint8_t *image_digests_get(const struct image_digests *s, const struct digest_alg *alg)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->d[i].alg == alg)
			return s->d[i].value;
	return NULL;
}

int auth_image_digest(int fd, const char *name, uint64_t size, uint8_t ret[AUTH_SHA256_LEN],
		      struct ukd_error *e)
{
	_image_digests_ struct image_digests digests = {0};
	_uki_ struct uki u = {0};
	int r = uki_open(fd, name, size, &u, e);

	if (r >= 0)
		r = image_digests_want(&digests, &digest_algs[0], e);
	if (r >= 0)
		r = image_digests_read(&digests, &u, NULL, e);
	if (r < 0)
		return r;
	memcpy(ret, image_digests_get(&digests, &digest_algs[0]), AUTH_SHA256_LEN);
	return 0;
}
