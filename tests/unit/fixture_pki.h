/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates for unit tests, made at run time. Failures abort the test. */
#pragma once

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "util/file.h"

enum fixture_key {
	KEY_RSA_2048,
	KEY_RSA_2048_B,
	KEY_RSA_3072,
	KEY_RSA_1024,
	KEY_RSA_2560, /* firmware uses it, the kernel does not */
	KEY_P256,
	KEY_P384,
	KEY_ED25519,
	KEY_MAX,
};

struct fixture_cert {
	const char *name; /* common name */
	enum fixture_key key;
	const X509 *issuer; /* NULL: self-signed */
	enum fixture_key issuer_key;
	bool ca;
	const char *eku; /* as in openssl.cnf; NULL: none */
	bool no_skid;
	const char *akid; /* as in openssl.cnf: "keyid", "issuer:always"; NULL: none */
	bool weak_digest; /* signed with SHA-1 */
	long from, to;	  /* validity in days from now; both 0: -1 to 1 */
};

/* Made at first use and kept until fixture_pki_end(). */
EVP_PKEY *fixture_key(enum fixture_key k);
X509 *fixture_cert(const struct fixture_cert *c);
void fixture_pki_end(void);

void fixture_cert_der(const X509 *cert, struct buffer *ret);
void fixture_write_pem_cert(const char *path, X509 *cert, bool append);
void fixture_write_pem_key(const char *path, EVP_PKEY *key, const char *passphrase);
