// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy for ukdumpctl: see trust.h. */
#include "ctl/key/trust.h"

int policy_load(const struct root *root, const struct trust_options *opt, struct auth_policy *ret,
		struct ukd_error *e)
{
	_auth_policy_ struct auth_policy p = {0};
	int r = auth_policy_of_host(root, &p, e);

	/* NULL: as the user's own path, relative to the current directory */
	for (unsigned int i = 0; r >= 0 && i < opt->n; i++)
		r = auth_trust_add_file(p.trust, NULL, opt->files[i], e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct auth_policy){0};
	return 0;
}
