// SPDX-License-Identifier: GPL-2.0-or-later
/* SBAT: an image's section up to the first form feed, and the machine's level behind it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/revoked.h"
#include "pe/sbat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size ? memchr(data, '\f', size) : NULL;
	size_t len = cut ? (size_t)(cut - data) : size;
	struct bytes image = {data, len};
	struct bytes level = {data + len + !!cut, size - len - !!cut};
	struct auth_revoked *r = auth_revoked_new();
	struct ukd_error e = {0};
	char text[128];

	if (!r)
		abort();
	if (revoked_set_level(r, level, &e) == 0 && sbat_check_image(image, &e) == 0 &&
	    revoked_check_sbat(r, image, &e) < 0 && strcmp(e.check, "revoked.sbat") != 0)
		abort();
	auth_revoked_describe(r, text, sizeof(text));
	auth_revoked_free(r);
	return 0;
}
