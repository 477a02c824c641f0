// SPDX-License-Identifier: GPL-2.0-or-later
/* One PKCS#7 blob: see signature.h. All of it is untrusted. Why each rule: docs/UKI.md. */
#include "auth/signature.h"

#include <errno.h>
#include <string.h>

#include "auth/der.h"
#include "auth/kernel_cert.h"
#include "auth/spc.h"
#include "util/cleanup.h"

#define TAG_SEQUENCE   0x30
#define MAX_ATTRIBUTES 32 /* signers write three to six */

/*
 * Embedded certificates. Real signatures have one to six; each may claim to be issued by each
 * other, which the check for revoked issuers has to find out.
 */
#define MAX_CERTIFICATES 16

void signature_free(struct signature *s)
{
	PKCS7_free(s->p7);
	*s = (struct signature){0};
}

static int parse_der(struct bytes der, struct signature *s, struct ukd_error *e)
{
	_ossl_mem_ unsigned char *again = NULL;
	const unsigned char *p = der.p;
	int len;

	if (der.len > SIGNATURE_MAX)
		return ukd_refuse(e, "auth.pkcs7",
				  "the signature has %llu bytes, the kernel takes %d",
				  (unsigned long long)der.len, SIGNATURE_MAX);
	if (!der_is_strict(der))
		return ukd_refuse(e, "auth.pkcs7",
				  "the signature is not one DER element (BER, cut or with a tail)");
	s->p7 = d2i_PKCS7(NULL, &p, (long)der.len);
	if (!s->p7)
		return ukd_refuse(e, "auth.pkcs7", "the signature is not PKCS#7");
	len = i2d_PKCS7(s->p7, &again);
	if (p != der.p + der.len || len < 0 || (uint64_t)len != der.len ||
	    memcmp(again, der.p, der.len))
		return ukd_refuse(e, "auth.pkcs7", "the signature is PKCS#7 but not in DER");
	return 0;
}

/* SignedData of version 1 over SpcIndirectData, with one digest algorithm. */
static int parse_signed_data(struct signature *s, struct ukd_error *e)
{
	char oid[OID_TEXT_MAX];
	PKCS7 *inner;
	struct bytes whole;

	/* libcrypto lets the content be absent: d.sign is NULL then. */
	if (!PKCS7_type_is_signed(s->p7) || !s->p7->d.sign)
		return ukd_refuse(e, "auth.pkcs7", "the PKCS#7 is of type %s, not SignedData",
				  oid_text(s->p7->type, oid));
	if (ASN1_INTEGER_get(s->p7->d.sign->version) != 1)
		return ukd_refuse(e, "auth.pkcs7", "the SignedData is of version %ld, needed is 1",
				  ASN1_INTEGER_get(s->p7->d.sign->version));
	inner = s->p7->d.sign->contents;
	if (!inner || !oid_is(inner->type, OID_SPC_INDIRECT_DATA))
		return ukd_refuse(e, "auth.content-type",
				  "signed is content of type %s, needed is %s",
				  inner ? oid_text(inner->type, oid) : "none",
				  OID_SPC_INDIRECT_DATA);
	if (!inner->d.other || ASN1_TYPE_get(inner->d.other) != V_ASN1_SEQUENCE)
		return ukd_refuse(e, "auth.content",
				  "the signed content is missing or no SEQUENCE");
	whole = ossl_string_bytes(inner->d.other->value.sequence);
	if (!der_contents(whole, TAG_SEQUENCE, &s->content))
		return ukd_refuse(e, "auth.content", "the signed content is not one SEQUENCE");
	return spc_parse(s->content, &s->alg, s->digest, e);
}

/* Authenticode knows one signer per SignedData; with several, readers pick different ones. */
static int parse_signer_info(struct signature *s, struct ukd_error *e)
{
	STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(s->p7);
	STACK_OF(X509_ALGOR) *digests = s->p7->d.sign->md_algs;
	const struct digest_alg *alg;
	int n = infos ? sk_PKCS7_SIGNER_INFO_num(infos) : 0, r;

	if (n != 1)
		return ukd_refuse(e, "auth.signer-info",
				  "the signature has %d signers, needed is 1", n);
	s->info = sk_PKCS7_SIGNER_INFO_value(infos, 0);
	if (ASN1_INTEGER_get(s->info->version) != 1)
		return ukd_refuse(e, "auth.signer-info",
				  "SignerInfo is of version %ld, needed is 1",
				  ASN1_INTEGER_get(s->info->version));
	if (sk_X509_ALGOR_num(digests) != 1)
		return ukd_refuse(e, "auth.digest-algorithm",
				  "the signature lists %d digest algorithms, needed is 1",
				  sk_X509_ALGOR_num(digests));
	r = digest_alg_from(sk_X509_ALGOR_value(digests, 0), "auth.digest-algorithm",
			    "the listed digest algorithm", &alg, e);
	if (r < 0)
		return r;
	if (alg != s->alg)
		return ukd_refuse(e, "auth.digest-algorithm",
				  "%s is listed, but the image digest is %s", alg->name,
				  s->alg->name);
	r = digest_alg_from(s->info->digest_alg, "auth.digest-algorithm",
			    "the signer's digest algorithm", &alg, e);
	if (r < 0)
		return r;
	/* A weaker one for either would decide about both. */
	if (alg != s->alg)
		return ukd_refuse(e, "auth.digest-algorithm",
				  "the signer's digest is %s, but the image digest is %s",
				  alg->name, s->alg->name);
	return 0;
}

/* Byte for byte, as the kernel compares; libcrypto thinks nothing of case, spaces and string type. */
static bool same_name(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *p, *q;
	size_t len, len2;

	return X509_NAME_get0_der(a, &p, &len) && X509_NAME_get0_der(b, &q, &len2) && len == len2 &&
	       !memcmp(p, q, len);
}

/* The kernel and libcrypto find the signer by issuer and serial number among the embedded ones. */
static int find_signer(struct signature *s, struct ukd_error *e)
{
	STACK_OF(X509) *signers = PKCS7_get0_signers(s->p7, NULL, 0);
	int n = sk_X509_num(s->p7->d.sign->cert);

	if (signers && sk_X509_num(signers) == 1)
		s->signer = sk_X509_value(signers, 0);
	sk_X509_free(signers);
	ERR_clear_error();
	if (!s->signer)
		return ukd_refuse(e, "auth.signer",
				  "the signer's certificate is not in the signature");
	if (!same_name(s->info->issuer_and_serial->issuer, X509_get_issuer_name(s->signer)))
		return ukd_refuse(e, "auth.signer",
				  "the signer's issuer is not spelled as in its certificate");
	if (n > MAX_CERTIFICATES)
		return ukd_refuse(e, "auth.certificates",
				  "the signature carries %d certificates, limit is %d", n,
				  MAX_CERTIFICATES);
	/* The kernel compares the bytes, and libcrypto what they mean. */
	if (!name_is_same(s->info->issuer_and_serial->issuer, X509_get_issuer_name(s->signer)))
		return ukd_refuse(e, "auth.signer",
				  "the signature writes the issuer's name in another way than the "
				  "signer's certificate");
	return 0;
}

/* All that is carried along must be readable, needed or not (pkcs7_extract_cert()). */
static int check_certificates(const struct signature *s, struct ukd_error *e)
{
	const STACK_OF(X509) *certs = s->p7->d.sign->cert;
	int r = 0;

	/* The kernel reads the parts of each as a certificate (pkcs7.asn1: CertificateList). */
	if (s->p7->d.sign->crl)
		return ukd_refuse(e, "auth.certificates",
				  "the signature carries a revocation list");
	for (int i = 0; r >= 0 && i < sk_X509_num(certs); i++)
		r = kernel_cert_check(sk_X509_value(certs, i), e);
	return r;
}

/*
 * libcrypto verifies RSA as PKCS#1 v1.5 whatever the SignerInfo says; the kernel goes by what it
 * says (pkcs7_parser.c: pkcs7_sig_note_pkey_algo()).
 */
static int check_signature_algorithm(const struct signature *s, struct ukd_error *e)
{
	const EVP_PKEY *key = X509_get0_pubkey(s->signer);
	const ASN1_OBJECT *oid;
	char text[OID_TEXT_MAX], name[32];
	int nid, needed = NID_undef;

	X509_ALGOR_get0(&oid, NULL, NULL, s->info->digest_enc_alg);
	nid = OBJ_obj2nid(oid);
	if (key && EVP_PKEY_is_a(key, "RSA"))
		needed = NID_rsaEncryption;
	else if (key && EVP_PKEY_is_a(key, "EC"))
		needed = s->alg->ecdsa_nid;
	if (needed != NID_undef && nid == needed)
		return 0;
	key_name(key, name, sizeof(name));
	return ukd_refuse(e, "auth.signature-algorithm",
			  "signature algorithm %s with a key %s, %s %s",
			  nid == NID_undef ? oid_text(oid, text) : OBJ_nid2sn(nid), name,
			  needed == NID_undef ? "needed is an RSA or" : "needed is",
			  needed == NID_undef ? "EC key" : OBJ_nid2sn(needed));
}

static int check_attribute_set(const STACK_OF(X509_ATTRIBUTE) * attrs, struct ukd_error *e)
{
	char oid[OID_TEXT_MAX];
	int n = attrs ? sk_X509_ATTRIBUTE_num(attrs) : 0;

	/* The kernel: EBADMSG; without them the signature would be over the content itself. */
	if (n <= 0)
		return ukd_refuse(e, "auth.attributes", "there are no authenticated attributes");
	if (n > MAX_ATTRIBUTES)
		return ukd_refuse(e, "auth.attributes", "there are %d attributes, limit is %d", n,
				  MAX_ATTRIBUTES);
	for (int i = 0; i < n; i++) {
		X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(attrs, i);
		const ASN1_OBJECT *type = X509_ATTRIBUTE_get0_object(a);

		if (X509_ATTRIBUTE_count(a) != 1)
			return ukd_refuse(e, "auth.attributes",
					  "attribute %s has %d values, needed is 1",
					  oid_text(type, oid), X509_ATTRIBUTE_count(a));
		for (int j = 0; j < i; j++)
			if (!OBJ_cmp(type,
				     X509_ATTRIBUTE_get0_object(sk_X509_ATTRIBUTE_value(attrs, j))))
				return ukd_refuse(e, "auth.attributes", "attribute %s occurs twice",
						  oid_text(type, oid));
	}
	return 0;
}

/* They are not signed, but parsed: the kernel's decoder takes no empty set (lib/asn1_decoder.c). */
static int check_unauthenticated(const STACK_OF(X509_ATTRIBUTE) * attrs, struct ukd_error *e)
{
	bool empty = attrs && !sk_X509_ATTRIBUTE_num(attrs);

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++)
		empty |= !X509_ATTRIBUTE_count(sk_X509_ATTRIBUTE_value(attrs, i));
	if (empty)
		return ukd_refuse(e, "auth.attributes",
				  "an unauthenticated attribute, or the set of them, is empty");
	return 0;
}

/* The single value of an attribute, or NULL; its ASN.1 type in *ret_type. */
static const ASN1_TYPE *attribute(const struct signature *s, int nid)
{
	const STACK_OF(X509_ATTRIBUTE) *attrs = s->info->auth_attr;

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++) {
		X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(attrs, i);

		if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(a)) == nid)
			return X509_ATTRIBUTE_get0_type(a, 0);
	}
	return NULL;
}

/* The kernel refuses a signing time outside the signer's validity (pkcs7_verify.c). */
static int check_signing_time(const struct signature *s, struct ukd_error *e)
{
	const ASN1_TYPE *v = attribute(s, NID_pkcs9_signingTime);
	const ASN1_TIME *t;
	int from, to;

	if (!v)
		return 0;
	if (ASN1_TYPE_get(v) != V_ASN1_UTCTIME && ASN1_TYPE_get(v) != V_ASN1_GENERALIZEDTIME)
		return ukd_refuse(e, "auth.signing-time", "signingTime is not a time");
	t = v->value.asn1_string;
	from = ASN1_TIME_compare(t, X509_get0_notBefore(s->signer));
	to = ASN1_TIME_compare(t, X509_get0_notAfter(s->signer));
	ERR_clear_error();
	if (from == -2 || to == -2 || !is_kernel_time(t))
		return ukd_refuse(e, "auth.signing-time",
				  "signingTime is not a valid time in the form of RFC 5280");
	if (from < 0 || to > 0)
		return ukd_refuse(e, "auth.signing-time",
				  "signingTime %.*s is %s the signer certificate's validity",
				  ASN1_STRING_length(t), ASN1_STRING_get0_data(t),
				  from < 0 ? "before" : "after");
	return 0;
}

static int check_attributes(const struct signature *s, struct ukd_error *e)
{
	char oid[OID_TEXT_MAX];
	const ASN1_TYPE *v;
	int r = check_attribute_set(s->info->auth_attr, e);

	if (r >= 0)
		r = check_unauthenticated(s->info->unauth_attr, e);
	if (r < 0)
		return r;
	v = attribute(s, NID_pkcs9_contentType);
	if (!v || ASN1_TYPE_get(v) != V_ASN1_OBJECT)
		return ukd_refuse(e, "auth.attributes",
				  "attribute contentType is missing or no OID");
	if (!oid_is(v->value.object, OID_SPC_INDIRECT_DATA))
		return ukd_refuse(e, "auth.attributes", "attribute contentType is %s, needed is %s",
				  oid_text(v->value.object, oid), OID_SPC_INDIRECT_DATA);
	v = attribute(s, NID_pkcs9_messageDigest);
	if (!v || ASN1_TYPE_get(v) != V_ASN1_OCTET_STRING)
		return ukd_refuse(e, "auth.attributes",
				  "attribute messageDigest is missing or no OCTET STRING");
	if (ASN1_STRING_length(v->value.octet_string) != s->alg->len)
		return ukd_refuse(e, "auth.attributes", "messageDigest has %d bytes, %s has %u",
				  ASN1_STRING_length(v->value.octet_string), s->alg->name,
				  s->alg->len);
	return check_signing_time(s, e);
}

int signature_parse(struct bytes der, struct signature *ret, struct ukd_error *e)
{
	_signature_ struct signature s = {0};
	int r;

	r = parse_der(der, &s, e);
	if (r >= 0)
		r = parse_signed_data(&s, e);
	if (r >= 0)
		r = parse_signer_info(&s, e);
	if (r >= 0)
		r = find_signer(&s, e);
	if (r >= 0)
		r = check_certificates(&s, e);
	if (r >= 0)
		r = check_signature_algorithm(&s, e);
	if (r >= 0)
		r = check_attributes(&s, e);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret = s;
	s = (struct signature){0};
	return 0;
}

/* Our own look, so that this cause can be told from a bad key; PKCS7_verify() repeats it. */
static int check_message_digest(const struct signature *s, struct ukd_error *e)
{
	const ASN1_TYPE *v = attribute(s, NID_pkcs9_messageDigest);
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t len;

	if (!EVP_Q_digest(NULL, s->alg->name, NULL, s->content.p, s->content.len, md, &len))
		return ossl_fail(e, -EIO, "cannot compute %s", s->alg->name);
	if (!bytes_equal((struct bytes){md, len}, ossl_string_bytes(v->value.octet_string)))
		return ukd_refuse(e, "auth.message-digest",
				  "messageDigest is not the digest of the signed content");
	return 0;
}

int signature_verify(const struct signature *s, struct ukd_error *e)
{
	_bio_ BIO *content = NULL;
	int r = check_message_digest(s, e);

	if (r < 0)
		return r;
	/*
	 * The contents without the SEQUENCE's header are what Authenticode digests; libcrypto does
	 * not know that and must be given them. No PKCS7_NO_DUAL_CONTENT: there is embedded content
	 * as well.
	 */
	content = BIO_new_mem_buf(s->content.p, (int)s->content.len);
	if (!content)
		return ukd_oom(e);
	/* NOVERIFY: the chain is verify.c's, which wants to know it. */
	r = PKCS7_verify(s->p7, NULL, NULL, content, NULL, PKCS7_NOVERIFY | PKCS7_BINARY);
	ERR_clear_error();
	if (r != 1)
		return ukd_refuse(
			e, "auth.signature",
			"the signature was not made by the signer's key over this content");
	return 0;
}
