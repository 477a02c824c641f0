// SPDX-License-Identifier: GPL-2.0-or-later
/* Help around libcrypto: see ossl.h. Certificates are untrusted input here. */
#include "auth/ossl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "util/cleanup.h"

const struct digest_alg digest_algs[DIGEST_ALG_MAX] = {
	{"SHA256", NID_sha256, NID_ecdsa_with_SHA256, 32},
	{"SHA384", NID_sha384, NID_ecdsa_with_SHA384, 48},
	{"SHA512", NID_sha512, NID_ecdsa_with_SHA512, 64},
};

const struct digest_alg digest_sha1 = {"SHA1", NID_sha1, NID_ecdsa_with_SHA1, 20};

int digest_alg_from(const X509_ALGOR *algor, const char *check, const char *what,
		    const struct digest_alg **ret, struct ukd_error *e)
{
	char text[OID_TEXT_MAX];
	const ASN1_OBJECT *oid;
	int nid, parameters;

	X509_ALGOR_get0(&oid, &parameters, NULL, algor);
	nid = OBJ_obj2nid(oid);
	for (unsigned int i = 0; i < DIGEST_ALG_MAX; i++) {
		if (digest_algs[i].nid != nid)
			continue;
		if (parameters != V_ASN1_UNDEF && parameters != V_ASN1_NULL)
			return ukd_refuse(e, check, "%s: parameters of %s are not empty", what,
					  digest_algs[i].name);
		*ret = &digest_algs[i];
		return 0;
	}
	return ukd_refuse(e, check, "%s is %s, needed is SHA256, SHA384 or SHA512", what,
			  nid == NID_undef ? oid_text(oid, text) : OBJ_nid2sn(nid));
}

int ossl_fail(struct ukd_error *e, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return ukd_fail(e, code, "%s: %s", text, reason ? reason : "libcrypto gave no reason");
}

const char *oid_text(const ASN1_OBJECT *o, char ret[OID_TEXT_MAX])
{
	if (!o || OBJ_obj2txt(ret, OID_TEXT_MAX, o, 1) <= 0)
		(void)snprintf(ret, OID_TEXT_MAX, "unknown");
	return ret;
}

bool oid_is(const ASN1_OBJECT *o, const char *dotted)
{
	char text[OID_TEXT_MAX];

	return !strcmp(oid_text(o, text), dotted);
}

bool is_kernel_time(const ASN1_TIME *t)
{
	bool utc = ASN1_STRING_type(t) == V_ASN1_UTCTIME;
	struct tm tm;

	if (ASN1_STRING_length(t) != (utc ? 13 : 15) || !ASN1_TIME_to_tm(t, &tm))
		return false;
	return tm.tm_year >= 70 && (utc || tm.tm_year >= 150);
}

struct bytes ossl_string_bytes(const ASN1_STRING *s)
{
	return (struct bytes){ASN1_STRING_get0_data(s), (uint64_t)ASN1_STRING_length(s)};
}

int auth_read(const struct root *root, const char *path, size_t max, struct buffer *ret,
	      struct ukd_error *e)
{
	if (root)
		return root_read(root, path, max, ret, e);
	return file_read(AT_FDCWD, path, max, ret, e);
}

X509 *cert_from_der(struct bytes der)
{
	const unsigned char *p = der.p;
	_x509_ X509 *cert = der.len > INT32_MAX ? NULL : d2i_X509(NULL, &p, (long)der.len);

	if (cert && p == der.p + der.len)
		return take_ptr(&cert);
	ERR_clear_error();
	return NULL;
}

int ossl_no_passphrase(char *buf _unused_, int size _unused_, int rwflag _unused_,
		       void *ctx _unused_)
{
	return -1;
}

static int certs_parse_pem(struct bytes data, const char *name, STACK_OF(X509) * certs,
			   struct ukd_error *e)
{
	_bio_ BIO *bio = BIO_new_mem_buf(data.p, (int)data.len);
	unsigned long error;
	X509 *cert;

	if (!bio)
		return ukd_oom(e);
	while ((cert = PEM_read_bio_X509(bio, NULL, ossl_no_passphrase, NULL)))
		if (!sk_X509_push(certs, cert)) {
			X509_free(cert);
			return ukd_oom(e);
		}
	/* The end of the file is told as the lack of a further block. */
	error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return ossl_fail(e, -EINVAL, "%s: certificate %d cannot be read", name,
				 sk_X509_num(certs) + 1);
	ERR_clear_error();
	if (!sk_X509_num(certs))
		return ukd_fail(e, -EINVAL, "%s: no certificate in it", name);
	return 0;
}

int certs_parse(struct bytes data, const char *name, STACK_OF(X509) * *ret, struct ukd_error *e)
{
	_certs_ STACK_OF(X509) *certs = sk_X509_new_null();
	X509 *cert;
	int r;

	if (!certs)
		return ukd_oom(e);
	if (data.len > INT32_MAX)
		return ukd_fail(e, -EFBIG, "%s: too large for a certificate", name);
	if (memmem(data.p, data.len, "-----BEGIN ", 11)) {
		r = certs_parse_pem(data, name, certs, e);
		if (r < 0)
			return r;
		*ret = take_ptr(&certs);
		return 0;
	}
	cert = cert_from_der(data);
	if (!cert)
		return ukd_fail(e, -EINVAL, "%s: neither a PEM nor a DER certificate", name);
	if (!sk_X509_push(certs, cert)) {
		X509_free(cert);
		return ukd_oom(e);
	}
	*ret = take_ptr(&certs);
	return 0;
}

void cert_subject(const X509 *cert, char ret[AUTH_SUBJECT_MAX])
{
	/*
	 * Everything outside printable ASCII stays escaped: subjects come from the file, and a
	 * terminal may take more than C0 control characters as commands.
	 */
	_bio_ BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n = 0;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE) >= 0)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		(void)snprintf(ret, AUTH_SUBJECT_MAX, "%.*s", (int)n, text);
	else
		(void)snprintf(ret, AUTH_SUBJECT_MAX, "(no subject)");
}

static unsigned int copy_key_id(uint8_t ret[AUTH_KEY_ID_MAX], struct bytes b)
{
	unsigned int len = b.len < AUTH_KEY_ID_MAX ? (unsigned int)b.len : AUTH_KEY_ID_MAX;

	memcpy(ret, b.p, len);
	return len;
}

/*
 * The kernel shows the bytes of the INTEGER as they are encoded, a leading zero included
 * (x509_cert_parser.c: x509_note_serial()), so the value is taken from the encoding.
 */
static void set_serial(struct auth_cert_id *id, const X509 *cert)
{
	_ossl_mem_ unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
	const unsigned char *p = der;
	int tag, class;
	long n;

	if (len <= 0 || ASN1_get_object(&p, &n, &tag, &class, len) & 0x80)
		return;
	id->skid_len = copy_key_id(id->skid, (struct bytes){p, (uint64_t)n});
}

static void set_tbs(struct auth_cert_id *id, const X509 *cert)
{
	_ossl_mem_ unsigned char *der = NULL;
	int digest = NID_undef, len = i2d_re_X509_tbs((X509 *)cert, &der);
	const EVP_MD *md;

	if (!OBJ_find_sigid_algs(X509_get_signature_nid(cert), &digest, NULL) || len <= 0)
		return;
	md = EVP_get_digestbynid(digest);
	if (!md || EVP_MD_get_size(md) > AUTH_TBS_DIGEST_MAX ||
	    !EVP_Digest(der, (size_t)len, id->tbs, &id->tbs_len, md, NULL))
		id->tbs_len = 0;
	ERR_clear_error();
}

void cert_id(const X509 *cert, struct auth_cert_id *ret)
{
	const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id((X509 *)cert);
	const ASN1_OCTET_STRING *akid = X509_get0_authority_key_id((X509 *)cert);

	*ret = (struct auth_cert_id){0};
	cert_subject(cert, ret->subject);
	if (skid && ASN1_STRING_length(skid) > 0)
		ret->skid_len = copy_key_id(ret->skid, ossl_string_bytes(skid));
	else
		set_serial(ret, cert);
	if (akid)
		ret->akid_len = copy_key_id(ret->akid, ossl_string_bytes(akid));
	set_tbs(ret, cert);
}

void key_name(const EVP_PKEY *key, char *ret, size_t size)
{
	char group[64] = "of unnamed curve";

	if (key && EVP_PKEY_is_a(key, "RSA")) {
		(void)snprintf(ret, size, "RSA-%d", EVP_PKEY_get_bits(key));
	} else if (key && EVP_PKEY_is_a(key, "EC")) {
		(void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		(void)snprintf(ret, size, "EC %s", group);
	} else {
		const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;

		(void)snprintf(ret, size, "%s", type ? type : "unknown");
	}
	ERR_clear_error();
}

#define RSA_EXPONENT_BITS_MAX 64

static bool has_rsa_size(const EVP_PKEY *key)
{
	static const int sizes[] = {1024, 1536, 2048, 3072, 4096};
	_bignum_ BIGNUM *exponent = NULL;

	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) ||
	    BN_num_bits(exponent) > RSA_EXPONENT_BITS_MAX)
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		if (EVP_PKEY_get_size(key) * 8 == sizes[i])
			return true;
	return false;
}

bool key_has_kernel_size(const EVP_PKEY *key)
{
	static const char *const curves[] = {"EC prime256v1", "EC secp384r1", "EC secp521r1"};
	char name[32];

	if (EVP_PKEY_is_a(key, "RSA"))
		return has_rsa_size(key);
	key_name(key, name, sizeof(name));
	for (unsigned int i = 0; i < ARRAY_SIZE(curves); i++)
		if (!strcmp(name, curves[i]))
			return true;
	return false;
}

bool name_is_same(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *p, *q;
	size_t n, m;

	return X509_NAME_get0_der(a, &p, &n) && X509_NAME_get0_der(b, &q, &m) &&
	       bytes_equal((struct bytes){p, n}, (struct bytes){q, m});
}

int key_acceptable(const EVP_PKEY *key, struct ukd_error *e)
{
	char name[32];

	key_name(key, name, sizeof(name));
	if (key && EVP_PKEY_is_a(key, "RSA")) {
		if (EVP_PKEY_get_bits(key) >= 2048 && key_has_kernel_size(key))
			return 0;
		return ukd_refuse(e, "auth.key",
				  "the key is %s, needed is RSA of 2048, 3072 or 4096 bits with a "
				  "small exponent",
				  name);
	}
	if (key && key_has_kernel_size(key))
		return 0;
	return ukd_refuse(e, "auth.key",
			  "the key is %s, needed is RSA or EC on NIST P-256, P-384 or P-521", name);
}

/*
 * Red Hat: keys that sign kernel modules, such as those made for DKMS. shim (verify_eku()) lets no
 * certificate vouch for an image that has this usage, whatever others stand beside it.
 */
#define OID_MODULE_SIGNING "1.3.6.1.4.1.2312.16.1.2"

struct extended_usage {
	bool limited; /* the certificate has the extension; without it every use is allowed */
	bool code;
	bool modules;
	char last[OID_TEXT_MAX];
};

static void read_extended_usage(const X509 *cert, struct extended_usage *ret)
{
	EXTENDED_KEY_USAGE *eku;
	int critical;

	*ret = (struct extended_usage){.last = "(none readable)"};
	eku = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
	ret->limited = eku || critical != -1;
	for (int i = 0; eku && i < sk_ASN1_OBJECT_num(eku); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(eku, i);
		int nid = OBJ_obj2nid(o);

		ret->code |= nid == NID_code_sign || nid == NID_anyExtendedKeyUsage;
		ret->modules |= oid_is(o, OID_MODULE_SIGNING);
		(void)oid_text(o, ret->last);
	}
	sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
	ERR_clear_error();
}

int cert_not_for_modules(const X509 *cert, struct ukd_error *e)
{
	char subject[AUTH_SUBJECT_MAX];
	struct extended_usage usage;

	read_extended_usage(cert, &usage);
	if (!usage.modules)
		return 0;
	cert_subject(cert, subject);
	return ukd_refuse(e, "auth.eku",
			  "'%.200s' is for signing kernel modules (extended key usage %s)", subject,
			  OID_MODULE_SIGNING);
}

int cert_signs_code(const X509 *cert, struct ukd_error *e)
{
	char subject[AUTH_SUBJECT_MAX];
	struct extended_usage usage;
	int r = cert_not_for_modules(cert, e);

	if (r < 0)
		return r;
	read_extended_usage(cert, &usage);
	if (usage.code || !usage.limited)
		return 0;
	cert_subject(cert, subject);
	return ukd_refuse(e, "auth.eku", "'%.200s' is for extended key usage %s, not codeSigning",
			  subject, usage.last);
}
