/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Authenticode digests of an image in several algorithms, while it is read once. */
#pragma once

#include "auth/ossl.h"

struct image_digest {
	const struct digest_alg *alg;
	EVP_MD_CTX *ctx;
	uint8_t value[EVP_MAX_MD_SIZE];
};

struct image_digests {
	unsigned int n;
	struct image_digest d[DIGEST_ALG_MAX + 1]; /* SHA-1 as well */
};

void image_digests_free(struct image_digests *s);
#define _image_digests_ _cleanup_(image_digests_free)

/* Asks for an algorithm; asking twice is asking once. */
int image_digests_want(struct image_digests *s, const struct digest_alg *alg,
		       struct ukd_error *e) _must_check_;

/* Reads the image (uki_read, which see) and fills in the values. */
int image_digests_read(struct image_digests *s, struct uki *u,
		       const struct uki_section_sink *sections, struct ukd_error *e) _must_check_;

/* The same for what is read elsewhere: adds a piece; fills in the values. */
int image_digests_put(struct image_digests *s, struct bytes piece,
		      struct ukd_error *e) _must_check_;
int image_digests_finish(struct image_digests *s, struct ukd_error *e) _must_check_;

/* The value in one of the algorithms asked for, or NULL. */
const uint8_t *image_digests_get(const struct image_digests *s, const struct digest_alg *alg);
