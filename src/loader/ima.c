// SPDX-License-Identifier: GPL-2.0-or-later
/* IMA appraisal of what kexec reads: see ima.h. The policy is the administrator's and trusted. */
#include "loader/ima.h"

#include <stdio.h>
#include <string.h>

#include "util/lockdown.h"
#include "util/log.h"

#define IMA_DIR	   "/sys/kernel/security/integrity/ima"
#define IMA_POLICY IMA_DIR "/policy"

#define RULE_MAX 160

/* Ordered: what is worse is greater. */
enum outcome {
	PASSES,
	MAY_FAIL,
	FAILS,
};

struct finding {
	enum outcome outcome;
	char rule[RULE_MAX]; /* which rule, or which other reason */
	const char *advice;
};

/* Does a condition of a rule hold for a memory file that root has made and kexec reads? */
enum holds {
	NO,
	PERHAPS,
	YES,
};

/* Conditions whose value we know; a memory file lies on the kernel's own tmpfs mount. */
static const struct {
	const char *key;
	const char *value; /* NULL: says how to appraise, and is no condition */
} known[] = {
	{"mask=", "MAY_READ"},
	{"mask=", "^MAY_READ"},
	{"fsmagic=", "0x1021994"},
	{"fsname=", "tmpfs"},
	{"uid=", "0"},
	{"euid=", "0"},
	{"gid=", "0"},
	{"egid=", "0"},
	{"fowner=", "0"},
	{"fgroup=", "0"},
	{"appraise_type=", NULL},
	{"appraise_flag=", NULL},
	{"appraise_algos=", NULL},
	{"digest_type=", NULL},
	{"permit_directio", NULL},
	{"template=", NULL},
	{"pcr=", NULL},
};

static enum holds condition(const char *word, const char *func)
{
	enum holds h = PERHAPS;

	if (!strncmp(word, "func=", 5))
		return strcmp(word + 5, func) ? NO : YES;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i].key);

		if (strncmp(word, known[i].key, len) != 0)
			continue;
		if (!known[i].value || !strcmp(word + len, known[i].value))
			return YES;
		h = NO;
	}
	return h;
}

/* What one line of the policy is for kexec: 'action' and whether its conditions hold. */
static enum holds apply(const char *line, const char *func, bool *ret_appraise)
{
	char copy[512], *save = NULL, *word;
	enum holds all = YES;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	word = strtok_r(copy, " \t", &save);
	if (!word || (strcmp(word, "appraise") && strcmp(word, "dont_appraise")))
		return NO;
	*ret_appraise = word[0] == 'a';
	while ((word = strtok_r(NULL, " \t", &save))) {
		enum holds h = condition(word, func);

		if (h < all)
			all = h;
	}
	return all;
}

/* The first rule that matches counts (ima_match_policy()). */
static void walk(const char *policy, const char *func, struct finding *f)
{
	char line[512];
	bool exempt = false; /* perhaps, by a rule before */

	for (const char *at = policy; *at; at += strspn(at, "\n")) {
		size_t len = strcspn(at, "\n");
		bool appraise = false;
		enum holds h;
		enum outcome o;

		(void)snprintf(line, sizeof(line), "%.*s", (int)len, at);
		at += len;
		h = apply(line, func, &appraise);
		if (h == YES && !appraise)
			return;
		if (h == PERHAPS && !appraise)
			exempt = true;
		if (h == NO || !appraise)
			continue;
		o = h == YES && !exempt ? FAILS : MAY_FAIL;
		if (o > f->outcome) {
			f->outcome = o;
			(void)snprintf(f->rule, sizeof(f->rule), "%.*s", (int)sizeof(f->rule) - 1,
				       line);
		}
		if (h == YES)
			return;
	}
}

/* A word of the kernel's command line that begins with key; "" if there is none. The last counts. */
static void cmdline_value(const char *line, const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);

	ret[0] = 0;
	for (const char *at = line; (at = strstr(at, key)); at += len) {
		bool quoted = at[len] == '"';

		if (at != line && at[-1] != ' ')
			continue;
		(void)snprintf(ret, size, "%.*s",
			       (int)strcspn(at + len + quoted, quoted ? "\"" : " \n"),
			       at + len + quoted);
	}
}

/*
 * ima_appraise=off, log and fix end enforcement; under Secure Boot they are ignored
 * (ima_appraise_parse_cmdline()).
 */
static bool is_enforced(const struct root *root, const struct kconfig *k, const char *cmdline)
{
	char mode[16];

	if (kconfig_get(k, "IMA_APPRAISE") == KCONFIG_NO || !root_exists(root, IMA_DIR))
		return false;
	if (secure_boot_is_on(root) || kconfig_get(k, "IMA_APPRAISE_BOOTPARAM") == KCONFIG_NO)
		return true;
	cmdline_value(cmdline, "ima_appraise=", mode, sizeof(mode));
	return strncmp(mode, "off", 3) && strncmp(mode, "log", 3) && strncmp(mode, "fix", 3);
}

/*
 * The policy file is there and cannot be read, or is gone: it vanishes when a policy was loaded, on
 * kernels where that can be done once and not read (ima_release_policy()). A loaded policy drops
 * the rules of ima_policy=, not those that are built in.
 */
static void judge_unread(const struct root *root, const struct kconfig *k, const char *cmdline,
			 struct finding *f)
{
	bool loaded = !root_exists(root, IMA_POLICY);
	char policies[128];

	cmdline_value(cmdline, "ima_policy=", policies, sizeof(policies));
	if (kconfig_get(k, "IMA_APPRAISE_REQUIRE_KEXEC_SIGS") == KCONFIG_YES) {
		*f = (struct finding){FAILS, "CONFIG_IMA_APPRAISE_REQUIRE_KEXEC_SIGS",
				      "boot a kernel without that option"};
	} else if (loaded) {
		*f = (struct finding){MAY_FAIL, "a loaded policy, which this kernel does not show",
				      ""};
	} else if (strstr(policies, "secure_boot")) {
		bool once = kconfig_get(k, "IMA_WRITE_POLICY") == KCONFIG_NO;

		*f = (struct finding){once ? FAILS : MAY_FAIL, "ima_policy=secure_boot",
				      "boot without it, or load a policy of your own, which "
				      "replaces it"};
	}
}

static int conclude(const struct finding *f, struct ukd_error *e)
{
	if (f->outcome == MAY_FAIL)
		log_warning("IMA may refuse what is loaded, a memory file without an IMA "
			    "signature: %s",
			    f->rule);
	if (f->outcome != FAILS)
		return 0;
	return ukd_refuse(
		e, "host.ima",
		"IMA demands a signature that a memory file cannot carry (%s); ukdump does "
		"not go round an IMA policy: %s",
		f->rule, f->advice);
}

int ima_check(const struct root *root, bool with_initrd, struct ukd_error *e)
{
	_buffer_ struct buffer policy = {0}, line = {0};
	_kconfig_ struct kconfig k = {0};
	struct finding f = {.advice = "exempt memory files before that rule with 'dont_appraise "
				      "fsmagic=0x1021994', but only where the kernel itself "
				      "enforces kexec signatures (Secure Boot with "
				      "CONFIG_IMA_ARCH_POLICY, or CONFIG_KEXEC_SIG_FORCE)"};
	struct ukd_error ignored;
	const char *cmdline = "";

	kconfig_read(root, &k);
	if (root_read(root, "/proc/cmdline", KIB(64), &line, &ignored) == 0)
		cmdline = (char *)line.data;
	if (!is_enforced(root, &k, cmdline))
		return 0;
	if (root_read(root, IMA_POLICY, MIB(1), &policy, &ignored) < 0) {
		judge_unread(root, &k, cmdline, &f);
		return conclude(&f, e);
	}
	walk((char *)policy.data, "KEXEC_KERNEL_CHECK", &f);
	if (with_initrd)
		walk((char *)policy.data, "KEXEC_INITRAMFS_CHECK", &f);
	return conclude(&f, e);
}
