// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's demands of an embedded certificate: see kernel_cert.h. All of them are hostile. */
#include "auth/kernel_cert.h"

#include <openssl/x509v3.h>

#include "auth/der.h"
#include "util/cleanup.h"

#define TAG_BOOLEAN    0x01
#define TAG_BIT_STRING 0x03
#define TAG_OCTETS     0x04
#define TAG_SEQUENCE   0x30

#define SHORT_LENGTH_MAX 127 /* the parser takes the byte behind the tag for the length */

/* The kernel's decoder takes no empty name, and no empty part of one. */
static bool well_formed_name(const X509_NAME *name)
{
	const unsigned char *der;
	size_t len;

	return X509_NAME_get0_der(name, &der, &len) && der_none_empty((struct bytes){der, len});
}

/*
 * x509_note_sig_algo(): others are ENOPKG for the whole signature. The algorithm is named inside
 * and outside of what is signed (x509_note_signature()).
 */
static const char *check_algorithm(const X509 *cert)
{
	static const int known[] = {
		NID_sha1WithRSAEncryption,   NID_sha224WithRSAEncryption,
		NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption,
		NID_sha512WithRSAEncryption, NID_ecdsa_with_SHA1,
		NID_ecdsa_with_SHA224,	     NID_ecdsa_with_SHA256,
		NID_ecdsa_with_SHA384,	     NID_ecdsa_with_SHA512,
	};
	const ASN1_OBJECT *outer, *inner;
	const X509_ALGOR *alg;

	X509_get0_signature(NULL, &alg, cert);
	X509_ALGOR_get0(&outer, NULL, NULL, alg);
	X509_ALGOR_get0(&inner, NULL, NULL, X509_get0_tbs_sigalg(cert));
	if (OBJ_cmp(outer, inner) != 0)
		return "it names two signature algorithms";
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (OBJ_obj2nid(outer) == known[i])
			return NULL;
	return "the kernel does not know its signature algorithm";
}

/* A BIT STRING of whole bytes. */
static bool has_whole_bytes(const ASN1_BIT_STRING *s)
{
	_ossl_mem_ unsigned char *der = NULL;
	int len = i2d_ASN1_BIT_STRING(s, &der);
	struct bytes contents;

	return len > 0 &&
	       der_contents((struct bytes){der, (uint64_t)len}, TAG_BIT_STRING, &contents) &&
	       contents.len > 1 && !contents.p[0];
}

/* ecdsa.c takes points that are not compressed, the parser curves by name. */
static bool has_plain_point(const X509 *cert)
{
	const unsigned char *point;
	X509_ALGOR *alg;
	int len, type;

	if (!X509_PUBKEY_get0_param(NULL, &point, &len, &alg, X509_get_X509_PUBKEY(cert)))
		return false;
	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return type == V_ASN1_OBJECT && len > 0 && point[0] == 4;
}

static const char *check_key(const X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key || !key_has_kernel_size(key))
		return "the kernel does not know its kind or size of key";
	if (EVP_PKEY_is_a(key, "EC") && !has_plain_point(cert))
		return "its EC key is compressed or not on a named curve";
	return NULL;
}

static bool is_key_id(struct bytes ext)
{
	struct bytes id;

	return der_contents(ext, TAG_OCTETS, &id) && id.len > 0 && id.len <= SHORT_LENGTH_MAX;
}

/* Since 6.4. */
static bool is_key_usage(struct bytes ext)
{
	struct bytes bits;

	return der_contents(ext, TAG_BIT_STRING, &bits) && bits.len > 1 && bits.p[0] < 8;
}

/* Since 6.4; since 6.19 nothing but empty or beginning with CA:TRUE. */
static bool is_basic_constraints(struct bytes ext)
{
	static const uint8_t ca[] = {TAG_BOOLEAN, 1, 0xff};
	struct bytes in, first;

	if (!der_contents(ext, TAG_SEQUENCE, &in) || in.len > SHORT_LENGTH_MAX)
		return false;
	return !in.len || (der_first(in, TAG_BOOLEAN, &first) &&
			   bytes_equal(first, (struct bytes){ca, sizeof(ca)}));
}

/* With several, the kernel goes by the last. */
static bool is_one_directory(const GENERAL_NAMES *names)
{
	const GENERAL_NAME *n = sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) :
								  NULL;

	return n && n->type == GEN_DIRNAME && well_formed_name(n->d.directoryName);
}

static bool is_authority(struct bytes ext)
{
	const unsigned char *p = ext.p;
	AUTHORITY_KEYID *id = NULL;
	bool ok = false;

	if (der_is_strict(ext))
		id = d2i_AUTHORITY_KEYID(NULL, &p, (long)ext.len);
	if (id)
		ok = !id->issuer || is_one_directory(id->issuer);
	AUTHORITY_KEYID_free(id);
	return ok;
}

/* The extensions that the parser looks into. */
static const struct {
	int nid;
	bool (*is_good)(struct bytes ext);
	const char *wrong;
} extensions[] = {
	{NID_subject_key_identifier, is_key_id, "its subject key id is malformed"},
	{NID_key_usage, is_key_usage, "its key usage is malformed"},
	{NID_basic_constraints, is_basic_constraints, "its basic constraints are malformed"},
	{NID_authority_key_identifier, is_authority, "its authority key id is malformed"},
};

static const char *check_extensions(const X509 *cert)
{
	const STACK_OF(X509_EXTENSION) *all = X509_get0_extensions(cert);

	if (all && !sk_X509_EXTENSION_num(all))
		return "its list of extensions is empty";
	for (unsigned int i = 0; i < ARRAY_SIZE(extensions); i++) {
		int at = X509_get_ext_by_NID(cert, extensions[i].nid, -1);

		if (at < 0)
			continue;
		if (X509_get_ext_by_NID(cert, extensions[i].nid, at) >= 0)
			return "it has an extension twice";
		if (!extensions[i].is_good(
			    ossl_string_bytes(X509_EXTENSION_get_data(X509_get_ext(cert, at)))))
			return extensions[i].wrong;
	}
	return NULL;
}

static const char *find_wrong(const X509 *cert)
{
	const ASN1_BIT_STRING *signature;
	const char *wrong = check_algorithm(cert);

	X509_get0_signature(&signature, NULL, cert);
	if (wrong)
		return wrong;
	if (!has_whole_bytes(signature) || !has_whole_bytes(X509_get0_pubkey_bitstr(cert)))
		return "its key or signature is no whole number of bytes";
	if (!is_kernel_time(X509_get0_notBefore(cert)) || !is_kernel_time(X509_get0_notAfter(cert)))
		return "it has a date that the kernel cannot read";
	if (!well_formed_name(X509_get_subject_name(cert)) ||
	    !well_formed_name(X509_get_issuer_name(cert)))
		return "it has an empty name or an empty part of one";
	if (X509_get_extension_flags((X509 *)cert) & EXFLAG_INVALID)
		return "it has an extension that is malformed or occurs twice";
	wrong = check_key(cert);
	return wrong ? wrong : check_extensions(cert);
}

int kernel_cert_check(const X509 *cert, struct ukd_error *e)
{
	const char *wrong = find_wrong(cert);
	char subject[AUTH_SUBJECT_MAX];

	ERR_clear_error();
	if (!wrong)
		return 0;
	cert_subject(cert, subject);
	return ukd_refuse(e, "auth.certificates", "the embedded certificate '%.180s': %s", subject,
			  wrong);
}
