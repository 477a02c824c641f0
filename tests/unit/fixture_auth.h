/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed images and lists of keys for unit tests, made at run time. Failures abort the test. */
#pragma once

#include "auth/digest.h"
#include "fixture_pki.h"

#define SHA256 (&digest_algs[0])
#define SHA384 (&digest_algs[1])
#define SHA512 (&digest_algs[2])

/* A self-signed certificate for any use. */
X509 *fixture_plain_cert(const char *name, enum fixture_key key);

/* One anchor called "test anchor", or none. */
struct auth_trust *fixture_trust(X509 *cert);

/* The Authenticode digest of an image. */
void fixture_digest(const struct buffer *pe, const struct digest_alg *alg, uint8_t *ret);

/* The detached signature of an image; other: an intermediate to embed, or NULL. */
void fixture_sign_blob(const struct buffer *pe, enum fixture_key key, X509 *signer, X509 *other,
		       const struct digest_alg *alg, struct buffer *ret);

/* The same, attached. */
void fixture_sign(struct buffer *pe, enum fixture_key key, X509 *signer, X509 *other,
		  const struct digest_alg *alg);

/* Appends an EFI_SIGNATURE_LIST with one entry and a list header of that length. */
void fixture_add_list(struct buffer *b, const uint8_t type[16], struct bytes data, uint32_t header);
