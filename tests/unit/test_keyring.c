// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the running kernel will say to a signature: src/auth/keyring.c. The kernel is a fixture tree
 * and a KEYCTL_READ of our own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/keyring.h"
#include "fixture_tree.h"
#include "util/sys.h"

/* ---- the kernel ---- */

#define RINGS 6

static struct {
	int error; /* of every KEYCTL_READ; 0: none */
	struct {
		int serial;
		int32_t member[4];
	} ring[RINGS];
	unsigned int reads;
} kernel;

long sys_keyctl_read(int keyring, int32_t *ret, size_t max)
{
	long n = 0;

	kernel.reads++;
	if (kernel.error)
		return kernel.error;
	for (unsigned int i = 0; i < RINGS; i++) {
		if (kernel.ring[i].serial != keyring)
			continue;
		while (n < 4 && kernel.ring[i].member[n] && (size_t)n < max) {
			ret[n] = kernel.ring[i].member[n];
			n++;
		}
	}
	return n;
}

#define SECONDARY 0x10
#define BUILTIN	  0x11
#define MACHINE	  0x12
#define PLATFORM  0x13
#define IMA	  0x14
#define BLACKLIST 0x15
#define SIGNER	  0x21
#define ISSUER	  0x22
#define OTHER	  0x23

#define SIGNER_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ISSUER_ID "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OTHER_ID  "cccccccccccccccccccccccccccccccccccccccc"

#define RING(serial, name) \
	"000000" #serial " I------     1 perm 1f0b0000     0     0 keyring   " name ": 1\n"
#define KEY(serial, name, id)                                                               \
	"000000" #serial " I------     1 perm 1f030000     0     0 asymmetri " name ": " id \
	": X509.rsa aaaaaaaa []\n"

static const char rings[] = RING(10, ".secondary_trusted_keys") RING(11, ".builtin_trusted_keys")
	RING(12, ".machine") RING(13, ".platform") RING(14, ".ima") RING(15, ".blacklist");

/* Secondary links builtin and machine, as in every kernel since 5.18. */
static void kernel_begin(void)
{
	memset(&kernel, 0, sizeof(kernel));
	for (int i = 0; i < RINGS; i++)
		kernel.ring[i].serial = SECONDARY + i;
	kernel.ring[0].member[0] = BUILTIN;
	kernel.ring[0].member[1] = MACHINE;
}

static void put_into(int ring, int32_t key)
{
	int32_t *member = kernel.ring[ring - SECONDARY].member;

	while (*member)
		member++;
	*member = key;
}

/* A signer whose certificate names ISSUER_ID as its authority. */
static struct auth_result signed_by_signer(void)
{
	struct auth_result a = {.n_embedded = 1, .key_name = "RSA-2048", .digest_name = "SHA256"};

	(void)snprintf(a.embedded[0].subject, sizeof(a.embedded[0].subject), "CN = signer");
	a.embedded[0].skid_len = a.embedded[0].akid_len = 20;
	memset(a.embedded[0].skid, 0xaa, 20);
	memset(a.embedded[0].akid, 0xbb, 20);
	return a;
}

/* The tree as if it were the running system: keyrings are then read. */
static struct root as_system(const struct tree *t)
{
	return (struct root){.fd = t->root.fd, .path = ""};
}

static struct kernel_answer ask(const struct tree *t, const struct auth_result *a)
{
	struct root root = as_system(t);
	struct kernel_answer answer;

	memset(&answer, 0x55, sizeof(answer));
	kernel_ask(&root, a, &answer);
	assert_int_equal(answer.opinion == KERNEL_TRUSTS, !answer.reason[0]);
	assert_int_equal(answer.opinion <= KERNEL_TRUSTS, !answer.check[0]);
	return answer;
}

static struct kernel_answer ask_with(const char *keys)
{
	struct auth_result a = signed_by_signer();
	char text[4096];
	_tree_ struct tree t;

	tree_make(&t);
	(void)snprintf(text, sizeof(text), "%s%s", rings, keys);
	tree_write(&t, "/proc/keys", text);
	return ask(&t, &a);
}

static void expect_trusts(struct kernel_answer a, const char *ring, const char *key)
{
	if (a.opinion != KERNEL_TRUSTS)
		fail_msg("%s [%s]", a.reason, a.check);
	assert_string_equal(a.keyring, ring);
	assert_string_equal(a.key, key);
}

static void expect_not(struct kernel_answer a, enum kernel_opinion opinion, const char *check,
		       const char *says)
{
	assert_int_equal(a.opinion, opinion);
	assert_string_equal(a.check, check);
	if (!strstr(a.reason, says))
		fail_msg("'%s' does not say '%s'", a.reason, says);
}

/* ---- keyrings ---- */

static void test_every_keyring_that_kexec_uses(void **state _unused_)
{
	static const struct {
		int ring;
		const char *name;
	} used[] = {{SECONDARY, ".secondary_trusted_keys"},
		    {BUILTIN, ".builtin_trusted_keys"},
		    {MACHINE, ".machine"},
		    {PLATFORM, ".platform"}};

	for (unsigned int i = 0; i < ARRAY_SIZE(used); i++) {
		kernel_begin();
		put_into(used[i].ring, SIGNER);
		expect_trusts(ask_with(KEY(21, "Site: signer", SIGNER_ID)), used[i].name,
			      "Site: signer");
	}
}

static void test_key_in_another_keyring_does_not_count(void **state _unused_)
{
	kernel_begin();
	put_into(IMA, SIGNER);
	expect_not(ask_with(KEY(21, "signer", SIGNER_ID)), KERNEL_LACKS_KEY, "host.keyring",
		   "'signer' is in another keyring");
	expect_not(ask_with(KEY(21, "other", OTHER_ID)), KERNEL_LACKS_KEY, "host.keyring",
		   "no key of the running kernel vouches for 'CN = signer'");
}

static void test_issuer_of_the_last_certificate(void **state _unused_)
{
	kernel_begin();
	put_into(MACHINE, ISSUER);
	put_into(MACHINE, OTHER);
	expect_trusts(ask_with(KEY(23, "other", OTHER_ID) KEY(22, "site CA", ISSUER_ID)),
		      ".machine", "site CA");
}

/* Of a longer walk each certificate counts, of authority key ids only the last one's. */
static void test_walk_of_two(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	_tree_ struct tree t;

	kernel_begin();
	put_into(PLATFORM, ISSUER);
	a.n_embedded = 2;
	a.embedded[1].skid_len = a.embedded[1].akid_len = 20;
	memset(a.embedded[1].skid, 0xcc, 20);
	memset(a.embedded[1].akid, 0xdd, 20);
	tree_make(&t);
	char text[2048];
	(void)snprintf(text, sizeof(text), "%s%s", rings, KEY(22, "named", ISSUER_ID));
	tree_write(&t, "/proc/keys", text);
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "no key");
	(void)snprintf(text, sizeof(text), "%s%s", rings, KEY(22, "second", OTHER_ID));
	tree_write(&t, "/proc/keys", text);
	expect_trusts(ask(&t, &a), ".platform", "second");
}

static void test_trusted_keyrings_come_before_the_platform(void **state _unused_)
{
	kernel_begin();
	put_into(PLATFORM, SIGNER);
	put_into(BUILTIN, ISSUER);
	expect_trusts(ask_with(KEY(21, "signer", SIGNER_ID) KEY(22, "CA", ISSUER_ID)),
		      ".builtin_trusted_keys", "CA");
}

static void test_kernel_without_a_secondary_keyring(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	_tree_ struct tree t;

	kernel_begin();
	put_into(BUILTIN, SIGNER);
	tree_make(&t);
	tree_write(&t, "/proc/keys",
		   RING(11, ".builtin_trusted_keys") KEY(21, "signer", SIGNER_ID));
	expect_trusts(ask(&t, &a), ".builtin_trusted_keys", "signer");
}

static void test_keyrings_that_link_each_other_end(void **state _unused_)
{
	kernel_begin();
	put_into(MACHINE, SECONDARY);
	expect_not(ask_with(""), KERNEL_LACKS_KEY, "host.keyring", "no key");
	assert_true(kernel.reads < 1000);
}

static void test_names_of_keyrings_are_exact(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	_tree_ struct tree t;

	kernel_begin();
	put_into(IMA, SIGNER);
	tree_make(&t);
	tree_write(&t, "/proc/keys",
		   RING(10, ".secondary_trusted_keys") RING(11, ".builtin_trusted_keys")
			   RING(12, ".machine") RING(14, ".platform2")
				   KEY(21, "signer", SIGNER_ID));
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "another keyring");
	/* nor does a user's own keyring of that name */
	tree_write(
		&t, "/proc/keys",
		RING(11, ".builtin_trusted_keys")
			RING(12, ".machine") "00000014 I------     1 perm 3f3f0000  1000  1000 keyring   .platform: 1\n" KEY(
				21, "signer", SIGNER_ID));
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "another keyring");
}

static void test_without_root_it_is_unknown(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	_tree_ struct tree t;

	kernel_begin();
	tree_make(&t);
	expect_not(ask(&t, &a), KERNEL_UNKNOWN, "", "/proc/keys");
	tree_write(&t, "/proc/keys",
		   "3f0e1b5a I--Q---     1 perm 3f030000  1000  1000 keyring   _ses: 1\n");
	expect_not(ask(&t, &a), KERNEL_UNKNOWN, "", "run as root");
}

static void test_where_keyrings_cannot_be_read_any_key_counts(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	struct kernel_answer answer;
	_tree_ struct tree t;

	kernel_begin();
	kernel.error = -EACCES;
	expect_trusts(ask_with(KEY(21, "signer", SIGNER_ID)), "", "signer");
	expect_not(ask_with(""), KERNEL_LACKS_KEY, "host.keyring", "no key");
	/* a fixture has no keyrings to ask for */
	kernel_begin();
	tree_make(&t);
	tree_write(&t, "/proc/keys", KEY(21, "signer", SIGNER_ID));
	kernel_ask(&t.root, &a, &answer);
	expect_trusts(answer, "", "signer");
	assert_int_equal(kernel.reads, 0);
}

static void test_no_signer(void **state _unused_)
{
	struct auth_result a = {0};
	_tree_ struct tree t;

	kernel_begin();
	tree_make(&t);
	tree_write(&t, "/proc/keys", rings);
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "no signer");
	/* nor do empty ids match anything */
	a.n_embedded = 1;
	char text[2048];
	(void)snprintf(text, sizeof(text), "%s%s", rings, KEY(21, "x", ""));
	tree_write(&t, "/proc/keys", text);
	put_into(PLATFORM, SIGNER);
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "no key");
}

/* ---- lines of /proc/keys ---- */

#define PREFIX "00000021 I------     1 perm 1f010000     0     0 "

static void test_lines(void **state _unused_)
{
	static const struct {
		const char *line, *key; /* NULL: not found */
	} cases[] = {
		{PREFIX "asymmetri test db: " SIGNER_ID ": X509.rsa cc4e1bd7 []\n", "test db"},
		{PREFIX "asymmetri test db: " SIGNER_ID ": X509.rsa cc4e1bd7 []", "test db"},
		{PREFIX "asymmetri Debian: Secure Boot: " SIGNER_ID ": X509.rsa cc4e1bd7 []\n",
		 "Debian: Secure Boot"},
		{PREFIX "asymmetri " OTHER_ID ": X509.rsa x: " SIGNER_ID ": X509.rsa 1 []\n",
		 OTHER_ID ": X509.rsa x"},
		{PREFIX "asymmetri a\x1b[2J\xff: " SIGNER_ID ": X509.rsa 1 []\n", "a?[2J?"},
		{PREFIX "asymmetri : " SIGNER_ID ": X509.rsa 1 []\n", ""},
		/* a subject that pretends */
		{PREFIX "asymmetri x: " SIGNER_ID ": X509.rsa y: " OTHER_ID ": X509.rsa 1 []\n",
		 NULL},
		{PREFIX "asymmetri x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab: X509.rsa 1 []\n",
		 NULL},
		{PREFIX "asymmetri x: 00" SIGNER_ID ": X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "asymmetri x: " SIGNER_ID "00: X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "asymmetri x: aaaaaaaa: X509.rsa aaaaaaaa []\n", NULL},
		{PREFIX "asymmetri x:" SIGNER_ID ": X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "asymmetri " SIGNER_ID ": X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "asymmetri x y " SIGNER_ID ": X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "asymmetri x: " SIGNER_ID "\n", NULL},
		{PREFIX "user      x: " SIGNER_ID ": X509.rsa cc4e1bd7 []\n", NULL},
		{PREFIX "user      x asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n", NULL},
		{PREFIX "keyring   x: " SIGNER_ID ": X509.rsa 1 []\n", NULL},
		{"00000021 I--Q---     1 perm 3f3f0000  1000  1000 asymmetri y: " SIGNER_ID
		 ": X509.rsa cc4e1bd7 []\n",
		 NULL},
		/* revoked, dead, negative, invalidated, not yet there, expired: searches pass over */
		{"00000021 IR-----     1 perm 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 I-D----     1 perm 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 I----N-     1 perm 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 I-----i     1 perm 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 -------     1 perm 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 I------     1 expd 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 NULL},
		{"00000021 I------     1 15m 1f0 0 0 asymmetri y: " SIGNER_ID ": X509.rsa 1 []\n",
		 "y"},
		{"", NULL},
		{"\n\n", NULL},
		{"x", NULL},
	};

	kernel_begin();
	put_into(PLATFORM, SIGNER);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kernel_answer a = ask_with(cases[i].line);

		if ((a.opinion == KERNEL_TRUSTS) != (cases[i].key != NULL))
			fail_msg("'%s': %s", cases[i].line, a.reason);
		if (cases[i].key)
			assert_string_equal(a.key, cases[i].key);
	}
}

static void test_serial_number_where_there_is_no_key_id(void **state _unused_)
{
	struct auth_result a = {.n_embedded = 1};
	char text[2048];
	_tree_ struct tree t;

	kernel_begin();
	put_into(PLATFORM, SIGNER);
	a.embedded[0].skid_len = 3;
	memcpy(a.embedded[0].skid, "\x00\x8f\x01", 3);
	tree_make(&t);
	(void)snprintf(text, sizeof(text), "%s%s", rings, KEY(21, "old", "008f01"));
	tree_write(&t, "/proc/keys", text);
	expect_trusts(ask(&t, &a), ".platform", "old");
	memcpy(a.embedded[0].skid, "\x8f\x01", a.embedded[0].skid_len = 2);
	expect_not(ask(&t, &a), KERNEL_LACKS_KEY, "host.keyring", "no key");
}

/* ---- .blacklist ---- */

static void test_blacklisted_certificate(void **state _unused_)
{
	static const struct {
		const char *hash;
		bool revokes;
	} cases[] = {{"tbs:0102", true},  {"tbs:010203", false}, {"tbs:01", false},
		     {"bin:0102", false}, {"tbs:", false},	 {"", false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct auth_result a = signed_by_signer();
		char text[2048];
		_tree_ struct tree t;

		kernel_begin();
		put_into(PLATFORM, SIGNER);
		a.n_embedded = 2;
		memcpy(a.embedded[1].tbs, "\1\2", a.embedded[1].tbs_len = 2);
		(void)snprintf(a.embedded[1].subject, sizeof(a.embedded[1].subject), "CN = CA");
		tree_make(&t);
		(void)snprintf(text, sizeof(text), "%s%s" PREFIX "blacklist %s\n", rings,
			       KEY(21, "signer", SIGNER_ID) KEY(23, "tbs:0102", OTHER_ID),
			       cases[i].hash);
		tree_write(&t, "/proc/keys", text);
		if (cases[i].revokes)
			expect_not(ask(&t, &a), KERNEL_REVOKES, "host.blacklist", "'CN = CA'");
		else
			expect_trusts(ask(&t, &a), ".platform", "signer");
	}
}

/* Keys in .blacklist count before .platform is asked, and only there. */
static void test_blacklisted_key(void **state _unused_)
{
	static const char keys[] = KEY(21, "signer", SIGNER_ID) KEY(22, "CA", ISSUER_ID)
		KEY(23, "other", OTHER_ID);

	kernel_begin();
	put_into(PLATFORM, SIGNER);
	put_into(BLACKLIST, OTHER);
	expect_trusts(ask_with(keys), ".platform", "signer");
	put_into(BLACKLIST, ISSUER);
	expect_not(ask_with(keys), KERNEL_REVOKES, "host.blacklist", "the key of 'CA'");
	put_into(MACHINE, SIGNER);
	expect_trusts(ask_with(keys), ".machine", "signer");
}

#define P256 "EC prime256v1"

static void test_missing_algorithm_comes_before_keys(void **state _unused_)
{
	struct auth_result a = signed_by_signer();
	_tree_ struct tree t;

	kernel_begin();
	put_into(PLATFORM, SIGNER);
	(void)snprintf(a.key_name, sizeof(a.key_name), P256);
	tree_make(&t);
	tree_write(&t, "/proc/sys/kernel/osrelease", "6.1.0\n");
	tree_write(&t, "/usr/lib/modules/6.1.0/config", "CONFIG_CRYPTO=y\n");
	tree_write(&t, "/proc/keys", rings);
	expect_not(ask(&t, &a), KERNEL_LACKS_ALGORITHM, "host.algorithm",
		   "no ecdsa-nist-p256, which the signature (" P256 ", SHA256) needs");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_keyring_that_kexec_uses),
		cmocka_unit_test(test_key_in_another_keyring_does_not_count),
		cmocka_unit_test(test_issuer_of_the_last_certificate),
		cmocka_unit_test(test_walk_of_two),
		cmocka_unit_test(test_trusted_keyrings_come_before_the_platform),
		cmocka_unit_test(test_kernel_without_a_secondary_keyring),
		cmocka_unit_test(test_keyrings_that_link_each_other_end),
		cmocka_unit_test(test_names_of_keyrings_are_exact),
		cmocka_unit_test(test_without_root_it_is_unknown),
		cmocka_unit_test(test_where_keyrings_cannot_be_read_any_key_counts),
		cmocka_unit_test(test_no_signer),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_serial_number_where_there_is_no_key_id),
		cmocka_unit_test(test_blacklisted_certificate),
		cmocka_unit_test(test_blacklisted_key),
		cmocka_unit_test(test_missing_algorithm_comes_before_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
