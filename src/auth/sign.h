/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making signatures. The public half is in auth.h. */
#pragma once

#include "auth/ossl.h"

struct auth_key {
	EVP_PKEY *key;
	X509 *signer;
	STACK_OF(X509) * others; /* intermediates, embedded as they are */
};

/* As auth_sign_digest() with another digest algorithm, which only tests have a use for. */
int sign_digest_with(const struct auth_key *k, const struct digest_alg *alg, const uint8_t *digest,
		     struct buffer *ret_der, struct ukd_error *e) _must_check_;
