// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One Authenticode blob as it stands in a WIN_CERTIFICATE: form, signature, and the way to an
 * anchor. The anchors are whatever the blob itself embeds, so that the deep paths are reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/signature.h"
#include "auth/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void follow(const struct signature *s, bool every)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	_trust_chain_ struct trust_chain chain = {0};
	STACK_OF(X509) *certs = s->p7->d.sign->cert;
	struct auth_cert_id id;
	struct ukd_error e = {0};
	char name[32];
	int last = sk_X509_num(certs) - 1;

	if (!t)
		abort();
	for (int i = every ? 0 : last; i <= last; i++)
		if (trust_add(t, sk_X509_value(certs, i), "fuzz", &e) < 0)
			break;
	if (trust_chain_find(t, s, &chain, &e) < 0)
		return;
	for (int i = 0; i < sk_X509_num(chain.certs); i++) {
		cert_id(sk_X509_value(chain.certs, i), &id);
		(void)!cert_signs_code(sk_X509_value(chain.certs, i), &e);
		key_name(X509_get0_pubkey(sk_X509_value(chain.certs, i)), name, sizeof(name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_signature_ struct signature s = {0};
	struct ukd_error e = {0};

	if (signature_parse((struct bytes){data, size}, &s, &e) < 0)
		return 0;
	(void)!signature_verify(&s, &e);
	follow(&s, false);
	follow(&s, true);
	return 0;
}
