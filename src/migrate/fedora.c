// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fedora, RHEL and those built from it: /etc/kdump.conf and /etc/sysconfig/kdump, options of
 * kexec-tools 2.0.7 (RHEL 7) to kdump-utils 1.0.61. Names of the two files do not overlap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rules.h"
#include "util/cleanup.h"

#define DEFAULT_PATH "/var/crash"

/* The directory below what is mounted there, on the heap; NULL: no memory. */
static char *save_path(const struct import *im)
{
	const char *path = import_value(im, "path");
	char *ret;

	if (!path)
		path = DEFAULT_PATH;
	return asprintf(&ret, "%s%s", *path == '/' ? "" : "/", path) < 0 ? NULL : ret;
}

static const char *failure_action(const struct import *im)
{
	const char *action = import_value(im, "failure_action");

	return action ? action : import_value(im, "default");
}

/* Behind the target: failure_action dump_to_rootfs names a second one. */
static int add_root(struct import *im, struct import_line *l, struct ukd_error *e)
{
	const char *action = failure_action(im);
	_free_ char *dir = NULL;

	if (l->fate != IMPORT_TRANSLATED || !action || strcmp(action, "dump_to_rootfs") != 0)
		return 0;
	dir = save_path(im);
	return dir ? import_file(im, l, dir, e) : ukd_oom(e);
}

/* Double quotes in a device's name, as blkid(8) prints them, are taken out there, too. */
static int file_system(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *target = NULL, *dir = save_path(im);
	size_t n = 0;
	int r;

	if (!dir || asprintf(&target, "%s:%s", l->value, dir) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	if (strpbrk(l->value, " \t"))
		return import_drop(l, e, "blanks in the name of a device; use its UUID=");
	for (const char *c = target; *c; c++)
		if (*c != '"')
			target[n++] = *c;
	target[n] = 0;
	r = import_set(im, l, "Dump", "Target", target, e);
	return r < 0 ? r : add_root(im, l, e);
}

static int virtiofs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *target = NULL, *dir = save_path(im);
	int r;

	if (!dir || asprintf(&target, "virtiofs://%s%s", l->value, dir) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	r = import_set(im, l, "Dump", "Target", target, e);
	return r < 0 ? r : add_root(im, l, e);
}

static int nfs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *dir = save_path(im);
	int r = dir ? import_nfs(im, l, dir, e) : ukd_oom(e);

	return r < 0 ? r : add_root(im, l, e);
}

static int ssh(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *dir = save_path(im);
	int r = dir ? import_ssh(im, l, l->value, dir, e) : ukd_oom(e);

	return r < 0 ? r : add_root(im, l, e);
}

/* Part of a target, or one itself. */
static int path(struct import *im, struct import_line *l, struct ukd_error *e)
{
	static const char *const targets[] = {"ext4", "xfs", "btrfs", "nfs", "ssh", "virtiofs"};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!import_value(im, targets[i]))
			continue;
		l->fate = IMPORT_TRANSLATED;
		return import_remark(l, e, "part of Target=");
	}
	return import_file(im, l, l->value, e);
}

static int core_collector(struct import *im, struct import_line *l, struct ukd_error *e)
{
	size_t n = strcspn(l->value, " \t"), begin = n;
	int r;

	while (begin && l->value[begin - 1] != '/')
		begin--;
	if (n - begin == 12 && !strncmp(l->value + begin, "makedumpfile", 12))
		return import_makedumpfile(im, l, l->value + n, true, e);
	r = import_set(im, l, "Dump", "DumpLevel", "0", e);
	if (r >= 0)
		r = import_set(im, l, "Dump", "Compress", "none", e);
	return r < 0 ? r :
		       import_remark(
			       l, e,
			       "makedumpfile is the only collector: this is the whole memory, as "
			       "a copy has it");
}

static int on_failure(struct import *im, struct import_line *l, struct ukd_error *e)
{
	if (strcmp(l->value, "dump_to_rootfs") != 0)
		return import_action(im, l, "OnFailure", l->value, e);
	l->fate = IMPORT_TRANSLATED;
	return import_remark(l, e, "the root file system is the last one of Target=");
}

static int on_success(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_action(im, l, "OnSuccess", l->value, e);
}

/* What it removes from the running kernel's command line is not there; from a line of one's own it
 * is. */
static int cmdline_remove(struct import *im, struct import_line *l, struct ukd_error *e)
{
	static const char why[] =
		"nothing of the running kernel's command line is taken but its console";

	if (import_value(im, "KDUMP_COMMANDLINE"))
		return import_drop(l, e, "remove these words from CommandLine= by hand");
	return strstr(l->value, "console") ? import_drop(l, e, "%s", why) :
					     import_default(l, e, "%s", why);
}

static int pre(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_program(im, l, "Pre", e);
}

static int failure(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_program(im, l, "Failure", e);
}

/* There it runs whatever came of the dump. */
static int post(struct import *im, struct import_line *l, struct ukd_error *e)
{
	int r = import_program(im, l, "Post", e);

	return r < 0 || l->fate != IMPORT_TRANSLATED ? r : import_program(im, l, "Failure", e);
}

#define NO_DEPRECATED "kdumpctl itself refuses it"
#define NO_FENCING    "the capture environment has no fence_kdump_send"
#define NO_LOG_LEVEL  "there is one level of messages, in the journal"
#define NO_BOOT_DIR   "a kernel is found by its version; Kernel= takes a path, too"
#define NO_EXT4	      "only ext4, xfs and btrfs are mounted in the capture environment"

static const struct rule rules[] = {
	/* /etc/kdump.conf */
	{"ext4", .translate = file_system},
	{"xfs", .translate = file_system},
	{"btrfs", .translate = file_system},
	{"ext2", .why = NO_EXT4},
	{"ext3", .why = NO_EXT4},
	{"minix", .why = NO_EXT4},
	{"virtiofs", .translate = virtiofs},
	{"raw", .why = "a dump is a file: make a file system there and name it in Target="},
	{"nfs", .translate = nfs},
	{"ssh", .translate = ssh},
	{"sshkey", .section = "Network", .key = "SshKey",
	 .standard = STANDARD("/root/.ssh/kdump_id_rsa")},
	{"path", .translate = path, .standard = STANDARD(DEFAULT_PATH)},
	{"core_collector", .translate = core_collector,
	 .standard = STANDARD("makedumpfile -l --message-level 7 -d 31",
			      "makedumpfile -l --message-level 1 -d 31",
			      "makedumpfile -F -l --message-level 7 -d 31")},
	{"kdump_pre", .translate = pre,
	 .why = "if it fails, that is recorded, and the dump is written all the same"},
	{"kdump_post", .translate = post,
	 .why = "it has no argument but UKDUMP_STATE in its environment, and changes "
		"no outcome"},
	{"kdump_emergency", .translate = failure},
	{"pre.d", .translate = pre},
	{"post.d", .translate = post,
	 .why = "it has no argument but UKDUMP_STATE in its environment"},
	{"emergency.d", .translate = failure},
	{"extra_bins",
	 .why = "a hook is taken along with its libraries or its interpreter, and nothing else is"},
	{"extra_modules", .section = "Image", .key = "Modules"},
	{"failure_action", .translate = on_failure, .standard = STANDARD("reboot")},
	{"default", .translate = on_failure, .standard = STANDARD("reboot")},
	{"final_action", .translate = on_success, .standard = STANDARD("reboot")},
	{"force_rebuild",
	 .why = "an image is built when what went into it has changed, see refresh",
	 .standard = STANDARD("0")},
	{"force_no_rebuild",
	 .why = "an image follows what went into it; to stop that: systemctl disable "
		"ukdump-refresh.path ukdump-refresh.timer",
	 .standard = STANDARD("0")},
	{"override_resettable", .why = "no target is refused for that", .standard = STANDARD("0")},
	{"dracut_args",
	 .why = "the image is not dracut's usual initrd: modules are Modules=, a --mount is a Target="},
	{"fence_kdump_args", .why = NO_FENCING},
	{"fence_kdump_nodes", .why = NO_FENCING},
	{"auto_reset_crashkernel",
	 .why = "crashkernel= is changed only when somebody calls 'ukdumpctl reserve'"},
	{"net", .why = NO_DEPRECATED ": nfs or ssh"},
	{"options", .why = NO_DEPRECATED ": write MODULE.OPTION=VALUE into CommandLineAppend="},
	{"link_delay", .why = NO_DEPRECATED ": the network is waited for"},
	{"disk_timeout", .why = NO_DEPRECATED ": the disk is waited for"},
	{"debug_mem_level", .why = NO_DEPRECATED ": the record has the memory's peak"},
	{"blacklist", .why = NO_DEPRECATED ": only modules that the target needs are there"},
	/* /etc/sysconfig/kdump */
	{"KDUMP_KERNELVER", .section = "Image", .key = "Kernel"},
	{"KDUMP_COMMANDLINE", .translate = import_cmdline},
	{"KDUMP_COMMANDLINE_REMOVE", .translate = cmdline_remove},
	{"KDUMP_COMMANDLINE_APPEND", .translate = import_cmdline_append},
	{"FADUMP_COMMANDLINE_APPEND", .why = "firmware-assisted dumps are POWER's"},
	{"KEXEC_ARGS", .why = "kexec(8) is not used: an image is loaded by one system call",
	 .standard = STANDARD("-s")},
	{"KDUMP_BOOTDIR", .why = NO_BOOT_DIR, .standard = STANDARD("/boot")},
	{"KDUMP_IMG", .why = NO_BOOT_DIR, .standard = STANDARD("vmlinuz")},
	{"KDUMP_IMG_EXT", .why = NO_BOOT_DIR},
	{"VMCORE_CREATION_NOTIFICATION", .why = "'ukdumpctl status' always tells of the last test",
	 .standard = STANDARD("yes")},
	{"KDUMP_STDLOGLVL", .why = NO_LOG_LEVEL},
	{"KDUMP_SYSLOGLVL", .why = NO_LOG_LEVEL},
	{"KDUMP_KMSGLOGLVL", .why = NO_LOG_LEVEL},
};

const struct rules fedora_rules = {rules, ARRAY_SIZE(rules)};
