// SPDX-License-Identifier: GPL-2.0-or-later
/* loader/ima.h on fixture trees; warnings are caught instead of printed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture_checks.h"
#include "fixture_tree.h"
#include "loader/ima.h"
#include "util/log.h"

#define DIR    "/sys/kernel/security/integrity/ima"
#define POLICY DIR "/policy"

static char warning[512];

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	assert_int_equal(level, LOG_LEVEL_WARNING);
	va_start(ap, fmt);
	(void)vsnprintf(warning, sizeof(warning), fmt, ap);
	va_end(ap);
}

enum outcome {
	PASSES,
	MAY_FAIL,
	FAILS,
};

static enum outcome outcome_of(const struct tree *t, bool with_initrd, const char *says)
{
	struct ukd_error e = {0};
	int r;

	warning[0] = 0;
	r = ima_check(&t->root, with_initrd, &e);
	if (r < 0) {
		expect_refused(r, &e, "host.ima", says);
		assert_string_equal(warning, "");
		assert_non_null(strstr(e.text, "does not go round an IMA policy: "));
	}
	if (!strstr(r < 0 ? e.text : warning, says))
		fail_msg("'%s%s' does not say '%s'", e.text, warning, says);
	return r < 0 ? FAILS : warning[0] ? MAY_FAIL : PASSES;
}

static enum outcome outcome_with(const char *policy, bool with_initrd, const char *says)
{
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, POLICY, policy);
	return outcome_of(&t, with_initrd, says);
}

#define TCB    "dont_measure fsmagic=0x9fa0 \nmeasure func=KEXEC_KERNEL_CHECK \n"
#define KERNEL "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig"
#define INITRD "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig"
#define EXEMPT "dont_appraise fsmagic=0x1021994 \n"

static void test_rules(void **state _unused_)
{
	static const struct {
		const char *policy;
		enum outcome sealed, parts;
	} cases[] = {
		{"", PASSES, PASSES},
		{TCB, PASSES, PASSES},
		{TCB KERNEL " \n", FAILS, FAILS},
		{TCB KERNEL, FAILS, FAILS}, /* no line feed */
		{KERNEL "|modsig \n", FAILS, FAILS},
		{"appraise func=KEXEC_KERNEL_CHECK \n", FAILS, FAILS},
		{INITRD " \n", PASSES, FAILS},
		{"appraise func=MODULE_CHECK appraise_type=imasig \n", PASSES, PASSES},
		{"appraise func=KEXEC_KERNEL_CHECKS \n", PASSES, PASSES},
		{"audit func=KEXEC_KERNEL_CHECK \nhash fowner=0 \n", PASSES, PASSES},
		/* the first rule counts */
		{EXEMPT KERNEL " \n", PASSES, PASSES},
		{KERNEL " \n" EXEMPT, FAILS, FAILS},
		{"dont_appraise func=KEXEC_KERNEL_CHECK fsname=tmpfs \n" KERNEL " \n" INITRD " \n",
		 PASSES, FAILS},
		{"dont_appraise fsmagic=0x9fa0 \n" KERNEL " \n", FAILS, FAILS},
		{"dont_appraise func=MODULE_CHECK \n" KERNEL " \n", FAILS, FAILS},
		/* the builtin appraise_tcb */
		{EXEMPT "appraise fowner=0 \n", PASSES, PASSES},
		{"appraise fowner=0 \n", FAILS, FAILS},
		{"appraise fowner=1000 \n", PASSES, PASSES},
		{"appraise fowner>10 \n", MAY_FAIL, MAY_FAIL},
		{"appraise func=KEXEC_KERNEL_CHECK mask=MAY_READ uid=0 pcr=10 \n", FAILS, FAILS},
		{"appraise func=KEXEC_KERNEL_CHECK mask=MAY_EXEC \n", PASSES, PASSES},
		{"appraise func=KEXEC_KERNEL_CHECK fsname=ext4 \n", PASSES, PASSES},
		/* what is not known */
		{"appraise func=KEXEC_KERNEL_CHECK obj_type=kernel_t \n", MAY_FAIL, MAY_FAIL},
		{"appraise func=KEXEC_KERNEL_CHECK obj_type=a \n" EXEMPT, MAY_FAIL, MAY_FAIL},
		{"appraise func=KEXEC_KERNEL_CHECK obj_type=a \n" KERNEL " \n", FAILS, FAILS},
		{"appraise obj_type=a fsname=ext4 \n", PASSES, PASSES},
		{"dont_appraise obj_type=a \n" KERNEL " \n", MAY_FAIL, MAY_FAIL},
		{"dont_appraise obj_type=a fsmagic=0x9fa0 \n" KERNEL " \n", FAILS, FAILS},
		{KERNEL " \nappraise obj_type=a func=KEXEC_INITRAMFS_CHECK \n", FAILS, FAILS},
		{"appraise subj_type=a func=KEXEC_INITRAMFS_CHECK \n", PASSES, MAY_FAIL},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		if (outcome_with(cases[i].policy, false, "") != cases[i].sealed)
			fail_msg("'%s' for a sealed image", cases[i].policy);
		if (outcome_with(cases[i].policy, true, "") != cases[i].parts)
			fail_msg("'%s' for parts", cases[i].policy);
	}
}

static void test_sentences(void **state _unused_)
{
	assert_int_equal(outcome_with(TCB KERNEL " \n", false, "(" KERNEL), FAILS);
	assert_int_equal(outcome_with(KERNEL " \n", false, "'dont_appraise fsmagic=0x1021994'"),
			 FAILS);
	assert_int_equal(outcome_with(KERNEL " \n", false, "CONFIG_KEXEC_SIG_FORCE)"), FAILS);
	assert_int_equal(outcome_with("appraise obj_type=a \n", false,
				      "IMA may refuse what is loaded"),
			 MAY_FAIL);
	assert_int_equal(outcome_with("appraise obj_type=a \n", false, ": appraise obj_type=a"),
			 MAY_FAIL);
}

static void test_without_ima(void **state _unused_)
{
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/proc/cmdline", "ima_policy=secure_boot\n");
	assert_int_equal(outcome_of(&t, true, ""), PASSES);
}

static void test_appraisal_that_is_not_enforced(void **state _unused_)
{
	static const struct {
		const char *cmdline, *config;
		bool secure_boot;
		enum outcome outcome;
	} cases[] = {
		{"quiet\n", NULL, false, FAILS},
		{"quiet ima_appraise=off\n", NULL, false, PASSES},
		{"ima_appraise=log quiet\n", NULL, false, PASSES},
		{"ima_appraise=fix", NULL, false, PASSES},
		{"ima_appraise=enforce\n", NULL, false, FAILS},
		{"ima_appraise=off ima_appraise=enforce\n", NULL, false, FAILS},
		{"xima_appraise=off\n", NULL, false, FAILS},
		{"ima_appraise=off\n", NULL, true, FAILS},
		{"ima_appraise=off\n", "CONFIG_IMA_APPRAISE=y\n", false, FAILS},
		{"ima_appraise=off\n", "CONFIG_IMA_APPRAISE=y\nCONFIG_IMA_APPRAISE_BOOTPARAM=y\n",
		 false, PASSES},
		{"quiet\n", "CONFIG_IMA=y\n", false, PASSES},
	};
	static const uint8_t on[] = {6, 0, 0, 0, 1};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;

		tree_make(&t);
		tree_write(&t, POLICY, KERNEL " \n");
		tree_write(&t, "/proc/cmdline", cases[i].cmdline);
		tree_write(&t, "/proc/sys/kernel/osrelease", "6.12\n");
		if (cases[i].config)
			tree_write(&t, "/boot/config-6.12", cases[i].config);
		if (cases[i].secure_boot)
			tree_write_bytes(&t,
					 "/sys/firmware/efi/efivars/"
					 "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
					 (struct bytes){on, sizeof(on)});
		if (outcome_of(&t, false, "") != cases[i].outcome)
			fail_msg("'%s' with '%s'", cases[i].cmdline, cases[i].config);
	}
}

/* Debian: the policy can be written once and never read. */
#define ONCE "CONFIG_IMA_APPRAISE=y\n# CONFIG_IMA_WRITE_POLICY is not set\n"

static void test_policy_that_cannot_be_read(void **state _unused_)
{
	static const struct {
		bool loaded; /* then the policy file is gone */
		const char *cmdline, *config, *says;
		enum outcome outcome;
	} cases[] = {
		{false, "quiet\n", ONCE, "", PASSES},
		{false, "ima_policy=tcb\n", ONCE, "", PASSES},
		{false, "ima_policy=appraise_tcb\n", ONCE, "", PASSES},
		{false, "ima_policy=secure_boot\n", ONCE, "(ima_policy=secure_boot)", FAILS},
		{false, "a ima_policy=secure_boot\n", ONCE, "boot without it", FAILS},
		{false, "ima_policy=\"tcb|secure_boot\" b\n", ONCE, "", FAILS},
		{false, "ima_policy=\"tcb secure_boot\" b\n", ONCE, "", FAILS},
		{false, "ima_policy=tcb secure_boot\n", ONCE, "", PASSES},
		{false, "ima_policy=secure_boot\n",
		 "CONFIG_IMA_APPRAISE=y\nCONFIG_IMA_WRITE_POLICY=y\n", "ima_policy=secure_boot",
		 MAY_FAIL},
		{false, "ima_policy=secure_boot\n", NULL, "ima_policy=secure_boot", MAY_FAIL},
		{true, "ima_policy=secure_boot\n", ONCE, "a loaded policy", MAY_FAIL},
		{true, "quiet\n", ONCE, "a loaded policy", MAY_FAIL},
		{false, "quiet\n", ONCE "CONFIG_IMA_APPRAISE_REQUIRE_KEXEC_SIGS=y\n",
		 "boot a kernel without that option", FAILS},
		{true, "quiet\n", ONCE "CONFIG_IMA_APPRAISE_REQUIRE_KEXEC_SIGS=y\n",
		 "(CONFIG_IMA_APPRAISE_REQUIRE_KEXEC_SIGS)", FAILS},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_tree_ struct tree t;
		enum outcome o;

		tree_make(&t);
		/* a directory cannot be read by root either */
		tree_write(&t, cases[i].loaded ? DIR "/violations" : POLICY "/unreadable", "0\n");
		tree_write(&t, "/proc/cmdline", cases[i].cmdline);
		tree_write(&t, "/proc/sys/kernel/osrelease", "6.12\n");
		if (cases[i].config)
			tree_write(&t, "/boot/config-6.12", cases[i].config);
		o = outcome_of(&t, false, cases[i].says);
		if (o != cases[i].outcome)
			fail_msg("%u: '%s': %u", i, cases[i].cmdline, (unsigned int)o);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_without_ima),
		cmocka_unit_test(test_appraisal_that_is_not_enforced),
		cmocka_unit_test(test_policy_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
