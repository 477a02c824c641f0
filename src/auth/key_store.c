// SPDX-License-Identifier: GPL-2.0-or-later
/* See key_store.h. Keys are the administrator's and trusted. */
#include "auth/key_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "auth/key_uri.h"
#include "util/cleanup.h"
#include "util/secret.h"

#define KEY_FILE_MAX	 KIB(64)
#define SECURE_HEAP	 KIB(512) /* a key file and what becomes of it */
#define SECURE_HEAP_UNIT 32

int key_secrets_begin(struct ukd_error *e)
{
	int r = process_keep_secrets(e);

	if (r < 0 || CRYPTO_secure_malloc_initialized())
		return r;
	/* 2: it could not be locked (RLIMIT_MEMLOCK); it works all the same. */
	if (!CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_UNIT))
		return ossl_fail(e, -ENOMEM, "cannot set memory for keys apart");
	return 0;
}

/*
 * A passphrase is asked for where somebody sits, once. Anything else, such as a service started by
 * the package manager, must fail at once and not wait on a terminal that nobody looks at.
 */
struct passphrase {
	const char *name;
	enum key_asking asking;
	bool wanted; /* the key has one */
	bool given;
};

static int ask_passphrase(char *buf, int size, int rwflag _unused_, void *ctx)
{
	struct passphrase *p = ctx;
	bool again = p->wanted;
	char prompt[AUTH_KEY_TEXT_MAX + 32];
	UI *ui;

	p->wanted = true;
	if (p->asking == KEY_PROBE || again || !isatty(STDIN_FILENO))
		return -1;
	(void)snprintf(prompt, sizeof(prompt), "Passphrase for %s: ", p->name);
	ui = UI_new_method(UI_OpenSSL());
	/* No UI_INPUT_FLAG_ECHO: nothing of it is shown. */
	p->given = ui && UI_add_input_string(ui, prompt, 0, buf, 0, size - 1) >= 0 &&
		   UI_process(ui) >= 0;
	UI_free(ui);
	return p->given ? (int)strlen(buf) : -1;
}

static int no_key_without(const struct passphrase *p, struct ukd_error *e)
{
	if (p->given)
		return ossl_fail(e, -EINVAL, "key %s: wrong passphrase, or the file is damaged",
				 p->name);
	ERR_clear_error();
	if (isatty(STDIN_FILENO))
		return ukd_fail(e, -EINVAL, "key %s has a passphrase, and none was given", p->name);
	return ukd_fail(e, -ENOTTY,
			"key %s has a passphrase, and stdin is not a terminal to ask for it",
			p->name);
}

/*
 * Whoever may write to a directory may put another key there, and a signature by that one is at
 * best useless. The directories are those that lead to the file's, whatever links are in the path.
 */
static int check_directories(const struct root *root, const char *path, struct ukd_error *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1,
			 slash ? path : ".");
	_close_ int fd = -1;
	struct stat st, last = {0};

	if (n < 0 || (size_t)n >= sizeof(dir))
		return ukd_fail(e, -ENAMETOOLONG, "key %s: path is too long", path);
	fd = root ? root_openat(root, dir, O_PATH | O_DIRECTORY) :
		    open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && fstat(fd, &st) == 0 &&
	       (st.st_ino != last.st_ino || st.st_dev != last.st_dev)) {
		int up;

		if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
			return ukd_refuse(
				e, "key.directory",
				"key %s: a directory above it has mode %04o: others could "
				"put another key there",
				path, st.st_mode & 07777);
		last = st;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		fd = up;
	}
	return 0;
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
	return check_directories(root, path, e);
}

/* The whole of a key file, in memory that is cleared when it is released. */
static int read_key(int fd, const char *path, uint8_t *buf, size_t *ret_len, struct ukd_error *e)
{
	for (size_t len = 0; len < KEY_FILE_MAX;) {
		ssize_t n = read(fd, buf + len, KEY_FILE_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ukd_fail_errno(e, -errno, "key %s", path);
		if (n == 0) {
			*ret_len = len;
			return 0;
		}
		len += (size_t)n;
	}
	return ukd_fail(e, -EFBIG, "key %s: not a key, larger than %lu bytes", path, KEY_FILE_MAX);
}

static void secure_freep(uint8_t **p)
{
	OPENSSL_secure_clear_free(*p, KEY_FILE_MAX);
}

static int open_file(const struct root *root, const char *path, enum key_asking asking,
		     EVP_PKEY **ret, struct ukd_error *e)
{
	_cleanup_(secure_freep) uint8_t *buf = OPENSSL_secure_malloc(KEY_FILE_MAX);
	struct passphrase pass = {.name = path, .asking = asking};
	_close_ int fd = -1;
	_bio_ BIO *bio = NULL;
	size_t len = 0;
	int r = buf ? open_key_file(root, path, &fd, e) : ukd_oom(e);

	if (r >= 0)
		r = read_key(fd, path, buf, &len, e);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(buf, (int)len);
	if (!bio)
		return ukd_oom(e);
	*ret = PEM_read_bio_PrivateKey(bio, NULL, ask_passphrase, &pass);
	if (*ret)
		return 0;
	if (pass.wanted && asking == KEY_PROBE) {
		ERR_clear_error();
		return 1;
	}
	if (pass.wanted)
		return no_key_without(&pass, e);
	return ossl_fail(e, -EINVAL, "key %s is not a readable PEM private key", path);
}

/*
 * The provider need not be in openssl.cnf. It is never unloaded, so that its PKCS#11 module is not
 * called when the program ends and libcrypto takes itself down: modules that use libcrypto
 * themselves crash then (seen with SoftHSM 2.6.1, pkcs11-provider 1.0).
 */
static int load_pkcs11(struct ukd_error *e)
{
	/* 1: the default provider stays what it is, loaded by itself or by openssl.cnf. */
	if (OSSL_PROVIDER_try_load(NULL, "pkcs11", 1))
		return 0;
	ERR_clear_error();
	return ukd_refuse(
		e, "key.provider",
		"no OpenSSL provider for pkcs11: keys; install pkcs11-provider (Debian 13 "
		"or newer), or sign remotely: 'ukdumpctl sign --print-digest', then "
		"'ukdumpctl attach'");
}

static void store_closep(OSSL_STORE_CTX **s)
{
	(void)OSSL_STORE_close(*s);
}

/* Hardware keys and the like: the first private key that the provider's store shows. */
static int open_store(const char *uri, EVP_PKEY **ret, struct ukd_error *e)
{
	bool terminal = isatty(STDIN_FILENO);
	const UI_METHOD *ui = terminal ? UI_OpenSSL() : UI_null();
	_cleanup_(store_closep) OSSL_STORE_CTX *s = NULL;
	char name[AUTH_KEY_TEXT_MAX];
	int r = key_is_pkcs11(uri) ? load_pkcs11(e) : 0;

	if (r < 0)
		return r;
	auth_key_display(uri, name);
	/* The provider asks the default method where the store's gives no PIN. */
	UI_set_default_method(ui);
	s = OSSL_STORE_open(uri, ui, NULL, NULL, NULL);
	if (!s || !OSSL_STORE_expect(s, OSSL_STORE_INFO_PKEY))
		return ossl_fail(e, -EINVAL, "cannot open key %s", name);
	while (!*ret && !OSSL_STORE_eof(s)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(s);

		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			*ret = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
		if (!info && OSSL_STORE_error(s))
			break;
	}
	ERR_clear_error();
	if (*ret)
		return 0;
	return ukd_fail(
		e, -ENOENT,
		"no private key at %s: is the token there, the name right, the PIN right?%s", name,
		terminal ? "" : " (none can be asked for: stdin is no terminal; see pin-source)");
}

int private_key_open(const struct root *root, const char *key, enum key_asking asking,
		     EVP_PKEY **ret, struct ukd_error *e)
{
	int r = key_secrets_begin(e);

	/* A file is a file: whichever way it is written, its mode is looked at. */
	if (r >= 0 && !key_is_uri(key))
		return open_file(root, key_path(key), asking, ret, e);
	if (r >= 0)
		r = key_uri_check(key, e);
	if (r < 0)
		return r;
	return asking == KEY_PROBE ? 1 : open_store(key, ret, e);
}
