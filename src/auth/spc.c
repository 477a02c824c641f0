// SPDX-License-Identifier: GPL-2.0-or-later
/* SpcIndirectDataContent: see spc.h. The content is untrusted. */
#include "auth/spc.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1t.h>

/*
 * The templates describe the whole of it, so that comparing encodings finds every deviation. Every
 * signer writes flags and file, and osslsigncode refuses a signature without.
 */
struct spc_serialized {
	ASN1_OCTET_STRING *class_id;
	ASN1_OCTET_STRING *data;
};

struct spc_string {
	int type;
	union {
		ASN1_BMPSTRING *unicode;
		ASN1_IA5STRING *ascii;
	} value;
};

struct spc_link {
	int type;
	union {
		ASN1_IA5STRING *url;
		struct spc_serialized *moniker;
		struct spc_string *file;
	} value;
};

struct spc_pe_image {
	ASN1_BIT_STRING *flags;
	struct spc_link *file;
};

struct spc_attribute {
	ASN1_OBJECT *type;
	struct spc_pe_image *value;
};

struct spc_digest_info {
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *digest;
};

struct spc_indirect_data {
	struct spc_attribute *data;
	struct spc_digest_info *digest;
};

typedef struct spc_serialized SPC_SERIALIZED;
typedef struct spc_string SPC_STRING;
typedef struct spc_link SPC_LINK;
typedef struct spc_pe_image SPC_PE_IMAGE;
typedef struct spc_attribute SPC_ATTRIBUTE;
typedef struct spc_digest_info SPC_DIGEST_INFO;
typedef struct spc_indirect_data SPC_INDIRECT_DATA;

/* clang-format off */
ASN1_SEQUENCE(SPC_SERIALIZED) = {
	ASN1_SIMPLE(SPC_SERIALIZED, class_id, ASN1_OCTET_STRING),
	ASN1_SIMPLE(SPC_SERIALIZED, data, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SPC_SERIALIZED)

ASN1_CHOICE(SPC_STRING) = {
	ASN1_IMP(SPC_STRING, value.unicode, ASN1_BMPSTRING, 0),
	ASN1_IMP(SPC_STRING, value.ascii, ASN1_IA5STRING, 1),
} static_ASN1_CHOICE_END(SPC_STRING)

ASN1_CHOICE(SPC_LINK) = {
	ASN1_IMP(SPC_LINK, value.url, ASN1_IA5STRING, 0),
	ASN1_IMP(SPC_LINK, value.moniker, SPC_SERIALIZED, 1),
	ASN1_EXP(SPC_LINK, value.file, SPC_STRING, 2),
} static_ASN1_CHOICE_END(SPC_LINK)

ASN1_SEQUENCE(SPC_PE_IMAGE) = {
	ASN1_SIMPLE(SPC_PE_IMAGE, flags, ASN1_BIT_STRING),
	ASN1_EXP(SPC_PE_IMAGE, file, SPC_LINK, 0),
} static_ASN1_SEQUENCE_END(SPC_PE_IMAGE)

ASN1_SEQUENCE(SPC_ATTRIBUTE) = {
	ASN1_SIMPLE(SPC_ATTRIBUTE, type, ASN1_OBJECT),
	ASN1_SIMPLE(SPC_ATTRIBUTE, value, SPC_PE_IMAGE),
} static_ASN1_SEQUENCE_END(SPC_ATTRIBUTE)

ASN1_SEQUENCE(SPC_DIGEST_INFO) = {
	ASN1_SIMPLE(SPC_DIGEST_INFO, algorithm, X509_ALGOR),
	ASN1_SIMPLE(SPC_DIGEST_INFO, digest, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SPC_DIGEST_INFO)

ASN1_SEQUENCE(SPC_INDIRECT_DATA) = {
	ASN1_SIMPLE(SPC_INDIRECT_DATA, data, SPC_ATTRIBUTE),
	ASN1_SIMPLE(SPC_INDIRECT_DATA, digest, SPC_DIGEST_INFO),
} static_ASN1_SEQUENCE_END(SPC_INDIRECT_DATA)
	/* clang-format on */

	static void item_freep(SPC_INDIRECT_DATA * *p)
{
	ASN1_item_free((ASN1_VALUE *)*p, ASN1_ITEM_rptr(SPC_INDIRECT_DATA));
}
#define _spc_ _cleanup_(item_freep)

static int spc_encode(const SPC_INDIRECT_DATA *spc, unsigned char **ret)
{
	return ASN1_item_i2d((const ASN1_VALUE *)spc, ret, ASN1_ITEM_rptr(SPC_INDIRECT_DATA));
}

/* libcrypto decodes only whole elements, so the outer SEQUENCE is put around the contents again. */
static SPC_INDIRECT_DATA *spc_decode(struct bytes contents)
{
	_ossl_mem_ unsigned char *der = NULL, *again = NULL;
	_spc_ SPC_INDIRECT_DATA *spc = NULL;
	const unsigned char *in;
	unsigned char *out;
	int len, len2;

	if (contents.len > KIB(64))
		return NULL;
	len = ASN1_object_size(1, (int)contents.len, V_ASN1_SEQUENCE);
	der = OPENSSL_malloc((size_t)len);
	if (!der)
		return NULL;
	out = der;
	ASN1_put_object(&out, 1, (int)contents.len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(out, contents.p, contents.len);
	in = der;
	spc = (SPC_INDIRECT_DATA *)ASN1_item_d2i(NULL, &in, len, ASN1_ITEM_rptr(SPC_INDIRECT_DATA));
	if (!spc || in != der + len)
		return NULL;
	len2 = spc_encode(spc, &again);
	if (len2 != len || memcmp(der, again, (size_t)len))
		return NULL;
	SPC_INDIRECT_DATA *ret = spc;
	spc = NULL;
	return ret;
}

int spc_parse(struct bytes contents, const struct digest_alg **ret_alg,
	      uint8_t ret_digest[EVP_MAX_MD_SIZE], struct ukd_error *e)
{
	_spc_ SPC_INDIRECT_DATA *spc = spc_decode(contents);
	const struct digest_alg *alg;
	char oid[OID_TEXT_MAX];
	struct bytes digest;
	int r;

	ERR_clear_error();
	if (!spc)
		return ukd_refuse(e, "auth.content",
				  "the signed content is not DER of the form "
				  "SpcIndirectDataContent for a PE image");
	if (!oid_is(spc->data->type, OID_SPC_PE_IMAGE_DATA))
		return ukd_refuse(e, "auth.content", "signed is a %s, not a PE image (%s)",
				  oid_text(spc->data->type, oid), OID_SPC_PE_IMAGE_DATA);
	r = digest_alg_from(spc->digest->algorithm, "auth.digest-algorithm",
			    "the algorithm of the image digest", &alg, e);
	if (r < 0)
		return r;
	digest = ossl_string_bytes(spc->digest->digest);
	if (digest.len != alg->len)
		return ukd_refuse(e, "auth.content",
				  "the signed image digest has %u bytes, %s has %u",
				  (unsigned int)digest.len, alg->name, alg->len);
	memcpy(ret_digest, digest.p, digest.len);
	*ret_alg = alg;
	return 0;
}

/* flags empty, file "<<<Obsolete>>>": what Authenticode asks for and every signer writes. */
static bool set_pe_image(SPC_PE_IMAGE *image)
{
	static const char obsolete[] = "\0<\0<\0<\0O\0b\0s\0o\0l\0e\0t\0e\0>\0>\0>";
	struct spc_string *s;

	s = (struct spc_string *)ASN1_item_new(ASN1_ITEM_rptr(SPC_STRING));
	if (!s)
		return false;
	image->file->type = 2;
	image->file->value.file = s;
	s->type = 0;
	s->value.unicode = ASN1_BMPSTRING_new();
	return s->value.unicode &&
	       ASN1_STRING_set(s->value.unicode, obsolete, sizeof(obsolete) - 1);
}

int spc_make(const struct digest_alg *alg, const uint8_t *digest, unsigned char **ret,
	     struct ukd_error *e)
{
	_spc_ SPC_INDIRECT_DATA *spc =
		(SPC_INDIRECT_DATA *)ASN1_item_new(ASN1_ITEM_rptr(SPC_INDIRECT_DATA));
	int len;

	if (!spc)
		return ukd_oom(e);
	ASN1_OBJECT_free(spc->data->type);
	spc->data->type = OBJ_txt2obj(OID_SPC_PE_IMAGE_DATA, 1);
	if (!spc->data->type || !set_pe_image(spc->data->value) ||
	    !X509_ALGOR_set0(spc->digest->algorithm, OBJ_nid2obj(alg->nid), V_ASN1_NULL, NULL) ||
	    !ASN1_STRING_set(spc->digest->digest, digest, alg->len))
		return ukd_oom(e);
	*ret = NULL;
	len = spc_encode(spc, ret);
	return len > 0 ? len : ossl_fail(e, -EINVAL, "cannot encode SpcIndirectDataContent");
}
