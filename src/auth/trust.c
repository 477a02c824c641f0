// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trust anchors and the way to them: see auth.h and trust.h. Anchors are trusted, though not their
 * encoding; the certificates in between come from the image and are not.
 */
#include "auth/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "auth/efivar.h"
#include "auth/siglist.h"
#include "util/cleanup.h"

#define CERT_FILE_MAX MIB(1)

struct anchor {
	X509 *cert;
	char *origin;
};

struct auth_trust {
	X509_STORE *store;
	unsigned int n;
	struct anchor anchors[AUTH_MAX_ANCHORS];
};

/*
 * As firmware does it (EDK2, BaseCryptLib): db often holds a leaf or an intermediate, so an anchor
 * need not be a root; a machine whose clock is wrong must still be able to dump. Purposes differ
 * between versions of libcrypto and are ours to check. Level 2 keeps RSA below 2048 bits and SHA-1
 * out of the chain, whatever openssl.cnf says.
 */
static bool set_policy(X509_STORE *store)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);

	X509_VERIFY_PARAM_set_depth(param, AUTH_MAX_CHAIN - 2); /* counts neither end */
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	return X509_VERIFY_PARAM_set_flags(param,
					   X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) &&
	       X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
}

struct auth_trust *auth_trust_new(void)
{
	_auth_trust_ struct auth_trust *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->store = X509_STORE_new();
	if (!t->store || !set_policy(t->store))
		return NULL;
	return take_ptr(&t);
}

void auth_trust_free(struct auth_trust *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < t->n; i++) {
		X509_free(t->anchors[i].cert);
		free(t->anchors[i].origin);
	}
	X509_STORE_free(t->store);
	free(t);
}

unsigned int auth_trust_count(const struct auth_trust *t)
{
	return t->n;
}

X509 *trust_anchor(const struct auth_trust *t, unsigned int i)
{
	return t->anchors[i].cert;
}

static const struct anchor *find_anchor(const struct auth_trust *t, const X509 *cert)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (!X509_cmp(t->anchors[i].cert, cert))
			return &t->anchors[i];
	return NULL;
}

int trust_add(struct auth_trust *t, X509 *cert, const char *origin, struct ukd_error *e)
{
	_free_ char *copy = NULL;

	if (find_anchor(t, cert))
		return 0;
	if (t->n == AUTH_MAX_ANCHORS)
		return ukd_fail(e, -E2BIG, "%s: more than %d trust anchors", origin,
				AUTH_MAX_ANCHORS);
	copy = strdup(origin);
	if (!copy)
		return ukd_oom(e);
	if (!X509_STORE_add_cert(t->store, cert) || !X509_up_ref(cert))
		return ossl_fail(e, -ENOMEM, "%s: cannot add a trust anchor", origin);
	t->anchors[t->n++] = (struct anchor){.cert = cert, .origin = take_ptr(&copy)};
	return 0;
}

int auth_trust_add_file(struct auth_trust *t, const struct root *root, const char *path,
			struct ukd_error *e)
{
	_certs_ STACK_OF(X509) *certs = NULL;
	_buffer_ struct buffer b = {0};
	int r = auth_read(root, path, CERT_FILE_MAX, &b, e);

	if (r >= 0)
		r = certs_parse(buffer_bytes(&b), path, &certs, e);
	for (int i = 0; r >= 0 && i < sk_X509_num(certs); i++)
		r = trust_add(t, sk_X509_value(certs, i), path, e);
	return r < 0 ? r : sk_X509_num(certs);
}

static int is_cert_name(const struct dirent *d)
{
	static const char *const suffixes[] = {".crt", ".pem", ".der"};
	const char *dot = strrchr(d->d_name, '.');

	if (d->d_name[0] == '.')
		return 0;
	for (unsigned int i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(dot, suffixes[i]))
			return 1;
	return 0;
}

/* By byte value, not by locale: the order decides which origin a certificate gets. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_from_dir(struct auth_trust *t, const struct root *root, const char *dir,
			const char *name, struct ukd_error *e)
{
	_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return ukd_oom(e);
	}
	return auth_trust_add_file(t, root, path, e);
}

int auth_trust_add_dir(struct auth_trust *t, const struct root *root, const char *path,
		       struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n, r = 0, added = 0;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s%s", root->path, path);
	n = scandirat(fd, ".", &names, is_cert_name, by_name);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s%s", root->path, path);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = add_from_dir(t, root, path, names[i]->d_name, e);
		if (r >= 0)
			added += r;
		free(names[i]);
	}
	free(names);
	return r < 0 ? r : added;
}

int trust_add_siglists(struct auth_trust *t, struct bytes lists, const char *origin,
		       struct ukd_error *e)
{
	struct bytes x509 = {efi_cert_x509_guid, EFI_GUID_LEN};
	struct siglist it = {.data = lists};
	struct siglist_entry entry;
	int r, n = 0;

	while ((r = siglist_next(&it, &entry, e)) > 0) {
		_x509_ X509 *cert = NULL;

		if (!bytes_equal(entry.type, x509))
			continue;
		cert = cert_from_der(entry.data);
		if (!cert)
			continue;
		r = trust_add(t, cert, origin, e);
		if (r < 0)
			return r;
		n++;
	}
	return r < 0 ? ukd_prefix(e, "%s", origin) : n;
}

int auth_trust_add_uefi_db(struct auth_trust *t, const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = efivar_read(root, EFIVAR_IMAGES("db"), "UEFI db", &b, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return trust_add_siglists(t, buffer_bytes(&b), "UEFI db", e);
}

int auth_trust_add_mok(struct auth_trust *t, const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = efivar_read_shim(root, "MokListRT", EFIVAR_SHIM("MokListRT"), &b, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return trust_add_siglists(t, buffer_bytes(&b), "MokListRT", e);
}

void trust_chain_free(struct trust_chain *c)
{
	sk_X509_pop_free(c->certs, X509_free);
	*c = (struct trust_chain){0};
}

/*
 * Cuts the chain behind its first anchor. libcrypto goes on to intermediates of the image even
 * when the signer itself is the anchor. That there is an anchor at all is thereby decided twice.
 */
static bool end_at_anchor(const struct auth_trust *t, struct trust_chain *chain)
{
	for (int i = 0; i < sk_X509_num(chain->certs); i++) {
		const struct anchor *a = find_anchor(t, sk_X509_value(chain->certs, i));

		if (!a)
			continue;
		while (sk_X509_num(chain->certs) > i + 1)
			X509_free(sk_X509_pop(chain->certs));
		chain->origin = a->origin;
		return true;
	}
	return false;
}

int trust_chain_find(const struct auth_trust *t, const struct signature *s, struct trust_chain *ret,
		     struct ukd_error *e)
{
	_store_ctx_ X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	_trust_chain_ struct trust_chain chain = {0};
	char subject[AUTH_SUBJECT_MAX];
	int r, error;

	if (!ctx || !X509_STORE_CTX_init(ctx, t->store, s->signer, s->p7->d.sign->cert))
		return ukd_oom(e);
	r = X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	cert_subject(s->signer, subject);
	if (r != 1)
		return ukd_refuse(e, "auth.trust",
				  "signer '%.180s' leads to none of %u anchors: %s", subject, t->n,
				  X509_verify_cert_error_string(error));
	chain.certs = X509_STORE_CTX_get1_chain(ctx);
	if (!chain.certs)
		return ukd_oom(e);
	if (!end_at_anchor(t, &chain) || sk_X509_num(chain.certs) > AUTH_MAX_CHAIN)
		return ukd_refuse(e, "auth.trust", "signer '%.180s' leads to none of %u anchors",
				  subject, t->n);
	*ret = chain;
	chain = (struct trust_chain){0};
	return 0;
}
