/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One Authenticode signature: a PKCS#7 SignedData blob, taken apart by the strictest reading of
 * Authenticode, the kernel's pkcs7_parser.c and DER. Judges form and cryptography, not trust.
 */
#pragma once

#include "auth/ossl.h"

#define SIGNATURE_MAX 65535 /* the kernel takes no length of three bytes (verify_pefile.c) */

struct signature {
	PKCS7 *p7;
	PKCS7_SIGNER_INFO *info;      /* in p7 */
	X509 *signer;		      /* in p7 */
	struct bytes content;	      /* in p7: contents of the SpcIndirectDataContent SEQUENCE */
	const struct digest_alg *alg; /* of the image digest and of the signature, always the same */
	uint8_t digest[EVP_MAX_MD_SIZE]; /* of the image, as signed */
};

void signature_free(struct signature *s);
#define _signature_ _cleanup_(signature_free)

/* Checks "auth.pkcs7", ".content-type", ".content", ".signer-info", ".attributes", ... */
int signature_parse(struct bytes der, struct signature *ret, struct ukd_error *e) _must_check_;

/*
 * The signer's key has signed the attributes and these belong to the content (checks
 * "auth.message-digest", "auth.signature"). Says nothing about who the signer is.
 */
int signature_verify(const struct signature *s, struct ukd_error *e) _must_check_;
