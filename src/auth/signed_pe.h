/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PE and its signatures: an image, or the kernel inside a plain UKI. The one judgement of a
 * certificate table and digests against a policy, in steps, since the bytes are read in between:
 *
 *	signed_pe_open(), read into p.digests, signed_pe_check(), signed_pe_trust()
 *
 * Each step returns 0 to go on, 1 with the verdict in p->res, or a negative errno.
 */
#pragma once

#include "auth/digest.h"
#include "auth/signature.h"

struct signed_pe {
	const char *what;	    /* "the image"; these two set by the caller */
	const char *unsigned_check; /* what the lack of a signature is called */
	bool malformed;
	struct auth_result res;
	struct image_digests digests;
	unsigned int n;
	struct signature s[CERT_MAX_ENTRIES];
};

void signed_pe_free(struct signed_pe *p);
#define _signed_pe_ _cleanup_(signed_pe_free)

/*
 * Parses every signature and asks for the digests: SHA-256 always, for the image id, what the
 * signatures were made with, and what revocations need. Malformed signatures are
 * signed_pe_check()'s to tell; the digests can be read all the same. Never 1.
 */
int signed_pe_open(struct signed_pe *p, const struct cert_table *certs,
		   const struct auth_policy *policy, struct ukd_error *e) _must_check_;

/*
 * After the digests were read: sets the image id. Is it signed, is every signature good, is
 * anything revoked?
 */
int signed_pe_check(struct signed_pe *p, const struct auth_policy *policy,
		    struct ukd_error *e) _must_check_;

/* Is the first signature's signer trusted? 0 is the one way to AUTH_TRUSTED. */
int signed_pe_trust(struct signed_pe *p, const struct auth_policy *policy,
		    struct ukd_error *e) _must_check_;

/*
 * Turns a refusal into the verdict and returns 1; any other error is returned. which: the
 * signature it is about, or SIGNED_PE_WHOLE.
 */
#define SIGNED_PE_WHOLE (-1)
int signed_pe_conclude(struct signed_pe *p, enum auth_verdict verdict, int which, int r,
		       const struct ukd_error *e) _must_check_;
