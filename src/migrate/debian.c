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
	_free_ char *target = NULL;

	if (import_value(im, "SSH")) {
		l->fate = IMPORT_TRANSLATED;
		return import_remark(l, e, "part of Target=");
	}
	if (import_value(im, "NFS"))
		return import_drop(l, e, "only where the server was mounted meanwhile");
	if (strpbrk(l->value, " \t"))
		return import_drop(l, e, "a path of Target= has no blanks");
	if (asprintf(&target, "file:%s", l->value) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	return import_set(im, l, "Dump", "Target", target, e);
}

static int nfs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_nfs(im, l, "", e);
}

static int ssh(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_ssh(im, l, l->value, core_dir(im), e);
}

static int ssh_key(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Network", "SshKey", l->value, e);
}

static int kernel(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Image", "Kernel", l->value, e);
}

static int keep(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Store", "Keep", l->value, e);
}

static int makedumpfile(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_makedumpfile(im, l, l->value, true, e);
}

static int sysctl(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Arm", "Sysctl", l->value, e);
}

static int cmdline(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline(im, l, "KDUMP_CMDLINE_APPEND", e);
}

static int cmdline_append(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline_append(im, l, "KDUMP_CMDLINE", e);
}

/* A line of a shell; the few that mean one of our actions. */
static int fail_command(struct import *im, struct import_line *l, struct ukd_error *e)
{
	static const char *const known[][2] = {
		{"reboot", "reboot"},	     {"poweroff", "poweroff"},
		{"poweroff -f", "poweroff"}, {"halt", "halt"},
		{"halt -f", "halt"},	     {"halt -p", "poweroff"},
		{"/bin/bash", "shell"},	     {"/bin/sh", "shell"},
		{"bash", "shell"},	     {"/bin/bash; reboot -f", "shell"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(l->value, known[i][0]))
			return import_action(im, l, "OnFailure", known[i][1], e);
	return import_drop(l, e,
			   "a line of a shell: make it a program for Failure=, or choose an "
			   "OnFailure=");
}

#define NO_FTP	 "there is no FTP: use ssh://, https:// or s3://"
#define NO_RETRY "what a target may take is bounded by TimeoutSec=, then the next one is tried"

static const struct rule rules[] = {
	{"USE_KDUMP", NULL, "it said: do nothing; systemctl disable --now ukdump.service does that",
	 STANDARD("1"), false},
	{"KDUMP_KERNEL", kernel, NULL, STANDARD("/var/lib/kdump/vmlinuz"), false},
	{"KDUMP_INITRD", NULL, "the capture initrd is built into the image",
	 STANDARD("/var/lib/kdump/initrd.img"), false},
	{"KDUMP_COREDIR", directory, NULL, STANDARD(DEFAULT_DIR), false},
	{"KDUMP_FAIL_CMD", fail_command, NULL, STANDARD("reboot -f"), false},
	{"KDUMP_DUMP_DMESG", NULL, "the kernel log is always saved, and first", STANDARD("1"),
	 false},
	{"KDUMP_NUM_DUMPS", keep, NULL, NULL, false},
	{"KDUMP_COMPRESSION", NULL,
	 "pages are compressed in the dump, where tools can read them: Compress=", NULL, false},
	{"MAKEDUMP_ARGS", makedumpfile, NULL, STANDARD("-c -d 31", "-F -c -d 31"), false},
	{"KDUMP_KEXEC_ARGS", NULL, "kexec(8) is not used: an image is loaded by one system call",
	 NULL, false},
	{"KDUMP_CMDLINE", cmdline, NULL, NULL, false},
	{"KDUMP_CMDLINE_APPEND", cmdline_append, NULL, NULL, false},
	{"KDUMP_SYSCTL", sysctl, NULL, STANDARD("kernel.panic_on_oops=1"), false},
	{"HOSTTAG", NULL, "a dump's directory is named by its time and the machine's id", NULL,
	 false},
	{"NFS", nfs, NULL, NULL, false},
	{"NFS_TIMEO", NULL, NO_RETRY, STANDARD("600"), false},
	{"NFS_RETRANS", NULL, NO_RETRY, STANDARD("3"), false},
	{"NFS_MOUNT_RETRY", NULL, NO_RETRY, STANDARD("4"), false},
	{"FTP", NULL, NO_FTP, NULL, false},
	{"FTP_USER", NULL, NO_FTP, NULL, false},
	{"FTP_PASSWORD", NULL, NO_FTP, NULL, true},
	{"FTP_PORT", NULL, NO_FTP, STANDARD("21"), false},
	{"SSH", ssh, NULL, NULL, false},
	{"SSH_KEY", ssh_key, NULL, STANDARD("/root/.ssh/kdump_id_rsa"), false},
	{"SSH_KDUMP_RETRY", NULL, NO_RETRY, STANDARD("16"), false},
};

const struct rules debian_rules = {rules, ARRAY_SIZE(rules)};
