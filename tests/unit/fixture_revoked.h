/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of what is revoked, and the kinds of digests in them. */
#pragma once

#include "auth/revoked.h"
#include "auth/siglist.h"
#include "fixture_auth.h"

#define TEXT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

/* EFI_SIGNATURE_LISTs of digests: of images, of certificates; SHA-1, the last, of images only. */
struct digest_type {
	const struct digest_alg *alg;
	uint8_t image[16];
	uint8_t certificate[16];
};
#define DIGEST_TYPES (DIGEST_ALG_MAX + 1)
extern const struct digest_type digest_types[DIGEST_TYPES];
extern const uint8_t x509_type[16];

void revoked_freep(struct auth_revoked **r);
#define _revoked_ _cleanup_(revoked_freep)

/* The revocations of good lists, to be freed. */
struct auth_revoked *revoked_in(const struct buffer *lists);
