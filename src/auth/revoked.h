/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Revocations, as the judgement asks for them. The public half is in auth.h. */
#pragma once

#include "auth/digest.h"
#include "auth/signature.h"

/*
 * Adds the entries of EFI_SIGNATURE_LISTs; name says whose. Refuses (check "efi.siglist") lists
 * that are malformed or hold an entry that is not what their type promises. Types that say nothing
 * about images and certificates are counted only.
 */
int revoked_add_siglists(struct auth_revoked *r, struct bytes lists, const char *name,
			 struct ukd_error *e) _must_check_;

/* Sets the SBAT level (check "efi.sbat-level"). */
int revoked_set_level(struct auth_revoked *r, struct bytes level, struct ukd_error *e) _must_check_;

/*
 * Each takes r == NULL for "nothing is revoked" and returns 0, or refuses with the check in
 * parentheses.
 */

/* Asks for the digests that the lists have entries of. */
int revoked_want_digests(const struct auth_revoked *r, struct image_digests *digests,
			 struct ukd_error *e) _must_check_;

/* An image with these digests ("revoked.image"). */
int revoked_check_image(const struct auth_revoked *r, const struct image_digests *digests,
			struct ukd_error *e) _must_check_;

/*
 * A signature ("revoked.certificate"): its signer and every certificate that stands above it,
 * among those in the signature, the anchors and the revoked ones.
 */
int revoked_check_signature(const struct auth_revoked *r, const struct auth_trust *anchors,
			    const struct signature *s, struct ukd_error *e) _must_check_;

/* A .sbat section against the level ("revoked.sbat"). A malformed one is refused as "uki.sbat". */
int revoked_check_sbat(const struct auth_revoked *r, struct bytes sbat,
		       struct ukd_error *e) _must_check_;
