// SPDX-License-Identifier: GPL-2.0-or-later
/* A good signature: see fixture_signature.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_signature.h"

#include <string.h>

#include "auth/sign.h"
#include "auth/signature.h"

X509 *signer;
struct buffer good;

int signature_begin(void **state _unused_)
{
	static const struct fixture_cert spec = {.name = "signer", .key = KEY_RSA_2048};
	struct auth_key k = {.key = fixture_key(KEY_RSA_2048)};
	uint8_t digest[32] = {1, 2, 3};
	struct ukd_error e;

	signer = fixture_cert(&spec);
	k.signer = signer;
	return auth_sign_digest(&k, digest, &good, &e);
}

int signature_end(void **state _unused_)
{
	buffer_free(&good);
	X509_free(signer);
	fixture_pki_end();
	return 0;
}

void expect(const char *what, struct bytes der, const char *check)
{
	_signature_ struct signature s = {0};
	struct ukd_error e = {0};
	int r = signature_parse(der, &s, &e);

	if (check ? r >= 0 || strcmp(e.check, check) != 0 : r < 0)
		fail_msg("%s: result %d (%s: %s), expected %s", what, r, e.check, e.text,
			 check ? check : "acceptance");
}
