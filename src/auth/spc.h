/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SpcIndirectDataContent (Authenticode_PE.docx): what an Authenticode signature is made over. Says
 * "the signed thing is a PE image" and carries the image's digest.
 */
#pragma once

#include "auth/ossl.h"

#define OID_SPC_INDIRECT_DATA "1.3.6.1.4.1.311.2.1.4"
#define OID_SPC_PE_IMAGE_DATA "1.3.6.1.4.1.311.2.1.15"

/*
 * Takes algorithm and digest out of contents, the bytes inside the outer SEQUENCE: the very bytes
 * that the messageDigest attribute covers, so that no other copy can be checked than is used.
 * Refuses with "auth.content" or "auth.digest-algorithm".
 */
int spc_parse(struct bytes contents, const struct digest_alg **ret_alg,
	      uint8_t ret_digest[EVP_MAX_MD_SIZE], struct ukd_error *e) _must_check_;

/* The whole SEQUENCE for a digest, as sbsign writes it. OPENSSL_free() it. Length or -errno. */
int spc_make(const struct digest_alg *alg, const uint8_t *digest, unsigned char **ret,
	     struct ukd_error *e) _must_check_;
