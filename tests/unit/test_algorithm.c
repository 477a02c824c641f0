// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a kernel has the algorithms of a signature: src/auth/algorithm.c; src/util/kconfig.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "auth/algorithm.h"
#include "fixture_tree.h"
#include "util/kconfig.h"

struct host {
	const char *release, *config, *crypto, *alias;
};

static const char *lacks(const struct host *h, const char *key, const char *digest)
{
	struct auth_result a = {.n_embedded = 1};
	char path[128];
	_tree_ struct tree t;

	tree_make(&t);
	(void)snprintf(a.key_name, sizeof(a.key_name), "%s", key);
	(void)snprintf(a.digest_name, sizeof(a.digest_name), "%s", digest);
	if (h->release)
		tree_write(&t, "/proc/sys/kernel/osrelease", h->release);
	if (h->crypto)
		tree_write(&t, "/proc/crypto", h->crypto);
	(void)snprintf(path, sizeof(path), "/boot/config-%.32s", h->release ? h->release : "");
	if (h->config)
		tree_write(&t, path, h->config);
	(void)snprintf(path, sizeof(path), "/usr/lib/modules/%.32s/modules.alias",
		       h->release ? h->release : "");
	if (h->alias)
		tree_write(&t, path, h->alias);
	return kernel_lacks(&t.root, &a);
}

static void expect_lacks(const struct host *h, const char *key, const char *digest,
			 const char *what)
{
	const char *l = lacks(h, key, digest);

	if (!what && l)
		fail_msg("%s, %s: lacks %s", key, digest, l);
	if (what)
		assert_string_equal(l ? l : "nothing", what);
}

#define P256 "EC prime256v1"
#define P384 "EC secp384r1"
#define P521 "EC secp521r1"

static void test_algorithms_of_debian(void **state _unused_)
{
	static const struct host bookworm = {
		.release = "6.1.0-50-amd64",
		.config = "# CONFIG_CRYPTO_ECDSA is not set\nCONFIG_CRYPTO_SHA512=m\n",
		.alias = "alias crypto-sha384-generic sha512_generic\n"
			 "alias crypto-sha384 sha512_generic\nalias crypto-sha512 sha512_generic\n",
	};
	static const struct host trixie = {
		.release = "6.12.107+deb13-amd64",
		.config = "CONFIG_CRYPTO_ECDSA=y\nCONFIG_CRYPTO_SHA512=y\n",
	};

	expect_lacks(&bookworm, "RSA-2048", "SHA256", NULL);
	expect_lacks(&bookworm, "RSA-4096", "SHA512", NULL);
	expect_lacks(&bookworm, P256, "SHA256", "ecdsa-nist-p256");
	expect_lacks(&bookworm, P384, "SHA384", "ecdsa-nist-p384");
	expect_lacks(&bookworm, P521, "SHA512", "ecdsa-nist-p521");
	expect_lacks(&trixie, P256, "SHA256", NULL);
	expect_lacks(&trixie, P384, "SHA384", NULL);
	expect_lacks(&trixie, P521, "SHA512", NULL);
	expect_lacks(&trixie, "RSA-2048", "SHA384", NULL);
}

static void test_algorithms_by_version_and_registration(void **state _unused_)
{
	static const char all[] = "CONFIG_CRYPTO_ECDSA=y\nCONFIG_CRYPTO_SHA512=y\n";
	static const char p521[] = "name         : ecdsa-nist-p521\ndriver       : x\n";
	static const char driver[] = "name         : x\ndriver       : ecdsa-nist-p521-generic\n";
	struct host h = {.release = "6.9.12", .config = all};

	expect_lacks(&h, P521, "SHA512", "ecdsa-nist-p521");
	expect_lacks(&h, P384, "SHA384", NULL);
	h.release = "6.10.0-rc1";
	expect_lacks(&h, P521, "SHA512", NULL);
	h.release = "5.12.0";
	expect_lacks(&h, P256, "SHA256", "ecdsa-nist-p256");
	h.release = "5.13.0";
	expect_lacks(&h, P256, "SHA256", NULL);
	/* a distribution may have it earlier: what is registered is there */
	h.release = "5.14.0-503.el9";
	expect_lacks(&h, P521, "SHA512", "ecdsa-nist-p521");
	h.crypto = driver;
	expect_lacks(&h, P521, "SHA512", "ecdsa-nist-p521");
	h.crypto = p521;
	expect_lacks(&h, P521, "SHA512", NULL);
}

static void test_algorithms_as_modules(void **state _unused_)
{
	struct host h = {.release = "6.12.0", .config = "CONFIG_CRYPTO_SHA512=m\n"};

	expect_lacks(&h, "RSA-2048", "SHA384", NULL); /* no modules.alias: not known */
	h.alias = "alias crypto-sha3840 x\nalias crypto-sha512 x\n";
	expect_lacks(&h, "RSA-2048", "SHA384", "sha384");
	expect_lacks(&h, "RSA-2048", "SHA512", NULL);
	expect_lacks(&h, P256, "SHA512", "ecdsa-nist-p256"); /* not in the config file */
	h.config = NULL;
	expect_lacks(&h, P256, "SHA384", NULL); /* no config file: not known */
	h.release = NULL;
	expect_lacks(&h, P521, "SHA384", NULL);
	h.release = "strange";
	expect_lacks(&h, P521, "SHA384", NULL);
}

static void test_kconfig(void **state _unused_)
{
	_kconfig_ struct kconfig k = {0}, none = {0};
	_tree_ struct tree t;

	tree_make(&t);
	kconfig_read(&t.root, &none);
	assert_int_equal(kconfig_get(&none, "A"), KCONFIG_UNKNOWN);
	tree_write(&t, "/proc/sys/kernel/osrelease", "1.2\n");
	tree_write(&t, "/usr/lib/modules/1.2/config", "CONFIG_A=m\n");
	tree_write(&t, "/boot/config-1.2",
		   "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_D=\"y\"\nXCONFIG_E=y\n"
		   "CONFIG_F=yes\nCONFIG_G=y");
	kconfig_read(&t.root, &k);
	assert_int_equal(kconfig_get(&k, "A"), KCONFIG_YES);
	assert_int_equal(kconfig_get(&k, "B"), KCONFIG_NO);
	assert_int_equal(kconfig_get(&k, "C"), KCONFIG_MODULE);
	for (const char *name = "DEFGH"; *name; name++)
		assert_int_equal(kconfig_get(&k, (char[]){*name, 0}), KCONFIG_NO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms_of_debian),
		cmocka_unit_test(test_algorithms_by_version_and_registration),
		cmocka_unit_test(test_algorithms_as_modules),
		cmocka_unit_test(test_kconfig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
