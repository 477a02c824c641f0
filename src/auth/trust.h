/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a signer to an anchor. The public half is in auth.h. */
#pragma once

#include "auth/signature.h"

/* The certificates from the signer to the anchor, both included. */
struct trust_chain {
	STACK_OF(X509) * certs;
	const char *origin; /* of the anchor, borrowed from the trust */
};

void trust_chain_free(struct trust_chain *c);
#define _trust_chain_ _cleanup_(trust_chain_free)

/* Refuses (check "auth.trust") a signer that no anchor vouches for. */
int trust_chain_find(const struct auth_trust *t, const struct signature *s, struct trust_chain *ret,
		     struct ukd_error *e) _must_check_;

/* Anchor number i, borrowed. */
X509 *trust_anchor(const struct auth_trust *t, unsigned int i);

/* Adds one certificate, which is borrowed; once, however often it comes. origin is copied. */
int trust_add(struct auth_trust *t, X509 *cert, const char *origin,
	      struct ukd_error *e) _must_check_;

/*
 * Adds the X.509 entries of EFI_SIGNATURE_LISTs. Returns their number. One that is not a readable
 * certificate is passed over: it can vouch for nothing, and firmware of some makers has such.
 */
int trust_add_siglists(struct auth_trust *t, struct bytes lists, const char *origin,
		       struct ukd_error *e) _must_check_;
