/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rest of src/auth needs around libcrypto: scope-bound release, the digest algorithms that
 * count, reading and naming certificates. Accessors only, so that OpenSSL 3.0 to 4.0 all compile.
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "auth/auth.h"

#define ossl_cleanup(name, type, fn)                \
	static inline void ossl_##name##p(type **p) \
	{                                           \
		fn(*p);                             \
	}

ossl_cleanup(bio, BIO, BIO_free_all);
ossl_cleanup(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free);
ossl_cleanup(md, EVP_MD, EVP_MD_free);
ossl_cleanup(pkey, EVP_PKEY, EVP_PKEY_free);
ossl_cleanup(pkcs7, PKCS7, PKCS7_free);
ossl_cleanup(x509, X509, X509_free);
ossl_cleanup(store_ctx, X509_STORE_CTX, X509_STORE_CTX_free);
ossl_cleanup(type, ASN1_TYPE, ASN1_TYPE_free);
ossl_cleanup(object, ASN1_OBJECT, ASN1_OBJECT_free);
ossl_cleanup(bignum, BIGNUM, BN_free);

static inline void ossl_certsp(STACK_OF(X509) * *p)
{
	sk_X509_pop_free(*p, X509_free);
}

static inline void ossl_memoryp(unsigned char **p)
{
	OPENSSL_free(*p);
}

#define _bio_	    _cleanup_(ossl_biop)
#define _md_ctx_    _cleanup_(ossl_md_ctxp)
#define _md_	    _cleanup_(ossl_mdp)
#define _pkey_	    _cleanup_(ossl_pkeyp)
#define _pkcs7_	    _cleanup_(ossl_pkcs7p)
#define _x509_	    _cleanup_(ossl_x509p)
#define _store_ctx_ _cleanup_(ossl_store_ctxp)
#define _asn1_type_ _cleanup_(ossl_typep)
#define _object_    _cleanup_(ossl_objectp)
#define _bignum_    _cleanup_(ossl_bignump)
#define _certs_	    _cleanup_(ossl_certsp)
#define _ossl_mem_  _cleanup_(ossl_memoryp)

/* The digest algorithms we accept anywhere; every kernel with kexec_file_load knows them. */
struct digest_alg {
	const char *name; /* for people and EVP_MD_fetch() */
	int nid;
	int ecdsa_nid; /* the signature algorithm that a kernel expects with an EC key */
	uint8_t len;
};

#define DIGEST_ALG_MAX 3
extern const struct digest_alg digest_algs[DIGEST_ALG_MAX]; /* SHA256 first */

/* Accepted nowhere; only to find an image in a list of revoked ones. */
extern const struct digest_alg digest_sha1;

/*
 * The algorithm of an AlgorithmIdentifier whose parameters are absent or NULL. Otherwise refuses
 * with this check; what says whose algorithm it is.
 */
int digest_alg_from(const X509_ALGOR *algor, const char *check, const char *what,
		    const struct digest_alg **ret, struct ukd_error *e) _must_check_;

/* Fails with "<text>: <libcrypto's reason>" and empties libcrypto's queue of errors. */
int ossl_fail(struct ukd_error *e, int code, const char *fmt, ...) _printf_(3, 4);

/* Dotted form, "1.2.840.113549.1.7.2", cut to fit. Returns ret. */
#define OID_TEXT_MAX 80
const char *oid_text(const ASN1_OBJECT *o, char ret[OID_TEXT_MAX]);
bool oid_is(const ASN1_OBJECT *o, const char *dotted);

/*
 * A time in the one form that the kernel reads, x509_decode_time() (x509_cert_parser.c): UTCTime up
 * to 2049, GeneralizedTime from 2050, with seconds, in UTC.
 */
bool is_kernel_time(const ASN1_TIME *t);

struct bytes ossl_string_bytes(const ASN1_STRING *s);

/* A file inside root, or as the process itself sees it if root is NULL. */
int auth_read(const struct root *root, const char *path, size_t max, struct buffer *ret,
	      struct ukd_error *e) _must_check_;

/* For what has no passphrase: libcrypto's own callback would ask for one on the terminal. */
int ossl_no_passphrase(char *buf, int size, int rwflag, void *ctx);

/* The whole of a PEM file (every certificate) or one DER certificate. name is for messages. */
int certs_parse(struct bytes data, const char *name, STACK_OF(X509) * *ret,
		struct ukd_error *e) _must_check_;

/* NULL unless der is exactly one certificate. */
X509 *cert_from_der(struct bytes der);

void cert_subject(const X509 *cert, char ret[AUTH_SUBJECT_MAX]);
void cert_id(const X509 *cert, struct auth_cert_id *ret);

/* "RSA-2048", "EC prime256v1" */
void key_name(const EVP_PKEY *key, char *ret, size_t size);

/*
 * RSA of 1024, 1536, 2048, 3072 or 4096 bits (crypto/rsa.c: rsa_check_key_length()) with an
 * exponent of at most 64 bits, so that using it is cheap; or EC on P-256, P-384 or P-521.
 */
bool key_has_kernel_size(const EVP_PKEY *key);

/* The same name in the same encoding: the kernel compares bytes, X509_NAME_cmp() folds letters. */
bool name_is_same(const X509_NAME *a, const X509_NAME *b);

/* Refuses (check "auth.key") what is weak or what no kernel can verify. */
int key_acceptable(const EVP_PKEY *key, struct ukd_error *e) _must_check_;

/*
 * Refuses (check "auth.eku") a certificate that is limited to other purposes than signing code, or
 * is for signing kernel modules.
 */
int cert_signs_code(const X509 *cert, struct ukd_error *e) _must_check_;

/* Only the latter: shim's rule for the certificate that it trusts. */
int cert_not_for_modules(const X509 *cert, struct ukd_error *e) _must_check_;
