// SPDX-License-Identifier: GPL-2.0-or-later
/* SUSE and openSUSE: /etc/sysconfig/kdump, options of kdump 0.9 (SLE 15) to 2.1.9. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "migrate/rules.h"
#include "util/cleanup.h"
#include "util/parse.h"

static bool says(const char *value, bool wanted)
{
	bool b;

	return parse_bool(value, &b) && b == wanted;
}

/* USER[:PASSWORD]@HOST/DIR behind the scheme. */
static int login(struct import *im, struct import_line *l, const char *rest, struct ukd_error *e)
{
	size_t n = strcspn(rest, "/");
	const char *at = memchr(rest, '@', n), *colon = at ? memchr(rest, ':', n) : NULL;
	bool password = colon && colon < at;
	_free_ char *who = NULL;
	const char *host = at ? at + 1 : rest;
	int r;

	l->secret |= password;
	if (asprintf(&who, "%.*s@%.*s", at ? (int)((password ? colon : at) - rest) : 4,
		     at ? rest : "root", (int)(rest + n - host), host) < 0) {
		who = NULL;
		return ukd_oom(e);
	}
	r = import_ssh(im, l, who, rest + n, e);
	if (r < 0 || !password || l->fate != IMPORT_TRANSLATED)
		return r;
	return import_remark(l, e,
			     "its password is left out: keys only, see 'ukdumpctl propagate'");
}

static int save_to(struct import *im, struct import_line *l, const char *where, struct ukd_error *e)
{
	const char *rest = strstr(where, "://");
	_free_ char *file = NULL;

	rest = rest ? rest + 3 : where;
	if (!strncasecmp(where, "nfs://", 6))
		return import_url(im, l, where, e);
	if (!strncasecmp(where, "ssh://", 6))
		return login(im, l, rest, e);
	if (!strncasecmp(where, "sftp://", 7) || !strncasecmp(where, "scp://", 6)) {
		int r = login(im, l, rest, e);

		return r < 0 || l->fate != IMPORT_TRANSLATED ?
			       r :
			       import_remark(l, e, "the server needs a POSIX shell for USER");
	}
	if (*rest != '/' || (rest != where && strncasecmp(where, "file://", 7) != 0)) {
		l->secret |= strchr(where, '@') != NULL;
		return import_drop(l, e,
				   "there is no FTP and no SMB: use nfs://, ssh://, https:// or "
				   "s3://");
	}
	if (asprintf(&file, "file:%s", rest) < 0) {
		file = NULL;
		return ukd_oom(e);
	}
	return import_set(im, l, "Dump", "Target", file, e);
}

/* Several, separated by blanks, until 2023: the dump was split among them. */
static int save_dir(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *copy = strdup(l->value);
	unsigned int n = 0;
	char *save = NULL;
	int r = copy ? 0 : ukd_oom(e);

	for (char *word = copy ? strtok_r(copy, " \t", &save) : NULL; r >= 0 && word;
	     word = strtok_r(NULL, " \t", &save)) {
		r = save_to(im, l, word, e);
		if (r >= 0 && l->fate != IMPORT_TRANSLATED)
			return r;
		n++;
	}
	return r < 0 || n < 2 ? r :
				import_remark(l, e,
					      "a dump is not split: each is tried when the one "
					      "before fails");
}

static int kernel(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Image", "Kernel", l->value, e);
}

static int cpus(struct import *im, struct import_line *l, struct ukd_error *e)
{
	if (!strcmp(l->value, "0"))
		return import_drop(l, e,
				   "all CPUs need memory in proportion; Threads= is auto, which is "
				   "one");
	return import_set(im, l, "Dump", "Threads", l->value, e);
}

static int cmdline(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline(im, l, "KDUMP_COMMANDLINE_APPEND", e);
}

static int cmdline_append(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline_append(im, l, "KDUMP_COMMANDLINE", e);
}

static int makedumpfile(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_makedumpfile(im, l, l->value, false, e);
}

static int immediate_reboot(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return says(l->value, false) ? import_action(im, l, "OnSuccess", "shell", e) :
				       import_default(l, e, "OnSuccess= is reboot by default");
}

static int continue_on_error(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return says(l->value, false) ? import_action(im, l, "OnFailure", "shell", e) :
				       import_default(l, e, "OnFailure= is reboot by default");
}

/* Old ones are removed before the new one is written: one more stays. */
static int keep(struct import *im, struct import_line *l, struct ukd_error *e)
{
	char text[32] = "1";
	uint64_t n;

	if (!strcmp(l->value, "0"))
		return import_set(im, l, "Store", "Keep", "all", e);
	if (parse_u64(l->value, &n) && n < 100000)
		(void)snprintf(text, sizeof(text), "%" PRIu64, n + 1);
	else if (strcmp(l->value, "-1") != 0)
		return import_drop(l, e, "no number of dumps");
	return import_set(im, l, "Store", "Keep", text, e);
}

static int keep_free(struct import *im, struct import_line *l, struct ukd_error *e)
{
	char text[32];
	uint64_t n;

	if (!parse_u64(l->value, &n))
		return import_drop(l, e, "no number of megabytes");
	(void)snprintf(text, sizeof(text), "%" PRIu64 "M", n);
	return import_set(im, l, "Store", "KeepFree", text, e);
}

static int level(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Dump", "DumpLevel", l->value, e);
}

static int format(struct import *im, struct import_line *l, struct ukd_error *e)
{
	static const char *const same[] = {"lzo", "snappy", "zstd"};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!strcmp(l->value, same[i]))
			return import_set(im, l, "Dump", "Compress", same[i], e);
	if (!strcmp(l->value, "none"))
		return import_drop(l, e,
				   "a dump is always tried; the kernel log is saved first in any "
				   "case");
	if (strcmp(l->value, "raw") != 0)
		return import_drop(l, e, "dumps are in makedumpfile's own format");
	r = import_set(im, l, "Dump", "DumpLevel", "0", e);
	return r < 0 ? r : import_set(im, l, "Dump", "Compress", "none", e);
}

static int pre(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_program(im, l, "Pre", e);
}

static int post(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_program(im, l, "Post", e);
}

/* "auto", "eth0:dhcp4", "eth0:static:force" */
static int network(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *copy = strdup(l->value);
	char *mode, *save = NULL, *device;
	int r;

	if (!copy)
		return ukd_oom(e);
	device = strtok_r(copy, ":", &save);
	mode = strtok_r(NULL, ":", &save);
	if (!device || !strcmp(device, "auto"))
		return import_default(l, e, "what leads to the target is found by itself");
	r = import_set(im, l, "Network", "Interface", device, e);
	if (r < 0 || !mode || !strcmp(mode, "auto") || !strcmp(mode, "static"))
		return r;
	r = import_set(im, l, "Network", "Address", "dhcp", e);
	return r < 0 || !strncmp(mode, "dhcp", 4) ?
		       r :
		       import_remark(l, e, "router advertisements are heeded with dhcp, too");
}

static int identity(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *file = NULL;
	int n = (int)strcspn(l->value, " \t"), r;

	if (asprintf(&file, "%s%.*s", l->value[0] == '/' ? "" : "/root/.ssh/", n, l->value) < 0) {
		file = NULL;
		return ukd_oom(e);
	}
	r = import_set(im, l, "Network", "SshKey", file, e);
	return r < 0 || !l->value[n] ? r : import_remark(l, e, "the first one only");
}

#define NO_FADUMP "firmware-assisted dumps are POWER's"
#define NO_MAIL	  "programs in /etc/ukdump/notify.d are told of a crash after the reboot"
#define NO_AUTO	  "crashkernel= is changed only when somebody calls 'ukdumpctl reserve'"

static const struct rule rules[] = {
	{"KDUMP_KERNELVER", kernel, NULL, NULL, false},
	{"KDUMP_CPUS", cpus, NULL, STANDARD("1", "32"), false},
	{"KDUMP_COMMANDLINE", cmdline, NULL, NULL, false},
	{"KDUMP_COMMANDLINE_APPEND", cmdline_append, NULL, NULL, false},
	{"KDUMP_CRASHKERNEL", NULL, NO_AUTO, STANDARD("auto"), false},
	{"KDUMP_UPDATE_BOOTLOADER", NULL, NO_AUTO, NULL, false},
	{"KDUMP_AUTO_RESIZE", NULL, "'ukdumpctl reserve --shrink' gives back what is too much",
	 STANDARD("no", "false"), false},
	{"KDUMP_FADUMP", NULL, NO_FADUMP, STANDARD("no", "false"), false},
	{"KDUMP_FADUMP_SHELL", NULL, NO_FADUMP, STANDARD("no", "false"), false},
	{"FADUMP_COMMANDLINE_APPEND", NULL, NO_FADUMP, NULL, false},
	{"KEXEC_OPTIONS", NULL, "kexec(8) is not used: an image is loaded by one system call", NULL,
	 false},
	{"MAKEDUMPFILE_OPTIONS", makedumpfile, NULL, NULL, false},
	{"KDUMP_IMMEDIATE_REBOOT", immediate_reboot, NULL, NULL, false},
	{"KDUMP_TRANSFER", NULL,
	 "a program that takes dumps is a target: Target=exec:/PROGRAM, see ukdump-capture(8)",
	 NULL, false},
	{"KDUMP_SAVEDIR", save_dir, NULL, STANDARD("/var/crash", "file:///var/crash"), false},
	{"KDUMP_KEEP_OLD_DUMPS", keep, NULL, STANDARD("0", "5"), false},
	{"KDUMP_FREE_DISK_SIZE", keep_free, NULL, STANDARD("64"), false},
	{"KDUMP_VERBOSE", NULL, "there is one level of messages", STANDARD("0", "3"), false},
	{"KDUMP_DUMPLEVEL", level, NULL, STANDARD("31"), false},
	{"KDUMP_DUMPFORMAT", format, NULL, STANDARD("compressed"), false},
	{"KDUMP_CONTINUE_ON_ERROR", continue_on_error, NULL, NULL, false},
	{"KDUMP_REQUIRED_PROGRAMS", NULL,
	 "a hook is taken along with its libraries or its interpreter, and nothing else is", NULL,
	 false},
	{"KDUMP_PRESCRIPT", pre,
	 "if it fails, that is recorded, and the dump is written all the same", NULL, false},
	{"KDUMP_POSTSCRIPT", post, NULL, NULL, false},
	{"KDUMP_COPY_KERNEL", NULL,
	 "a dump holds what identifies its kernel; its package is enough", STANDARD("yes"), false},
	{"KDUMPTOOL_FLAGS", NULL, "there is no kdumptool here", NULL, false},
	{"KDUMP_NETCONFIG", network, NULL, STANDARD("auto"), false},
	{"KDUMP_NET_TIMEOUT", NULL,
	 "what a target may take is bounded by TimeoutSec=, then the next one is tried",
	 STANDARD("30"), false},
	{"KDUMP_SMTP_SERVER", NULL, NO_MAIL, NULL, false},
	{"KDUMP_SMTP_USER", NULL, NO_MAIL, NULL, false},
	{"KDUMP_SMTP_PASSWORD", NULL, NO_MAIL, NULL, true},
	{"KDUMP_NOTIFICATION_TO", NULL, NO_MAIL, NULL, false},
	{"KDUMP_NOTIFICATION_CC", NULL, NO_MAIL, NULL, false},
	{"KDUMP_HOST_KEY", NULL, "host keys are in files of known hosts, see 'ukdumpctl propagate'",
	 NULL, false},
	{"KDUMP_SSH_HOST_KEY", NULL,
	 "host keys are in files of known hosts, see 'ukdumpctl propagate'", NULL, false},
	{"KDUMP_SSH_IDENTITY", identity, NULL, NULL, false},
};

const struct rules suse_rules = {rules, ARRAY_SIZE(rules)};
