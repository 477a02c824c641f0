// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of keys, what is judged without opening them, and a process that holds one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "auth/key_store.h"
#include "auth/key_uri.h"
#include "auth/trust.h"
#include "fixture_pki.h"
#include "fixture_tree.h"
#include "util/cleanup.h"

static void test_is_uri(void **state _unused_)
{
	static const char *const uris[] = {"pkcs11:token=a", "PKCS11:", "org.openssl.engine:x:y",
					   "a+b-c.d:", "nosuch:thing"};
	static const char *const paths[] = {
		"/etc/key.pem", "key.pem",     "./pkcs11:token", "c:key", "1ab:key",
		"dir/a:b",	"file:/k.pem", "FILE:k",	 "",	  ":"};

	for (size_t i = 0; i < ARRAY_SIZE(uris); i++)
		assert_true(key_is_uri(uris[i]));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_false(key_is_uri(paths[i]));
	assert_string_equal(key_path("file:///k.pem"), "/k.pem");
	assert_string_equal(key_path("file:k.pem"), "k.pem");
	assert_string_equal(key_path("/file:k.pem"), "/file:k.pem");
}

static void test_pin(void **state _unused_)
{
	static const char *const refused[] = {
		"pkcs11:?pin-value=1",
		"pkcs11:token=a;pin-value=1",
		"Pkcs11:token=a?x=y&pin-value=1",
		"pkcs11:token=a?PIN-Value=1",
		"pkcs11:token=a?pin%2Dvalue=1",
		"pkcs11:token=a?pin%2dvalue",
		"pkcs11:%70%69%6e%2d%76%61%6c%75%65=1",
		"pkcs11:a?b?pin-value=1",
		"pkcs11:;;&pin-value=",
	};
	static const char *const fine[] = {
		"pkcs11:",
		"pkcs11:token=pin-value",
		"pkcs11:token=a%3fpin-value%3d1",
		"pkcs11:token=a?pin-valu=1",
		"pkcs11:token=a?pin-value2=1",
		"pkcs11:token=%2",
		"pkcs11:token=%zz;%",
		"other:?pin-value=1",
	};
	struct ukd_error e = {0};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_int_equal(key_uri_check(refused[i], &e), -EBADMSG);
		assert_string_equal(e.check, "key.pin");
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		assert_int_equal(key_uri_check(fine[i], &e), 0);
}

static void test_pin_source(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char uri[256];

	tree_make(&t);
	tree_write(&t, "/my pin", "1234");
	(void)snprintf(uri, sizeof(uri), "pkcs11:token=a?pin-source=file:%s/my%%20pin", t.dir);
	assert_int_equal(chmod(tree_path(&t, "/my pin"), 0600), 0);
	assert_int_equal(key_uri_check(uri, &e), 0);
	assert_int_equal(chmod(tree_path(&t, "/my pin"), 0640), 0);
	assert_int_equal(key_uri_check(uri, &e), -EBADMSG);
	assert_string_equal(e.check, "key.mode");
}

static void shows(const char *key, const char *text)
{
	char shown[AUTH_KEY_TEXT_MAX];

	auth_key_display(key, shown);
	assert_string_equal(shown, text);
}

static void test_display(void **state _unused_)
{
	char shown[AUTH_KEY_TEXT_MAX], path[400];

	shows("/etc/a?b.pem", "/etc/a?b.pem");
	shows("pkcs11:token=a;object=b", "pkcs11:token=a;object=b");
	shows("pkcs11:token=a?pin-source=/x", "pkcs11:token=a...");
	shows("pkcs11:token=a;pin-value=1234", "pkcs11:...");
	shows("pkcs11:token=a;%70in-value=1234", "pkcs11:...");
	shows("https://host/key?password=1234", "https://host/key...");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	auth_key_display(path, shown);
	assert_int_equal(strlen(shown), sizeof(shown) - 1);
}

/* key.pem and cert.pem in a tree; the key as given. */
static void put_key(const struct tree *t, enum fixture_key key, const char *passphrase,
		    const struct fixture_cert *c)
{
	_x509_ X509 *cert = fixture_cert(c);

	fixture_write_pem_key(tree_path(t, "/key.pem"), fixture_key(key), passphrase);
	fixture_write_pem_cert(tree_path(t, "/cert.pem"), cert, false);
}

static int probe(const struct tree *t, const struct auth_trust *trust, const char *key,
		 struct auth_key_facts *ret, struct ukd_error *e)
{
	*ret = (struct auth_key_facts){0};
	*e = (struct ukd_error){0};
	return auth_key_probe(&t->root, key, "/cert.pem", trust, ret, e);
}

static void test_probe(void **state _unused_)
{
	static const struct fixture_cert c = {.name = "signer", .key = KEY_RSA_2048};
	_auth_trust_ struct auth_trust *none = auth_trust_new(), *trust = auth_trust_new();
	struct auth_key_facts f;
	struct ukd_error e;
	_tree_ struct tree t;

	tree_make(&t);
	put_key(&t, KEY_RSA_2048, NULL, &c);
	assert_int_equal(auth_trust_add_file(trust, &t.root, "/cert.pem", &e), 1);
	assert_int_equal(probe(&t, none, "/key.pem", &f, &e), 0);
	assert_int_equal(f.signer.verdict, AUTH_UNTRUSTED);
	assert_false(f.unopened);
	assert_int_equal(probe(&t, trust, "/key.pem", &f, &e), 0);
	assert_int_equal(f.signer.verdict, AUTH_TRUSTED);
	assert_string_equal(f.signer.chain[0].subject, "CN = signer");
	assert_string_equal(f.signer.key_name, "RSA-2048");
	assert_string_equal(f.signer.digest_name, "SHA256");
	assert_int_equal(f.signer.n_embedded, 1);
	assert_non_null(strstr(f.signer.anchor, "cert.pem"));

	fixture_write_pem_key(tree_path(&t, "/key.pem"), fixture_key(KEY_RSA_2048_B), NULL);
	assert_int_equal(probe(&t, trust, "/key.pem", &f, &e), -EBADMSG);
	assert_string_equal(e.check, "key.pair");
}

/* Neither a passphrase nor a token is needed to say what is known without them. */
static void test_probe_asks_nobody(void **state _unused_)
{
	static const struct fixture_cert c = {.name = "signer", .key = KEY_RSA_2048};
	static const struct fixture_cert modules = {
		.name = "modules", .key = KEY_RSA_2048, .eku = "1.3.6.1.4.1.2312.16.1.2"};
	_auth_trust_ struct auth_trust *none = auth_trust_new();
	struct auth_key_facts f;
	struct ukd_error e;
	_tree_ struct tree t;

	tree_make(&t);
	put_key(&t, KEY_RSA_2048_B, "secret", &c);
	assert_int_equal(probe(&t, none, "/key.pem", &f, &e), 0);
	assert_true(f.unopened);
	assert_int_equal(probe(&t, none, "pkcs11:token=none", &f, &e), 0);
	assert_true(f.unopened);
	assert_int_equal(probe(&t, none, "pkcs11:?pin-value=1", &f, &e), -EBADMSG);
	assert_string_equal(e.check, "key.pin");
	put_key(&t, KEY_RSA_2048, NULL, &modules);
	assert_int_equal(probe(&t, none, "/key.pem", &f, &e), -EBADMSG);
	assert_string_equal(e.check, "auth.eku");
}

static void test_directory(void **state _unused_)
{
	_pkey_ EVP_PKEY *key = NULL;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/a/b/c", "");
	fixture_write_pem_key(tree_path(&t, "/a/b/key.pem"), fixture_key(KEY_P256), NULL);
	assert_int_equal(chmod(tree_path(&t, "/a"), 0777), 0);
	assert_int_equal(private_key_open(&t.root, "/a/b/key.pem", KEY_ASK, &key, &e), -EBADMSG);
	assert_string_equal(e.check, "key.directory");
	assert_int_equal(chmod(tree_path(&t, "/a"), 01777), 0);
	assert_int_equal(private_key_open(&t.root, "/a/b/key.pem", KEY_ASK, &key, &e), 0);
}

static void test_not_a_key(void **state _unused_)
{
	static char big[70000];
	EVP_PKEY *key = NULL;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	tree_make(&t);
	memset(big, '-', sizeof(big) - 1);
	tree_write(&t, "/big", big);
	tree_write(&t, "/empty", "");
	assert_int_equal(chmod(tree_path(&t, "/big"), 0600), 0);
	assert_int_equal(chmod(tree_path(&t, "/empty"), 0600), 0);
	assert_int_equal(private_key_open(&t.root, "/big", KEY_ASK, &key, &e), -EFBIG);
	assert_int_equal(private_key_open(&t.root, "/empty", KEY_ASK, &key, &e), -EINVAL);
	assert_int_equal(private_key_open(&t.root, "/", KEY_ASK, &key, &e), -EISDIR);
	assert_null(key);
}

/* After the tests before it, which have opened keys. */
static void test_secrets_are_kept(void **state _unused_)
{
	EVP_PKEY *key = NULL;
	struct ukd_error e = {0};
	struct rlimit core;
	_tree_ struct tree t;
	size_t before;

	tree_make(&t);
	fixture_write_pem_key(tree_path(&t, "/key.pem"), fixture_key(KEY_RSA_2048), NULL);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_max, 0);
	assert_int_equal(CRYPTO_secure_malloc_initialized(), 1);
	before = CRYPTO_secure_used();
	assert_int_equal(private_key_open(&t.root, "/key.pem", KEY_ASK, &key, &e), 0);
	assert_true(CRYPTO_secure_used() > before); /* the private numbers are there */
	EVP_PKEY_free(key);
	assert_int_equal(CRYPTO_secure_used(), before);
}

static int end(void **state _unused_)
{
	fixture_pki_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_uri),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_pin_source),
		cmocka_unit_test(test_display),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_probe_asks_nobody),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_not_a_key),
		cmocka_unit_test(test_secrets_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
