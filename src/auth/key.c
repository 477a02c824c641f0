// SPDX-License-Identifier: GPL-2.0-or-later
/* Signing keys: see auth.h. Key and certificate are the administrator's and trusted. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "auth/sign.h"
#include "util/cleanup.h"

#define KEY_FILE_MAX  KIB(256)
#define CERT_FILE_MAX MIB(1)

void auth_key_free(struct auth_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	X509_free(k->signer);
	sk_X509_pop_free(k->others, X509_free);
	free(k);
}

static void cleansep(struct buffer *b)
{
	OPENSSL_cleanse(b->data, b->len);
	buffer_free(b);
}
#define _secret_ _cleanup_(cleansep)

/*
 * A passphrase is asked for where somebody sits. Anything else, such as a service started by the
 * package manager, must fail at once and not wait on a terminal that nobody looks at.
 */
struct passphrase {
	bool wanted;
};

static int ask_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	struct passphrase *p = ctx;

	p->wanted = true;
	if (!isatty(STDIN_FILENO))
		return -1;
	return PEM_def_callback(buf, size, rwflag, NULL);
}

static int open_key_file(const struct root *root, const char *path, int *ret, struct ukd_error *e)
{
	_close_ int fd = -1;
	struct stat st;

	if (root) {
		fd = root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	} else {
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return ukd_fail_errno(e, fd, "key %s", path);
	if (fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "key %s", path);
	if (st.st_mode & 077)
		return ukd_refuse(
			e, "key.mode",
			"key %s has mode %04o, needed is 0600: group and others must have no "
			"access",
			path, st.st_mode & 07777);
	*ret = take_fd(&fd);
	return 0;
}

static int load_key_file(const struct root *root, const char *path, EVP_PKEY **ret,
			 struct ukd_error *e)
{
	_secret_ struct buffer b = {0};
	_close_ int fd = -1;
	_bio_ BIO *bio = NULL;
	struct passphrase pass = {0};
	int r = open_key_file(root, path, &fd, e);

	if (r >= 0)
		r = file_read_fd(fd, path, KEY_FILE_MAX, &b, e);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(b.data, (int)b.len);
	if (!bio)
		return ukd_oom(e);
	*ret = PEM_read_bio_PrivateKey(bio, NULL, ask_passphrase, &pass);
	if (*ret)
		return 0;
	if (pass.wanted && !isatty(STDIN_FILENO)) {
		ERR_clear_error();
		return ukd_fail(e, -ENOTTY,
				"key %s has a passphrase, and stdin is not a terminal to "
				"ask for it",
				path);
	}
	return ossl_fail(e, -EINVAL, "key %s is not a readable PEM private key", path);
}

static void store_closep(OSSL_STORE_CTX **s)
{
	(void)OSSL_STORE_close(*s);
}

/* Hardware keys and the like: the first private key that the provider's store shows. */
static int load_key_uri(const char *uri, EVP_PKEY **ret, struct ukd_error *e)
{
	const UI_METHOD *ui = isatty(STDIN_FILENO) ? UI_OpenSSL() : UI_null();
	_cleanup_(store_closep) OSSL_STORE_CTX *s = OSSL_STORE_open(uri, ui, NULL, NULL, NULL);

	if (!s || !OSSL_STORE_expect(s, OSSL_STORE_INFO_PKEY))
		return ossl_fail(e, -EINVAL, "cannot open key %s", uri);
	while (!*ret && !OSSL_STORE_eof(s)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(s);

		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			*ret = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
		if (!info && OSSL_STORE_error(s))
			break;
	}
	return *ret ? 0 : ossl_fail(e, -ENOENT, "no private key at %s", uri);
}

/* "pkcs11:..." and the like; a path with a slash in front of the colon is a path. */
static bool is_uri(const char *s)
{
	const char *p = s;

	while (isalnum((unsigned char)*p) || *p == '+' || *p == '.' || *p == '-')
		p++;
	return p > s + 1 && *p == ':' && isalpha((unsigned char)*s);
}

static int load_key(const struct root *root, const char *key, EVP_PKEY **ret, struct ukd_error *e)
{
	/* A file is a file: whichever way it is written, its mode is looked at. */
	if (!strncasecmp(key, "file:", 5)) {
		key += 5;
		if (!strncmp(key, "//", 2))
			key += 2;
		return load_key_file(root, key, ret, e);
	}
	return is_uri(key) ? load_key_uri(key, ret, e) : load_key_file(root, key, ret, e);
}

static int load_certs(const struct root *root, const char *path, struct auth_key *k,
		      struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = auth_read(root, path, CERT_FILE_MAX, &b, e);

	if (r >= 0)
		r = certs_parse(buffer_bytes(&b), path, &k->others, e);
	if (r < 0)
		return r;
	k->signer = sk_X509_shift(k->others);
	return 0;
}

/* What the verifier would refuse anyway is refused before an image is built. */
static int check_key(const struct auth_key *k, const char *key, const char *cert,
		     struct ukd_error *e)
{
	int r;

	if (X509_check_private_key(k->signer, k->key) != 1) {
		ERR_clear_error();
		return ukd_fail(e, -EINVAL, "key %s does not belong to the certificate in %s", key,
				cert);
	}
	r = key_acceptable(k->key, e);
	if (r >= 0)
		r = cert_signs_code(k->signer, e);
	return r < 0 ? ukd_prefix(e, "%s", cert) : 0;
}

int auth_key_load(const struct root *root, const char *key, const char *cert, struct auth_key **ret,
		  struct ukd_error *e)
{
	_auth_key_ struct auth_key *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return ukd_oom(e);
	r = load_certs(root, cert, k, e);
	if (r >= 0)
		r = load_key(root, key, &k->key, e);
	if (r >= 0)
		r = check_key(k, key, cert, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&k);
	return 0;
}
