// SPDX-License-Identifier: GPL-2.0-or-later
/* Signing keys: see auth.h. Key and certificate are the administrator's and trusted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/kernel_cert.h"
#include "auth/embedded.h"
#include "auth/key_store.h"
#include "auth/sign.h"
#include "auth/trust.h"
#include "util/cleanup.h"

#define CERT_FILE_MAX MIB(1)

void auth_key_free(struct auth_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	X509_free(k->signer);
	sk_X509_pop_free(k->others, X509_free);
	free(k);
}

static int load_certs(const struct root *root, const char *path, struct auth_key *k,
		      struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = auth_read(root, path, CERT_FILE_MAX, &b, e);

	if (r >= 0)
		r = certs_parse(buffer_bytes(&b), path, &k->others, e);
	if (r < 0)
		return r;
	k->signer = sk_X509_shift(k->others);
	return 0;
}

/* What the verifier would refuse anyway is refused before an image is built. */
static int check_cert(const struct auth_key *k, const char *cert, struct ukd_error *e)
{
	int r = key_acceptable(X509_get0_pubkey(k->signer), e);

	if (r >= 0)
		r = kernel_cert_check(k->signer, e);
	for (int i = 0; r >= 0 && i < sk_X509_num(k->others); i++)
		r = kernel_cert_check(sk_X509_value(k->others, i), e);
	if (r >= 0)
		r = cert_signs_code(k->signer, e);
	return r < 0 ? ukd_prefix(e, "%s", cert) : 0;
}

/* Only the public halves are compared: a token does not give the other one away. */
static int check_pair(const struct auth_key *k, const char *key, const char *cert,
		      struct ukd_error *e)
{
	char name[AUTH_KEY_TEXT_MAX];

	if (X509_check_private_key(k->signer, k->key) == 1)
		return 0;
	ERR_clear_error();
	auth_key_display(key, name);
	return ukd_refuse(e, "key.pair", "key %s does not belong to the certificate in %s", name,
			  cert);
}

/* Returns 1 if the key could not be opened without a question, and was not to ask. */
static int load(const struct root *root, const char *key, const char *cert, enum key_asking asking,
		struct auth_key **ret, struct ukd_error *e)
{
	_auth_key_ struct auth_key *k = calloc(1, sizeof(*k));
	int r, unopened = 0;

	if (!k)
		return ukd_oom(e);
	r = load_certs(root, cert, k, e);
	if (r >= 0)
		r = check_cert(k, cert, e);
	if (r >= 0)
		r = unopened = private_key_open(root, key, asking, &k->key, e);
	if (r == 0)
		r = check_pair(k, key, cert, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&k);
	return unopened;
}

int auth_key_load(const struct root *root, const char *key, const char *cert, struct auth_key **ret,
		  struct ukd_error *e)
{
	return load(root, key, cert, KEY_ASK, ret, e);
}

/* The signature that the key would make, as far as its certificates go. */
static int make_signature(const struct auth_key *k, struct signature *ret, struct ukd_error *e)
{
	_signature_ struct signature s = {.p7 = PKCS7_new(), .signer = k->signer};

	if (!s.p7 || !PKCS7_set_type(s.p7, NID_pkcs7_signed))
		return ukd_oom(e);
	for (int i = 0; i < sk_X509_num(k->others); i++)
		if (!PKCS7_add_certificate(s.p7, sk_X509_value(k->others, i)))
			return ossl_fail(e, -EIO, "cannot add an intermediate certificate");
	*ret = s;
	s = (struct signature){0};
	return 0;
}

static int describe(const struct auth_key *k, const struct auth_trust *trust,
		    struct auth_result *ret, struct ukd_error *e)
{
	_trust_chain_ struct trust_chain chain = {0};
	_signature_ struct signature s = {0};
	struct ukd_error untrusted;
	int r = make_signature(k, &s, e);

	if (r < 0)
		return r;
	*ret = (struct auth_result){.verdict = AUTH_UNTRUSTED, .n_chain = 1};
	(void)snprintf(ret->digest_name, sizeof(ret->digest_name), "%s", digest_algs[0].name);
	key_name(X509_get0_pubkey(k->signer), ret->key_name, sizeof(ret->key_name));
	cert_id(k->signer, &ret->chain[0]);
	embedded_describe(&s, ret);
	if (trust_chain_find(trust, &s, &chain, &untrusted) < 0)
		return 0;
	ret->verdict = AUTH_TRUSTED;
	ret->n_chain = (unsigned int)sk_X509_num(chain.certs);
	for (unsigned int i = 0; i < ret->n_chain; i++)
		cert_id(sk_X509_value(chain.certs, (int)i), &ret->chain[i]);
	(void)snprintf(ret->anchor, sizeof(ret->anchor), "%s", chain.origin);
	return 0;
}

int auth_key_probe(const struct root *root, const char *key, const char *cert,
		   const struct auth_trust *trust, struct auth_key_facts *ret, struct ukd_error *e)
{
	_auth_key_ struct auth_key *k = NULL;
	int r = load(root, key, cert, KEY_PROBE, &k, e);
	bool unopened = r > 0;

	if (r >= 0)
		r = describe(k, trust, &ret->signer, e);
	if (r >= 0)
		ret->unopened = unopened;
	return r;
}
