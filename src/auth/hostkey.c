// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes the host key. RSA, because Debian's kernel 6.1 cannot verify ECDSA; 3072 bits, because the
 * certificate is to last ten years and 2048 bits are no longer recommended after 2030 (NIST SP
 * 800-57). Every kernel from 6.1 on, shim, EDK2, sbverify and osslsigncode verify it.
 */
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "auth/key_store.h"
#include "util/cleanup.h"

#define HOST_KEY_BITS 3072u
#define HOST_KEY_DAYS 3652

static bool set_serial(X509 *cert)
{
	_bignum_ BIGNUM *n = BN_new();

	/* 159 bits: positive, and at most the 20 bytes of RFC 5280. */
	return n && BN_rand(n, 159, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	       BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
}

static bool set_name(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)common_name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, name);
}

/* Its one use is to sign code; as no CA it cannot make further keys. */
static bool add_extensions(X509 *cert)
{
	static const struct {
		int nid;
		const char *value;
	} list[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "codeSigning"},
		{NID_subject_key_identifier, "hash"},
	};
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, list[i].nid, list[i].value);
		bool ok = ext && X509_add_ext(cert, ext, -1);

		X509_EXTENSION_free(ext);
		if (!ok)
			return false;
	}
	return true;
}

static X509 *make_cert(EVP_PKEY *key, const char *common_name)
{
	_x509_ X509 *cert = X509_new();

	/* A day back: the clock of a machine that is being installed may be corrected later. */
	if (!cert || !X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !set_name(cert, common_name) || !X509_set_pubkey(cert, key) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -24 * 3600L) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), HOST_KEY_DAYS, 0, NULL) ||
	    !add_extensions(cert) || !X509_sign(cert, key, EVP_sha256()))
		return NULL;
	return take_ptr(&cert);
}

/* Paths inside a root begin with "/", but a descriptor's paths must not. */
static const char *relative(const char *path)
{
	return path + strspn(path, "/");
}

static int publish_bio(const struct root *root, const char *path, mode_t mode, BIO *bio,
		       struct ukd_error *e)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return ukd_fail(e, -EIO, "%s: nothing to write", path);
	return file_replace(root->fd, relative(path), mode,
			    (struct bytes){(const uint8_t *)data, (uint64_t)len}, e);
}

int auth_make_host_key(const struct root *root, const char *common_name, const char *key_path,
		       const char *cert_path, struct ukd_error *e)
{
	_bio_ BIO *key_pem = NULL, *cert_pem = NULL;
	_pkey_ EVP_PKEY *key = NULL;
	_x509_ X509 *cert = NULL;
	int r = key_secrets_begin(e);

	if (r < 0)
		return r;
	key_pem = BIO_new(BIO_s_secmem());
	cert_pem = BIO_new(BIO_s_mem());
	key = EVP_RSA_gen(HOST_KEY_BITS);
	if (!key || !key_pem || !cert_pem)
		return ossl_fail(e, -EIO, "cannot make an RSA key");
	cert = make_cert(key, common_name);
	if (!cert || !PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(cert_pem, cert))
		return ossl_fail(e, -EIO, "cannot make a certificate for '%s'", common_name);
	r = publish_bio(root, key_path, 0600, key_pem, e);
	if (r >= 0)
		r = publish_bio(root, cert_path, 0644, cert_pem, e);
	return r;
}
