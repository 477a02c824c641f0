/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one judgement of an image, for `verify`, for the builder's check of its own work and for the
 * loader: structure, sealed layout, signature, trust.
 */
#pragma once

#include "auth/auth.h"
#include "pe/sealed.h"

struct judgement {
	struct uki uki;
	struct auth_result auth;
	bool sealed; /* facts are valid */
	struct sealed_facts facts;
};

void judgement_free(struct judgement *j);
#define _judgement_ _cleanup_(judgement_free)

/*
 * Reads fd (size bytes, as fstat told) once. Returns 0 if the structure is good, with the
 * signature's verdict in ret->auth; else refuses. The image is acceptable only if the result is 0
 * and ret->auth.verdict is AUTH_TRUSTED.
 */
int image_judge(int fd, const char *name, uint64_t size, const struct auth_trust *trust,
		struct judgement *ret, struct ukd_error *e) _must_check_;

/* Trust anchors of this machine: /etc/ukdump/trust.d, UEFI db, MOK list. NULL and e on failure. */
struct auth_trust *auth_trust_of_host(const struct root *root, struct ukd_error *e);
