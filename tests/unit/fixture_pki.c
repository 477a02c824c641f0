// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys and certificates for unit tests: see fixture_pki.h. */
#include "fixture_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static EVP_PKEY *keys[KEY_MAX];

static void must(int ok)
{
	if (!ok)
		abort();
}

static EVP_PKEY *make_key(enum fixture_key k)
{
	switch (k) {
	case KEY_RSA_1024:
		return EVP_RSA_gen(1024u);
	case KEY_RSA_2560:
		return EVP_RSA_gen(2560u);
	case KEY_RSA_3072:
		return EVP_RSA_gen(3072u);
	case KEY_P256:
		return EVP_EC_gen("P-256");
	case KEY_P384:
		return EVP_EC_gen("P-384");
	case KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return EVP_RSA_gen(2048u);
	}
}

EVP_PKEY *fixture_key(enum fixture_key k)
{
	if (!keys[k])
		keys[k] = make_key(k);
	must(keys[k] != NULL);
	return keys[k];
}

void fixture_pki_end(void)
{
	for (unsigned int i = 0; i < KEY_MAX; i++) {
		EVP_PKEY_free(keys[i]);
		keys[i] = NULL;
	}
}

static void add_extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, (X509 *)(issuer ? issuer : cert), cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

X509 *fixture_cert(const struct fixture_cert *c)
{
	static long serial = 1000;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	EVP_PKEY *signer = fixture_key(c->issuer ? c->issuer_key : c->key);
	bool dated = c->from || c->to;

	must(X509_set_version(cert, X509_VERSION_3));
	must(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++));
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)c->name,
					-1, -1, 0));
	must(X509_set_issuer_name(cert, c->issuer ? X509_get_subject_name(c->issuer) : name));
	must(X509_set_pubkey(cert, fixture_key(c->key)));
	X509_time_adj_ex(X509_getm_notBefore(cert), dated ? (int)c->from : -1, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(cert), dated ? (int)c->to : 1, 0, NULL);
	add_extension(cert, c->issuer, NID_basic_constraints,
		      c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (!c->no_skid)
		add_extension(cert, c->issuer, NID_subject_key_identifier, "hash");
	if (c->akid)
		add_extension(cert, c->issuer, NID_authority_key_identifier, c->akid);
	if (c->eku)
		add_extension(cert, c->issuer, NID_ext_key_usage, c->eku);
	must(X509_sign(cert, signer,
		       EVP_PKEY_is_a(signer, "ED25519") ? NULL :
		       c->weak_digest			? EVP_sha1() :
							  EVP_sha256()));
	return cert;
}

void fixture_cert_der(const X509 *cert, struct buffer *ret)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	must(len > 0);
	ret->data = malloc((size_t)len + 1);
	must(ret->data != NULL);
	memcpy(ret->data, der, (size_t)len);
	ret->data[len] = 0;
	ret->len = (size_t)len;
	OPENSSL_free(der);
}

void fixture_write_pem_cert(const char *path, X509 *cert, bool append)
{
	FILE *f = fopen(path, append ? "a" : "w");

	must(f && PEM_write_X509(f, cert));
	must(fclose(f) == 0);
}

void fixture_write_pem_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(path, "w");

	must(f && PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL,
				       (const unsigned char *)passphrase,
				       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	must(fclose(f) == 0);
	must(chmod(path, 0600) == 0);
}
