// SPDX-License-Identifier: GPL-2.0-or-later
/* Revocations: see auth.h. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"

struct auth_revoked {
	unsigned int n;
};

struct auth_revoked *auth_revoked_new(void)
{
	return calloc(1, sizeof(struct auth_revoked));
}

void auth_revoked_free(struct auth_revoked *r)
{
	free(r);
}

struct auth_revoked *auth_revoked_of_host(const struct root *root _unused_, struct ukd_error *e)
{
	struct auth_revoked *r = auth_revoked_new();

	if (!r)
		(void)ukd_oom(e);
	return r;
}

void auth_revoked_describe(const struct auth_revoked *r _unused_, char *ret, size_t size)
{
	(void)snprintf(ret, size, "none");
}
