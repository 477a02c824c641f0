// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes Authenticode signatures as sbsign does, and nothing that the image's verifiers do not
 * need: no signing time, no timestamp, no program name. With an RSA key the same image, key and
 * certificates therefore give the same signature, byte by byte.
 *
 * signingTime is left out although sbsign has it: the kernel refuses the image if it lies outside
 * the certificate's validity (pkcs7_verify.c), which a machine with a wrong clock would find out
 * only when it arms; no verifier of kexec or Secure Boot wants it.
 */
#include "auth/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/der.h"
#include "auth/spc.h"
#include "util/cleanup.h"

/*
 * Gives p7 its content. libcrypto has a function for content of other types, but it wants a NID,
 * and a NID would have to be registered for the whole process.
 */
static int set_content(PKCS7 *p7, struct bytes spc, struct ukd_error *e)
{
	_pkcs7_ PKCS7 *content = PKCS7_new();
	_asn1_type_ ASN1_TYPE *other = ASN1_TYPE_new();
	ASN1_STRING *sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_OBJECT *type = OBJ_txt2obj(OID_SPC_INDIRECT_DATA, 1);

	if (other && sequence)
		ASN1_TYPE_set(other, V_ASN1_SEQUENCE, sequence);
	else
		ASN1_STRING_free(sequence);
	if (content && type) {
		ASN1_OBJECT_free(content->type);
		content->type = type;
	} else {
		ASN1_OBJECT_free(type);
	}
	if (!content || !type || !other || !sequence ||
	    !ASN1_STRING_set(sequence, spc.p, (int)spc.len))
		return ukd_oom(e);
	content->d.other = take_ptr(&other);
	if (!PKCS7_set_content(p7, content))
		return ossl_fail(e, -EIO, "cannot set the content to sign");
	content = NULL;
	return 0;
}

static int set_attributes(PKCS7_SIGNER_INFO *info, const EVP_MD *md, struct bytes content,
			  struct ukd_error *e)
{
	_object_ ASN1_OBJECT *type = OBJ_txt2obj(OID_SPC_INDIRECT_DATA, 1);
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!type)
		return ukd_oom(e);
	if (!PKCS7_add_attrib_content_type(info, type))
		return ossl_fail(e, -EIO, "cannot add contentType");
	type = NULL;
	if (!EVP_Digest(content.p, content.len, value, &len, md, NULL) ||
	    !PKCS7_add1_attrib_digest(info, value, (int)len))
		return ossl_fail(e, -EIO, "cannot add messageDigest");
	return 0;
}

static int add_certificates(PKCS7 *p7, const struct auth_key *k, struct ukd_error *e)
{
	if (!PKCS7_add_certificate(p7, k->signer))
		return ossl_fail(e, -EIO, "cannot add the signer's certificate");
	for (int i = 0; i < sk_X509_num(k->others); i++)
		if (!PKCS7_add_certificate(p7, sk_X509_value(k->others, i)))
			return ossl_fail(e, -EIO, "cannot add an intermediate certificate");
	return 0;
}

static int encode(PKCS7 *p7, struct buffer *ret, struct ukd_error *e)
{
	_ossl_mem_ unsigned char *der = NULL;
	int len = i2d_PKCS7(p7, &der);
	uint8_t *copy;

	if (len <= 0)
		return ossl_fail(e, -EIO, "cannot encode the signature");
	copy = malloc((size_t)len + 1);
	if (!copy)
		return ukd_oom(e);
	memcpy(copy, der, (size_t)len);
	copy[len] = 0;
	*ret = (struct buffer){.data = copy, .len = (size_t)len};
	return 0;
}

int sign_digest_with(const struct auth_key *k, const struct digest_alg *alg, const uint8_t *digest,
		     struct buffer *ret_der, struct ukd_error *e)
{
	_md_ EVP_MD *md = EVP_MD_fetch(NULL, alg->name, NULL);
	_pkcs7_ PKCS7 *p7 = PKCS7_new();
	_ossl_mem_ unsigned char *spc = NULL;
	PKCS7_SIGNER_INFO *info;
	struct bytes whole, contents;
	int r = spc_make(alg, digest, &spc, e);

	if (r < 0)
		return r;
	whole = (struct bytes){spc, (uint64_t)r};
	if (!p7 || !der_contents(whole, 0x30, &contents))
		return ukd_oom(e);
	if (!md || !PKCS7_set_type(p7, NID_pkcs7_signed))
		return ossl_fail(e, -EIO, "cannot begin a signature");
	r = set_content(p7, whole, e);
	if (r < 0)
		return r;
	info = PKCS7_add_signature(p7, k->signer, k->key, md);
	if (!info)
		return ossl_fail(e, -EIO, "cannot sign with this key");
	r = set_attributes(info, md, contents, e);
	if (r >= 0)
		r = add_certificates(p7, k, e);
	if (r < 0)
		return r;
	/* Not PKCS7_dataFinal(): it adds the time and digests the content in its own way. */
	if (!PKCS7_SIGNER_INFO_sign(info))
		return ossl_fail(e, -EIO, "cannot sign with this key");
	return encode(p7, ret_der, e);
}

int auth_sign_digest(const struct auth_key *k, const uint8_t digest[AUTH_SHA256_LEN],
		     struct buffer *ret_der, struct ukd_error *e)
{
	return sign_digest_with(k, &digest_algs[0], digest, ret_der, e);
}
