// SPDX-License-Identifier: GPL-2.0-or-later
/* Signed images and lists of keys for unit tests: see fixture_auth.h. */
#include "fixture_auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth/sign.h"
#include "auth/trust.h"
#include "fixture_pe.h"
#include "util/cleanup.h"

static void must(int ok)
{
	if (!ok)
		abort();
}

X509 *fixture_plain_cert(const char *name, enum fixture_key key)
{
	return fixture_cert(&(struct fixture_cert){.name = name, .key = key});
}

struct auth_trust *fixture_trust(X509 *cert)
{
	struct auth_trust *t = auth_trust_new();
	struct ukd_error e;

	must(t != NULL);
	if (cert)
		must(trust_add(t, cert, "test anchor", &e) == 0);
	return t;
}

void fixture_digest(const struct buffer *pe, const struct digest_alg *alg, uint8_t *ret)
{
	_image_digests_ struct image_digests digests = {0};
	_close_ int fd = fixture_memfd(buffer_bytes(pe));
	_uki_ struct uki u = {0};
	struct ukd_error e = {0};

	must(uki_open(fd, "test", pe->len, &u, &e) == 0);
	must(image_digests_want(&digests, alg, &e) == 0);
	must(image_digests_read(&digests, &u, NULL, &e) == 0);
	memcpy(ret, image_digests_get(&digests, alg), alg->len);
}

void fixture_sign_blob(const struct buffer *pe, enum fixture_key key, X509 *signer, X509 *other,
		       const struct digest_alg *alg, struct buffer *ret)
{
	struct auth_key k = {.key = fixture_key(key), .signer = signer};
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct ukd_error e = {0};

	k.others = sk_X509_new_null();
	if (other)
		sk_X509_push(k.others, other);
	fixture_digest(pe, alg, digest);
	must(sign_digest_with(&k, alg, digest, ret, &e) == 0);
	sk_X509_free(k.others);
}

void fixture_sign(struct buffer *pe, enum fixture_key key, X509 *signer, X509 *other,
		  const struct digest_alg *alg)
{
	_buffer_ struct buffer der = {0};

	fixture_sign_blob(pe, key, signer, other, alg, &der);
	fixture_attach(pe, buffer_bytes(&der));
}

void fixture_add_list(struct buffer *b, const uint8_t type[16], struct bytes data, uint32_t header)
{
	size_t size = 28 + header + 16 + data.len;
	uint8_t *p;

	b->data = realloc(b->data, b->len + size);
	must(b->data != NULL);
	p = b->data + b->len;
	memset(p, 0, size);
	memcpy(p, type, 16);
	store_le32(p + 16, (uint32_t)size);
	store_le32(p + 20, header);
	store_le32(p + 24, (uint32_t)(16 + data.len));
	memcpy(p + 28 + header + 16, data.p, data.len);
	b->len += size;
}
