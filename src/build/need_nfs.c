// SPDX-License-Identifier: GPL-2.0-or-later
/* What an nfs:// target needs: the client is the kernel's, mounted without mount.nfs. */
#include "build/needs.h"
#include "util/url.h"

int need_nfs(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	struct url u;
	int r = url_parse(target, &u, e);

	(void)index; /* goes into the image as it is */
	if (r >= 0)
		r = need_network(n, u.host, e);
	if (r >= 0)
		r = need_driver_strictly(n, "nfsv4", e);
	return r < 0 ? ukd_prefix(e, "Target=%s", target) : 0;
}
