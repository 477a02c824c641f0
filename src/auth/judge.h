/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one judgement of an image, for `verify`, for the builder's check of its own work and for the
 * loader: structure, sealed layout, signature, trust.
 */
#pragma once

#include "auth/auth.h"
#include "pe/kernel.h"
#include "pe/sealed.h"

struct judgement {
	struct uki uki;
	struct auth_result auth;
	struct sealed_facts facts; /* if uki.kind is UKI_SEALED */
	struct auth_result inner;  /* if it is UKI_PLAIN: what the kernel will find in .linux */
};

void judgement_free(struct judgement *j);
#define _judgement_ _cleanup_(judgement_free)

/*
 * Reads fd (size bytes, as fstat told) once. Returns 0 if the structure is good, with the
 * signature's verdict in ret->auth; else refuses. The image is acceptable only if the result is 0
 * and ret->auth.verdict is AUTH_TRUSTED.
 */
int image_judge(int fd, const char *name, uint64_t size, const struct auth_policy *policy,
		struct judgement *ret, struct ukd_error *e) _must_check_;
