// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * src/loader/host.c, explain.c and crashkernel/size.h on fixture trees: what of a host is read, and
 * what of it keeps an image from being loaded.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_machine.h"
#include "fixture_seal.h"
#include "fixture_tree.h"
#include "loader/armed.h"
#include "loader/explain.h"
#include "loader/host.h"
#include "util/cleanup.h"

static void expect_host_refuses(const struct tree *t, const char *check, const char *says)
{
	struct ukd_error e = {0};

	trust_signer(t);
	image_make(t, "/a.efi", "a", "signer");
	expect_refused(load(t, "/a.efi", &e), &e, check, says);
	if (!strstr(e.text, says))
		fail_msg("'%s' does not say '%s'", e.text, says);
	assert_int_equal(kernel.n, 0);
}

static void test_no_reserved_memory(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/sys/kernel/kexec_crash_size", "0\n");
	expect_host_refuses(&t, "host.memory", "crashkernel=");
}

static void test_too_little_memory_in_one_piece(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	/* 3 MiB for the image, 2 for its alignment behind the core header, 128 KiB at the end */
	tree_write(&t, "/proc/iomem", "  01000000-0151efff : Crash kernel\n");
	expect_host_refuses(&t, "host.memory", "needs at least 5.1 MiB; raise crashkernel=");
	tree_write(&t, "/proc/iomem", "  01000000-0151ffff : Crash kernel\n");
	expect_loaded(&t, "/a.efi"); /* little for comfort: only a warning */
}

static void test_low_memory_of_crashkernel_high_does_not_count(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/proc/iomem",
		   "  20000000-2fffffff : Crash kernel\n  140000000-1403fffff : Crash kernel\n");
	expect_host_refuses(&t, "host.memory", "4.0 MiB of crash memory are reserved in one piece");
}

static void test_kernel_without_kexec_file_load(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/boot/config-6.12.0-test",
		   "# CONFIG_KEXEC_FILE is not set\nCONFIG_KEXEC=y\nCONFIG_CRASH_DUMP=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
	tree_write(&t, "/boot/config-6.12.0-test", "CONFIG_KEXEC_FILE=y"); /* no line feed */
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
	tree_write(&t, "/boot/config-6.12.0-test", "CONFIG_KEXEC_FILE=y\n");
	expect_loaded(&t, "/a.efi");
	kernel_is(&t);
	assert_int_equal(unlink(tree_path(&t, "/boot/config-6.12.0-test")), 0);
	tree_write(&t, "/usr/lib/modules/6.12.0-test/config", "CONFIG_X=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_FILE;");
}

static void test_kernel_that_insists_and_cannot_verify(void **state _unused_)
{
	_tree_ struct tree t;

	machine_make(&t);
	tree_write(&t, "/boot/config-6.12.0-test",
		   "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG_FORCE=y\n");
	expect_host_refuses(&t, "host.config", "without CONFIG_KEXEC_BZIMAGE_VERIFY_SIG;");
}

static void test_image_for_a_normal_kexec_is_not_armed(void **state _unused_)
{
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	struct image_parts parts;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	fixture_kernel_make(&k);
	parts = fixture_parts(&k);
	parts.flags = SEALED_FOR_NORMAL_KEXEC;
	assert_int_equal(image_assemble(&parts, &image, &e), 0);
	signature_make(&image, "signer", &der);
	assert_int_equal(image_attach(&image, buffer_bytes(&der), &e), 0);
	tree_write_bytes(&t, "/normal.efi", buffer_bytes(&image));
	expect_refused(load(&t, "/normal.efi", &e), &e, "sealed.normal", "--normal-kexec");
	assert_int_equal(kernel.n, 0);
}

static void test_kernel_without_crash_support(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	assert_int_equal(unlink(tree_path(&t, "/sys/kernel/kexec_crash_size")), 0);
	assert_int_equal(load(&t, "/a.efi", &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.text, "CONFIG_KEXEC_FILE"));
}

static void test_locked_host(void **state _unused_)
{
	static const struct {
		const char *file, *value;
		bool locked;
	} cases[] = {
		{"/proc/sys/kernel/kexec_load_disabled", "1\n", true},
		{"/proc/sys/kernel/kexec_load_disabled", "0\n", false},
		{"/proc/sys/kernel/kexec_load_limit_panic", "0\n", true},
		{"/proc/sys/kernel/kexec_load_limit_panic", "1\n", false},
		{"/proc/sys/kernel/kexec_load_limit_panic", "-1\n", false},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;

		machine_make(&t);
		tree_write(&t, cases[i].file, cases[i].value);
		if (cases[i].locked) {
			expect_host_refuses(&t, "host.locked", "until the next boot");
			continue;
		}
		trust_signer(&t);
		image_make(&t, "/a.efi", "a", "signer");
		expect_loaded(&t, "/a.efi");
	}
}

static void test_five_level_paging(void **state _unused_)
{
	_buffer_ struct buffer b = {0};
	_tree_ struct tree t;
	struct host h;
	struct ukd_error e = {0};

	machine_make(&t);
	tree_write(&t, "/proc/cpuinfo", "flags\t\t: fpu vme la57 rdpid\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_true(h.five_level);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	expect_loaded(&t, "/a.efi"); /* the fixture's kernel has XLF_5LEVEL */
	tree_write(&t, "/proc/cmdline", "no5lvl\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_false(h.five_level);
}

/* 72a4...: subject key id of the armed signer in /proc/keys as a kernel prints it. */
static void write_keys(const struct tree *t, const char *description)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "00f1dd6b I--Q---     1 perm 3f030000     0     0 keyring   _ses: 1\n"
		       "120ee50e I------     1 perm 1f010000     0     0 asymmetri %s: X509.rsa "
		       "cc4e1bd7 []\n",
		       description);
	tree_write(t, "/proc/keys", text);
}

static void test_keyring_is_asked_where_the_kernel_enforces(void **state _unused_)
{
	_tree_ struct tree t;
	struct host h;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	write_keys(&t, "another: 72a4a217db7f0f92a1ea05bdc6c24ddbcc4e1bd7");
	expect_loaded(&t, "/a.efi"); /* nothing is enforced: a warning */
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_int_equal(host_read(&t.root, &h, &e), 0);
	assert_true(h.enforced);
	expect_refused(load(&t, "/a.efi", &e), &e, "host.keyring", "no such key");
	assert_non_null(strstr(e.text, "mokutil --import"));
	assert_int_equal(kernel.n, 1);
}

static void test_keyring_that_has_the_key(void **state _unused_)
{
	_tree_ struct tree t;
	_auth_trust_ struct auth_trust *trust = auth_trust_new();
	_uki_ struct uki u = {0};
	struct auth_result a, inner;
	struct ukd_error e = {0};
	char hex[2 * AUTH_KEY_ID_MAX + 1] = "", description[256];

	machine_make(&t);
	trust_signer(&t);
	image_make(&t, "/a.efi", "a", "signer");
	assert_true(auth_trust_add_file(trust, &t.root, "/etc/ukdump/trust.d/signer.crt", &e) > 0);
	_close_ int fd = open(tree_path(&t, "/a.efi"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(auth_verify(fd, "x", (uint64_t)lseek(fd, 0, SEEK_END),
				     &(struct auth_policy){.trust = trust}, &u, &a, &inner, &e),
			 0);
	for (unsigned int i = 0; i < a.chain[0].skid_len; i++)
		(void)sprintf(hex + 2 * i, "%02x", a.chain[0].skid[i]);
	(void)snprintf(description, sizeof(description), "Test: Inc: signer: %s", hex);
	write_keys(&t, description);
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect_loaded(&t, "/a.efi");
	_free_ char *armed = tree_text(&t, ARMED_FILE);
	assert_non_null(strstr(armed, "\nkeyring=\nkey=Test: Inc: signer\n"));
	/* revoked: no advice to enroll it */
	for (unsigned int i = 0; i < a.embedded[0].tbs_len; i++)
		(void)sprintf(hex + 2 * i, "%02x", a.embedded[0].tbs[i]);
	(void)snprintf(description, sizeof(description),
		       "1 I------ 1 perm 1f010000 0 0 blacklist tbs:%s\n", hex);
	tree_write(&t, "/proc/keys", description);
	expect_refused(load(&t, "/a.efi", &e), &e, "host.blacklist", "revoked");
	assert_non_null(strstr(e.text, "sign with a key that is not revoked"));
	assert_null(strstr(e.text, "mokutil"));
}

static void test_algorithm_that_the_kernel_lacks(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust(&t, "foreign");
	image_make(&t, "/a.efi", "a", "foreign"); /* P-256 */
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect_refused(load(&t, "/a.efi", &e), &e, "host.algorithm", "no CONFIG_CRYPTO_ECDSA");
	assert_non_null(strstr(e.text, "sign with RSA and SHA-256"));
	assert_null(strstr(e.text, "mokutil"));
	assert_int_equal(kernel.n, 0);
}

/* ---- facts ---- */

static void test_facts_by_old_and_new_names(void **state _unused_)
{
	for (unsigned int i = 0; i < 2; i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		tree_make(&t);
		tree_write(&t, i ? "/sys/kernel/kexec/crash_size" : "/sys/kernel/kexec_crash_size",
			   "117440512\n");
		tree_write(&t,
			   i ? "/sys/kernel/kexec/crash_loaded" : "/sys/kernel/kexec_crash_loaded",
			   "1\n");
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_int_equal(h.memory.total, MIB(112));
		assert_int_equal(h.memory.usable, 0); /* no iomem: unknown */
		assert_true(h.loaded);
		assert_false(h.secure_boot || h.enforced || h.five_level || h.load_disabled);
		assert_false(h.config_known);
		assert_string_equal(h.missing, "");
		assert_string_equal(h.lockdown, "unknown");
	}
}

static void test_new_names_win(void **state _unused_)
{
	struct crash_memory m;
	_tree_ struct tree t;
	struct ukd_error e = {0};

	tree_make(&t);
	tree_write(&t, "/sys/kernel/kexec/crash_size", "2\n");
	tree_write(&t, "/sys/kernel/kexec_crash_size", "1\n");
	assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
	assert_int_equal(m.total, 2);
}

static void test_crash_memory_ranges(void **state _unused_)
{
	static const struct {
		const char *iomem;
		uint64_t usable;
	} cases[] = {
		{"  25000000-34ffffff : Crash kernel\n", 0x10000000},
		{"  01000000-01ffffff : Crash kernel\n  140000000-147ffffff : Crash kernel\n",
		 0x8000000},
		/* crashkernel=64M,high with 256M,low: nothing is loaded into the low one */
		{"  20000000-2fffffff : Crash kernel\n  140000000-143ffffff : Crash kernel\n",
		 0x4000000},
		{"  00000000-00000000 : Crash kernel\n", 0}, /* as read without root */
		{"00100000-3fffffff : System RAM\n", 0},
		{"  x : Crash kernel\n", 0},
		{"  2000-1000 : Crash kernel\n", 0},
		{"", 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crash_memory m;
		_tree_ struct tree t;
		struct ukd_error e = {0};

		tree_make(&t);
		tree_write(&t, "/sys/kernel/kexec_crash_size", "1\n");
		tree_write(&t, "/proc/iomem", cases[i].iomem);
		assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
		assert_true(m.usable == cases[i].usable);
	}
}

static void test_size_model(void **state _unused_)
{
	struct image_need n = image_need(0x2fff001, 0x200000, 3300000, 0);

	assert_int_equal(n.minimum, 0x3000000 + 0x200000 + KIB(128));
	/* measured: 96M works with a 3.3 MB initrd, 80M does not; 144M with 12 MB, 128M not */
	assert_true(n.comfort > MIB(80) && n.comfort <= MIB(112));
	n = image_need(0x2fff001, 0x200000, 12000000, 0);
	assert_true(n.comfort > MIB(128) && n.comfort <= MIB(160));
	assert_int_equal(n.comfort % MIB(1), 0);
	/* a large kernel: never less than what the kernel itself insists on */
	n = image_need(0x7fffffff, 0x40000000, 1, 0);
	assert_true(n.minimum >= 0x80000000 + 0x40000000u && n.comfort >= n.minimum);
	n = image_need(0x7fffffff, 0x40000000, UINT32_MAX, 0);
	assert_true(n.comfort > MIB(4096));
}

static void test_secure_boot_variable(void **state _unused_)
{
	static const struct {
		uint8_t bytes[6];
		uint64_t len;
		bool on;
	} cases[] = {{{6, 0, 0, 0, 1}, 5, true},
		     {{6, 0, 0, 0, 0}, 5, false},
		     {{6, 0, 0, 0, 2}, 5, false},
		     {{6, 0, 0, 0}, 4, false},
		     {{6, 0, 0, 0, 1, 1}, 6, false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		machine_make(&t);
		tree_write_bytes(&t,
				 "/sys/firmware/efi/efivars/"
				 "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
				 (struct bytes){cases[i].bytes, cases[i].len});
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_int_equal(h.secure_boot, cases[i].on);
		assert_int_equal(h.enforced, cases[i].on);
	}
}

static void test_lockdown(void **state _unused_)
{
	static const struct {
		const char *text, *mode;
		bool enforced;
	} cases[] = {{"[none] integrity confidentiality\n", "none", false},
		     {"none [integrity] confidentiality\n", "integrity", true},
		     {"none integrity [confidentiality]\n", "confidentiality", true},
		     {"", "unknown", false},
		     {"[", "", false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		struct host h;
		struct ukd_error e = {0};

		machine_make(&t);
		tree_write(&t, "/sys/kernel/security/lockdown", cases[i].text);
		assert_int_equal(host_read(&t.root, &h, &e), 0);
		assert_string_equal(h.lockdown, cases[i].mode);
		assert_int_equal(h.enforced, cases[i].enforced);
	}
}

static void test_every_known_errno_is_explained(void **state _unused_)
{
	/* reference/uki-kexec.md, section 4.3 */
	static const int known[] = {EPERM,   EBUSY,	    EINVAL,   ENOEXEC, EFBIG,
				    ETXTBSY, EACCES,	    ENODATA,  ENOKEY,  EKEYREJECTED,
				    ELIBBAD, EBADMSG,	    EMSGSIZE, ENOPKG,  ENOENT,
				    ENOMEM,  EADDRNOTAVAIL, ENOSYS,   524};

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (strstr(explain_errno(known[i]), "unexpected"))
			fail_msg("errno %d is not explained", known[i]);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(explain_errno(known[i]), explain_errno(known[k]));
	}
	assert_non_null(strstr(explain_errno(9999), "unexpected"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_reserved_memory),
		cmocka_unit_test(test_too_little_memory_in_one_piece),
		cmocka_unit_test(test_low_memory_of_crashkernel_high_does_not_count),
		cmocka_unit_test(test_kernel_without_kexec_file_load),
		cmocka_unit_test(test_kernel_that_insists_and_cannot_verify),
		cmocka_unit_test(test_image_for_a_normal_kexec_is_not_armed),
		cmocka_unit_test(test_kernel_without_crash_support),
		cmocka_unit_test(test_locked_host),
		cmocka_unit_test(test_five_level_paging),
		cmocka_unit_test(test_keyring_is_asked_where_the_kernel_enforces),
		cmocka_unit_test(test_keyring_that_has_the_key),
		cmocka_unit_test(test_algorithm_that_the_kernel_lacks),
		cmocka_unit_test(test_facts_by_old_and_new_names),
		cmocka_unit_test(test_new_names_win),
		cmocka_unit_test(test_crash_memory_ranges),
		cmocka_unit_test(test_size_model),
		cmocka_unit_test(test_secure_boot_variable),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_every_known_errno_is_explained),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}
