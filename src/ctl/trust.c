// SPDX-License-Identifier: GPL-2.0-or-later
/* Anchors for ukdumpctl: see trust.h. */
#include "ctl/trust.h"

#include "auth/judge.h"

struct auth_trust *trust_load(const struct root *root, const struct trust_options *opt,
			      struct ukd_error *e)
{
	struct auth_trust *t = auth_trust_of_host(root, e);

	for (unsigned int i = 0; t && i < opt->n; i++) {
		/* NULL: as the user's own path, relative to the current directory */
		if (auth_trust_add_file(t, NULL, opt->files[i], e) < 0) {
			auth_trust_free(t);
			t = NULL;
		}
	}
	return t;
}
