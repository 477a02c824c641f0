// SPDX-License-Identifier: GPL-2.0-or-later
/* Debian and Ubuntu: /etc/default/kdump-tools, options of kdump-tools 1.5.7 to 1.10.9. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rules.h"
#include "util/cleanup.h"

#define DEFAULT_DIR "/var/crash"

static const char *core_dir(const struct import *im)
{
	const char *dir = import_value(im, "KDUMP_COREDIR");

	return dir ? dir : DEFAULT_DIR;
}

static int directory(struct import *im, struct import_line *l, struct ukd_error *e)
{
	if (import_value(im, "SSH")) {
		l->fate = IMPORT_TRANSLATED;
		return import_remark(l, e, "part of Target=");
	}
	if (import_value(im, "NFS"))
		return import_drop(l, e, "only where the server was mounted meanwhile");
	return import_file(im, l, l->value, e);
}

static int nfs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_nfs(im, l, "", e);
}

static int ssh(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_ssh(im, l, l->value, core_dir(im), e);
}

static int makedumpfile(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_makedumpfile(im, l, l->value, true, e);
}

/*
 * A line of a shell; the few that mean one of our actions. An echo before it, as in the example of
 * the package's own file, is no part of it; it ends at the first semicolon.
 */
static int fail_command(struct import *im, struct import_line *l, struct ukd_error *e)
{
	const char *after = strchr(l->value, ';'), *command = l->value;
	static const char *const known[][2] = {
		{"reboot", "reboot"},	     {"poweroff", "poweroff"},
		{"poweroff -f", "poweroff"}, {"halt", "halt"},
		{"halt -f", "halt"},	     {"halt -p", "poweroff"},
		{"/bin/bash", "shell"},	     {"/bin/sh", "shell"},
		{"bash", "shell"},	     {"/bin/bash; reboot -f", "shell"},
	};

	if (after && !strncmp(command, "echo ", 5))
		command = after + 1 + strspn(after + 1, " ");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(command, known[i][0]))
			return import_action(im, l, "OnFailure", known[i][1], e);
	return import_drop(l, e,
			   "a line of a shell: make it a program for Failure=, or choose an "
			   "OnFailure=");
}

#define NO_FTP	 "there is no FTP: use ssh://, https:// or s3://"
#define NO_RETRY "what a target may take is bounded by TimeoutSec=, then the next one is tried"

static const struct rule rules[] = {
	{"USE_KDUMP",
	 .why = "it said: do nothing; systemctl disable --now ukdump.service does that",
	 .standard = STANDARD("1")},
	{"KDUMP_KERNEL", .section = "Image", .key = "Kernel",
	 .standard = STANDARD("/var/lib/kdump/vmlinuz")},
	{"KDUMP_INITRD", .why = "the capture initrd is built into the image",
	 .standard = STANDARD("/var/lib/kdump/initrd.img")},
	{"KDUMP_COREDIR", .translate = directory, .standard = STANDARD(DEFAULT_DIR)},
	{"KDUMP_FAIL_CMD", .translate = fail_command, .standard = STANDARD("reboot -f")},
	{"KDUMP_DUMP_DMESG", .why = "the kernel log is always saved, and first",
	 .standard = STANDARD("1")},
	{"KDUMP_NUM_DUMPS", .section = "Store", .key = "Keep"},
	{"KDUMP_COMPRESSION",
	 .why = "pages are compressed in the dump, where tools can read them: Compress="},
	{"MAKEDUMP_ARGS", .translate = makedumpfile,
	 .standard = STANDARD("-c -d 31", "-F -c -d 31")},
	{"KDUMP_KEXEC_ARGS", .why = "kexec(8) is not used: an image is loaded by one system call"},
	{"KDUMP_CMDLINE", .translate = import_cmdline},
	{"KDUMP_CMDLINE_APPEND", .translate = import_cmdline_append},
	{"KDUMP_SYSCTL", .section = "Arm", .key = "Sysctl",
	 .standard = STANDARD("kernel.panic_on_oops=1")},
	{"HOSTTAG", .why = "a dump's directory is named by its time and the machine's id"},
	{"NFS", .translate = nfs},
	{"NFS_TIMEO", .why = NO_RETRY, .standard = STANDARD("600")},
	{"NFS_RETRANS", .why = NO_RETRY, .standard = STANDARD("3")},
	{"NFS_MOUNT_RETRY", .why = NO_RETRY, .standard = STANDARD("4")},
	{"FTP", .why = NO_FTP},
	{"FTP_USER", .why = NO_FTP},
	{"FTP_PASSWORD", .why = NO_FTP, .secret = true},
	{"FTP_PORT", .why = NO_FTP, .standard = STANDARD("21")},
	{"SSH", .translate = ssh},
	{"SSH_KEY", .section = "Network", .key = "SshKey",
	 .standard = STANDARD("/root/.ssh/kdump_id_rsa")},
	{"SSH_KDUMP_RETRY", .why = NO_RETRY, .standard = STANDARD("16")},
};

const struct rules debian_rules = {rules, ARRAY_SIZE(rules)};
