// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's demands of an embedded certificate: see kernel_cert.h. */
#include "auth/kernel_cert.h"

#include <openssl/x509v3.h>

#include "auth/der.h"
#include "util/cleanup.h"

/* The kernel's decoder takes no empty name, and no empty part of one. */
static bool well_formed_name(const X509_NAME *name)
{
	const unsigned char *der;
	size_t len;

	return X509_NAME_get0_der(name, &der, &len) && der_none_empty((struct bytes){der, len});
}

/* x509_note_sig_algo(), x509_extract_key_data(): others are ENOPKG for the whole signature. */
static bool known_algorithm(const X509 *cert)
{
	static const int known[] = {
		NID_sha1WithRSAEncryption,   NID_sha224WithRSAEncryption,
		NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption,
		NID_sha512WithRSAEncryption, NID_ecdsa_with_SHA1,
		NID_ecdsa_with_SHA224,	     NID_ecdsa_with_SHA256,
		NID_ecdsa_with_SHA384,	     NID_ecdsa_with_SHA512,
	};
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	int nid = X509_get_signature_nid(cert);
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		found |= known[i] == nid;
	return found && key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC"));
}

/* No unused bits, and the same algorithm inside and outside: x509_note_signature(). */
static bool well_formed_signature(const X509 *cert)
{
	_ossl_mem_ unsigned char *der = NULL;
	const X509_ALGOR *outer, *inner = X509_get0_tbs_sigalg(cert);
	const ASN1_BIT_STRING *signature;
	const ASN1_OBJECT *a, *b;
	int len, header;

	X509_get0_signature(&signature, &outer, cert);
	X509_ALGOR_get0(&a, NULL, NULL, outer);
	X509_ALGOR_get0(&b, NULL, NULL, inner);
	len = i2d_ASN1_BIT_STRING(signature, &der);
	header = len - ASN1_STRING_length(signature) - 1;
	return !OBJ_cmp(a, b) && header > 0 && !der[header];
}

int kernel_cert_check(const X509 *cert, struct ukd_error *e)
{
	char subject[AUTH_SUBJECT_MAX];
	const char *what = NULL;

	if (X509_get_extension_flags((X509 *)cert) & EXFLAG_INVALID)
		what = "has an extension that is malformed or occurs twice";
	else if (!is_kernel_time(X509_get0_notBefore(cert)) ||
		 !is_kernel_time(X509_get0_notAfter(cert)))
		what = "has a date that the kernel cannot read";
	else if (!well_formed_name(X509_get_subject_name(cert)) ||
		 !well_formed_name(X509_get_issuer_name(cert)))
		what = "has an empty name or an empty part of one";
	else if (!known_algorithm(cert))
		what = "is of a key or signature algorithm that the kernel does not know";
	else if (!well_formed_signature(cert))
		what = "has a malformed signature";
	ERR_clear_error();
	if (!what)
		return 0;
	cert_subject(cert, subject);
	return ukd_refuse(e, "auth.certificates", "the embedded certificate '%.180s' %s", subject,
			  what);
}
