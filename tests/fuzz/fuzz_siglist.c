// SPDX-License-Identifier: GPL-2.0-or-later
/* EFI_SIGNATURE_LISTs, as a firmware variable holds them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	struct ukd_error e = {0};

	if (!t)
		abort();
	(void)!trust_add_siglists(t, (struct bytes){data, size}, "fuzz", &e);
	return 0;
}
