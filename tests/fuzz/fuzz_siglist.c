// SPDX-License-Identifier: GPL-2.0-or-later
/* EFI_SIGNATURE_LISTs, as a firmware variable holds them: keys, and revocations. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/revoked.h"
#include "auth/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	struct auth_revoked *r = auth_revoked_new();
	_image_digests_ struct image_digests digests = {0};
	struct ukd_error e = {0};
	char text[128];

	if (!t || !r)
		abort();
	(void)!trust_add_siglists(t, (struct bytes){data, size}, "fuzz", &e);
	if (revoked_add_siglists(r, (struct bytes){data, size}, "fuzz", &e) == 0)
		(void)!revoked_want_digests(r, &digests, &e);
	auth_revoked_describe(r, text, sizeof(text));
	auth_revoked_free(r);
	return 0;
}
