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

/* HOST/DIR behind nfs://; also HOST:/DIR, as mount(8) has it and kdump took it: no port. */
static int nfs(struct import *im, struct import_line *l, const char *rest, struct ukd_error *e)
{
	size_t n = strcspn(rest, "/"), host = n && rest[n - 1] == ':' ? n - 1 : n;
	_free_ char *url = NULL;

	if (asprintf(&url, "nfs://%.*s%s", (int)host, rest, rest + n) < 0) {
		url = NULL;
		return ukd_oom(e);
	}
	return import_url(im, l, url, e);
}

static int save_to(struct import *im, struct import_line *l, const char *where, struct ukd_error *e)
{
	const char *rest = strstr(where, "://");

	rest = rest ? rest + 3 : where;
	if (!strncasecmp(where, "nfs://", 6))
		return nfs(im, l, rest, e);
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
		return import_drop(
			l, e,
			"no path from / and no server that ukdump writes to: nfs://, ssh://, "
			"https://, s3://");
	}
	return import_file(im, l, rest, e);
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

static int cpus(struct import *im, struct import_line *l, struct ukd_error *e)
{
	if (!strcmp(l->value, "0"))
		return import_drop(l, e,
				   "all CPUs need memory in proportion; Threads= is auto, which is "
				   "one");
	return import_set(im, l, "Dump", "Threads", l->value, e);
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
	{"KDUMP_KERNELVER", .section = "Image", .key = "Kernel"},
	{"KDUMP_CPUS", .translate = cpus, .standard = STANDARD("1", "32")},
	{"KDUMP_COMMANDLINE", .translate = import_cmdline},
	{"KDUMP_COMMANDLINE_APPEND", .translate = import_cmdline_append},
	{"KDUMP_CRASHKERNEL", .why = NO_AUTO, .standard = STANDARD("auto")},
	{"KDUMP_UPDATE_BOOTLOADER", .why = NO_AUTO},
	{"KDUMP_AUTO_RESIZE", .why = "'ukdumpctl reserve --shrink' gives back what is too much",
	 .standard = STANDARD("no", "false")},
	{"KDUMP_FADUMP", .why = NO_FADUMP, .standard = STANDARD("no", "false")},
	{"KDUMP_FADUMP_SHELL", .why = NO_FADUMP, .standard = STANDARD("no", "false")},
	{"FADUMP_COMMANDLINE_APPEND", .why = NO_FADUMP},
	{"KEXEC_OPTIONS", .why = "kexec(8) is not used: an image is loaded by one system call"},
	{"MAKEDUMPFILE_OPTIONS", .translate = makedumpfile},
	{"KDUMP_IMMEDIATE_REBOOT", .translate = immediate_reboot},
	{"KDUMP_TRANSFER",
	 .why = "a program that takes dumps is a target: Target=exec:/PROGRAM, see ukdump-capture(8)"},
	{"KDUMP_SAVEDIR", .translate = save_dir,
	 .standard = STANDARD("/var/crash", "file:///var/crash")},
	{"KDUMP_KEEP_OLD_DUMPS", .translate = keep, .standard = STANDARD("0", "5")},
	{"KDUMP_FREE_DISK_SIZE", .translate = keep_free, .standard = STANDARD("64")},
	{"KDUMP_VERBOSE", .why = "there is one level of messages", .standard = STANDARD("0", "3")},
	{"KDUMP_DUMPLEVEL", .section = "Dump", .key = "DumpLevel", .standard = STANDARD("31")},
	{"KDUMP_DUMPFORMAT", .translate = format, .standard = STANDARD("compressed")},
	{"KDUMP_CONTINUE_ON_ERROR", .translate = continue_on_error},
	{"KDUMP_REQUIRED_PROGRAMS",
	 .why = "a hook is taken along with its libraries or its interpreter, and nothing else is"},
	{"KDUMP_PRESCRIPT", .translate = pre,
	 .why = "if it fails, that is recorded, and the dump is written all the same"},
	{"KDUMP_POSTSCRIPT", .translate = post},
	{"KDUMP_COPY_KERNEL",
	 .why = "a dump holds what identifies its kernel; its package is enough",
	 .standard = STANDARD("yes")},
	{"KDUMPTOOL_FLAGS", .why = "there is no kdumptool here"},
	{"KDUMP_NETCONFIG", .translate = network, .standard = STANDARD("auto")},
	{"KDUMP_NET_TIMEOUT",
	 .why = "what a target may take is bounded by TimeoutSec=, then the next one is tried",
	 .standard = STANDARD("30")},
	{"KDUMP_SMTP_SERVER", .why = NO_MAIL},
	{"KDUMP_SMTP_USER", .why = NO_MAIL},
	{"KDUMP_SMTP_PASSWORD", .why = NO_MAIL, .secret = true},
	{"KDUMP_NOTIFICATION_TO", .why = NO_MAIL},
	{"KDUMP_NOTIFICATION_CC", .why = NO_MAIL},
	{"KDUMP_HOST_KEY",
	 .why = "host keys are in files of known hosts, see 'ukdumpctl propagate'"},
	{"KDUMP_SSH_HOST_KEY",
	 .why = "host keys are in files of known hosts, see 'ukdumpctl propagate'"},
	{"KDUMP_SSH_IDENTITY", .translate = identity},
};

const struct rules suse_rules = {rules, ARRAY_SIZE(rules)};
