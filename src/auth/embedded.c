// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's walk through a signature's certificates: see embedded.h. All of them are hostile. */
#include "auth/embedded.h"

#include <openssl/x509v3.h>

static const ASN1_OCTET_STRING *skid_of(const X509 *cert)
{
	return X509_get0_subject_key_id((X509 *)cert);
}

static bool same_id(const ASN1_OCTET_STRING *a, const ASN1_OCTET_STRING *b)
{
	return a && b && !ASN1_OCTET_STRING_cmp(a, b);
}

/* What an authority key id says; the kernel uses issuer and serial only together. */
struct authority {
	const X509_NAME *issuer;
	const ASN1_INTEGER *serial;
	const ASN1_OCTET_STRING *skid;
};

static struct authority authority_of(const X509 *cert)
{
	const GENERAL_NAMES *names = X509_get0_authority_issuer((X509 *)cert);
	struct authority a = {
		.serial = X509_get0_authority_serial((X509 *)cert),
		.skid = X509_get0_authority_key_id((X509 *)cert),
	};

	/* One directory name, or none: kernel_cert_check() has seen to it. */
	if (a.serial && sk_GENERAL_NAME_num(names) == 1 &&
	    sk_GENERAL_NAME_value(names, 0)->type == GEN_DIRNAME)
		a.issuer = sk_GENERAL_NAME_value(names, 0)->d.directoryName;
	return a;
}

static bool has_name(const X509 *cert, const struct authority *a)
{
	return a->issuer && name_is_same(X509_get_issuer_name(cert), a->issuer) &&
	       !ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), a->serial);
}

static bool is_named(const X509 *cert, const struct authority *a)
{
	return a->issuer ? has_name(cert, a) : same_id(skid_of(cert), a->skid);
}

/* A certificate that vouches for itself (x509_check_for_self_signed()) ends the walk. */
static bool is_root(const X509 *cert, const struct authority *a)
{
	if (!name_is_same(X509_get_subject_name(cert), X509_get_issuer_name(cert)))
		return false;
	return (!a->issuer && !a->skid) || has_name(cert, a) || same_id(skid_of(cert), a->skid);
}

static X509 *find_next(STACK_OF(X509) * certs, const X509 *cert, const struct authority *a)
{
	if (is_root(cert, a) || (!a->issuer && !a->skid))
		return NULL;
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (is_named(sk_X509_value(certs, i), a))
			return sk_X509_value(certs, i);
	return NULL;
}

static int refuse(const X509 *cert, const char *why, struct ukd_error *e)
{
	char subject[AUTH_SUBJECT_MAX];

	cert_subject(cert, subject);
	return ukd_refuse(e, "auth.chain", "certificate '%.180s': %s", subject, why);
}

/*
 * Has this key not signed the certificate? An algorithm that libcrypto lacks (SHA-1 by some
 * policies) is no answer, a key of another kind is one.
 */
static bool is_forged(const X509 *cert, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	int kind = NID_undef, ok;

	if (!OBJ_find_sigid_algs(X509_get_signature_nid(cert), NULL, &kind) ||
	    !EVP_PKEY_is_a(key, kind == NID_rsaEncryption ? "RSA" : "EC"))
		return true;
	ok = X509_verify((X509 *)cert, key);
	ERR_clear_error();
	return ok == 0;
}

/* One step from cert: 1 with the next certificate, 0 at the top, or refused. */
static int step(const struct signature *s, const X509 *cert, const X509 **ret, struct ukd_error *e)
{
	struct authority a = authority_of(cert);
	X509 *next = find_next(s->p7->d.sign->cert, cert, &a);

	if (!next)
		return 0;
	if (a.issuer && a.skid && !same_id(skid_of(next), a.skid))
		return refuse(cert, "its authority key id contradicts itself", e);
	if (is_forged(cert, next))
		return refuse(cert, "what it names as its issuer has not signed it", e);
	*ret = next;
	return 1;
}

/* The kernel checks every root when it parses the signature, whether it is on the way or not. */
static int check_root(const X509 *cert, struct ukd_error *e)
{
	struct authority a = authority_of(cert);

	if (!is_root(cert, &a))
		return 0;
	if (a.issuer && a.skid && has_name(cert, &a) != same_id(skid_of(cert), a.skid))
		return refuse(cert, "its authority key id contradicts itself", e);
	if (is_forged(cert, cert))
		return refuse(cert, "it names itself as its issuer and has not signed itself", e);
	return 0;
}

int embedded_check(const struct signature *s, struct ukd_error *e)
{
	STACK_OF(X509) *certs = s->p7->d.sign->cert;
	const X509 *cert = s->signer;
	int r = 0;

	for (int i = 0; r >= 0 && i < sk_X509_num(certs); i++)
		r = check_root(sk_X509_value(certs, i), e);
	if (r < 0)
		return r;
	/* More steps than certificates: a loop, where the kernel ends the walk without a word. */
	r = 1;
	for (int n = sk_X509_num(certs); r > 0 && n > 0; n--)
		r = step(s, cert, &cert, e);
	return r < 0 ? r : 0;
}

void embedded_describe(const struct signature *s, struct auth_result *res)
{
	const X509 *cert = s->signer;
	struct ukd_error ignored;
	int r = 1;

	for (res->n_embedded = 0; r > 0 && res->n_embedded < AUTH_MAX_CHAIN;) {
		cert_id(cert, &res->embedded[res->n_embedded++]);
		r = step(s, cert, &cert, &ignored);
	}
}
