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

static const char *save_path(const struct import *im)
{
	const char *path = import_value(im, "path");

	return path ? path : DEFAULT_PATH;
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
	_free_ char *target = NULL;

	if (l->fate != IMPORT_TRANSLATED || !action || strcmp(action, "dump_to_rootfs") != 0)
		return 0;
	if (asprintf(&target, "file:%s", save_path(im)) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	return import_set(im, l, "Dump", "Target", target, e);
}

static int file_system(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *target = NULL;
	int r;

	if (asprintf(&target, "%s:%s", l->value, save_path(im)) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	if (strpbrk(l->value, " \t"))
		return import_drop(l, e, "blanks in the name of a device; use its UUID=");
	r = import_set(im, l, "Dump", "Target", target, e);
	return r < 0 ? r : add_root(im, l, e);
}

static int virtiofs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *target = NULL;
	int r;

	if (asprintf(&target, "virtiofs://%s%s", l->value, save_path(im)) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	r = import_set(im, l, "Dump", "Target", target, e);
	return r < 0 ? r : add_root(im, l, e);
}

static int nfs(struct import *im, struct import_line *l, struct ukd_error *e)
{
	int r = import_nfs(im, l, save_path(im), e);

	return r < 0 ? r : add_root(im, l, e);
}

static int ssh(struct import *im, struct import_line *l, struct ukd_error *e)
{
	int r = import_ssh(im, l, l->value, save_path(im), e);

	return r < 0 ? r : add_root(im, l, e);
}

/* Part of a target, or one itself. */
static int path(struct import *im, struct import_line *l, struct ukd_error *e)
{
	static const char *const targets[] = {"ext4", "xfs", "btrfs", "nfs", "ssh", "virtiofs"};
	_free_ char *target = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!import_value(im, targets[i]))
			continue;
		l->fate = IMPORT_TRANSLATED;
		return import_remark(l, e, "part of Target=");
	}
	if (strpbrk(l->value, " \t"))
		return import_drop(l, e, "a path of Target= has no blanks");
	if (asprintf(&target, "file:%s", l->value) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	return import_set(im, l, "Dump", "Target", target, e);
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

static int ssh_key(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Network", "SshKey", l->value, e);
}

static int modules(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Image", "Modules", l->value, e);
}

static int kernel(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_set(im, l, "Image", "Kernel", l->value, e);
}

static int cmdline(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline(im, l, "KDUMP_COMMANDLINE_APPEND", e);
}

static int cmdline_append(struct import *im, struct import_line *l, struct ukd_error *e)
{
	return import_cmdline_append(im, l, "KDUMP_COMMANDLINE", e);
}

#define NO_DEPRECATED "kdumpctl itself refuses it"
#define NO_FENCING    "the capture environment has no fence_kdump_send"
#define NO_LOG_LEVEL  "there is one level of messages, in the journal"
#define NO_BOOT_DIR   "a kernel is found by its version; Kernel= takes a path, too"
#define NO_EXT4	      "only ext4, xfs and btrfs are mounted in the capture environment"

static const struct rule rules[] = {
	/* /etc/kdump.conf */
	{"ext4", file_system, NULL, NULL, false},
	{"xfs", file_system, NULL, NULL, false},
	{"btrfs", file_system, NULL, NULL, false},
	{"ext2", NULL, NO_EXT4, NULL, false},
	{"ext3", NULL, NO_EXT4, NULL, false},
	{"minix", NULL, NO_EXT4, NULL, false},
	{"virtiofs", virtiofs, NULL, NULL, false},
	{"raw", NULL, "a dump is a file: make a file system there and name it in Target=", NULL,
	 false},
	{"nfs", nfs, NULL, NULL, false},
	{"ssh", ssh, NULL, NULL, false},
	{"sshkey", ssh_key, NULL, STANDARD("/root/.ssh/kdump_id_rsa"), false},
	{"path", path, NULL, STANDARD(DEFAULT_PATH), false},
	{"core_collector", core_collector, NULL,
	 STANDARD("makedumpfile -l --message-level 7 -d 31",
		  "makedumpfile -l --message-level 1 -d 31",
		  "makedumpfile -F -l --message-level 7 -d 31"),
	 false},
	{"kdump_pre", pre, "if it fails, that is recorded, and the dump is written all the same",
	 NULL, false},
	{"kdump_post", post,
	 "it has no argument but UKDUMP_STATE in its environment, and changes "
	 "no outcome",
	 NULL, false},
	{"kdump_emergency", failure, NULL, NULL, false},
	{"pre.d", pre, NULL, NULL, false},
	{"post.d", post, "it has no argument but UKDUMP_STATE in its environment", NULL, false},
	{"emergency.d", failure, NULL, NULL, false},
	{"extra_bins", NULL,
	 "a hook is taken along with its libraries or its interpreter, and nothing else is", NULL,
	 false},
	{"extra_modules", modules, NULL, NULL, false},
	{"failure_action", on_failure, NULL, STANDARD("reboot"), false},
	{"default", on_failure, NULL, STANDARD("reboot"), false},
	{"final_action", on_success, NULL, STANDARD("reboot"), false},
	{"force_rebuild", NULL, "an image is built when what went into it has changed, see refresh",
	 STANDARD("0"), false},
	{"force_no_rebuild", NULL,
	 "an image follows what went into it; to stop that: systemctl disable "
	 "ukdump-refresh.path ukdump-refresh.timer",
	 STANDARD("0"), false},
	{"override_resettable", NULL, "no target is refused for that", STANDARD("0"), false},
	{"dracut_args", NULL,
	 "the image is not dracut's usual initrd: modules are Modules=, a --mount is a Target=",
	 NULL, false},
	{"fence_kdump_args", NULL, NO_FENCING, NULL, false},
	{"fence_kdump_nodes", NULL, NO_FENCING, NULL, false},
	{"auto_reset_crashkernel", NULL,
	 "crashkernel= is changed only when somebody calls 'ukdumpctl reserve'", NULL, false},
	{"net", NULL, NO_DEPRECATED ": nfs or ssh", NULL, false},
	{"options", NULL, NO_DEPRECATED ": write MODULE.OPTION=VALUE into CommandLineAppend=", NULL,
	 false},
	{"link_delay", NULL, NO_DEPRECATED ": the network is waited for", NULL, false},
	{"disk_timeout", NULL, NO_DEPRECATED ": the disk is waited for", NULL, false},
	{"debug_mem_level", NULL, NO_DEPRECATED ": the record has the memory's peak", NULL, false},
	{"blacklist", NULL, NO_DEPRECATED ": only modules that the target needs are there", NULL,
	 false},
	/* /etc/sysconfig/kdump */
	{"KDUMP_KERNELVER", kernel, NULL, NULL, false},
	{"KDUMP_COMMANDLINE", cmdline, NULL, NULL, false},
	{"KDUMP_COMMANDLINE_REMOVE", NULL,
	 "nothing of the running kernel's command line is taken but its console", NULL, false},
	{"KDUMP_COMMANDLINE_APPEND", cmdline_append, NULL, NULL, false},
	{"FADUMP_COMMANDLINE_APPEND", NULL, "firmware-assisted dumps are POWER's", NULL, false},
	{"KEXEC_ARGS", NULL, "kexec(8) is not used: an image is loaded by one system call",
	 STANDARD("-s"), false},
	{"KDUMP_BOOTDIR", NULL, NO_BOOT_DIR, STANDARD("/boot"), false},
	{"KDUMP_IMG", NULL, NO_BOOT_DIR, STANDARD("vmlinuz"), false},
	{"KDUMP_IMG_EXT", NULL, NO_BOOT_DIR, NULL, false},
	{"VMCORE_CREATION_NOTIFICATION", NULL, "'ukdumpctl status' always tells of the last test",
	 STANDARD("yes"), false},
	{"KDUMP_STDLOGLVL", NULL, NO_LOG_LEVEL, NULL, false},
	{"KDUMP_SYSLOGLVL", NULL, NO_LOG_LEVEL, NULL, false},
	{"KDUMP_KMSGLOGLVL", NULL, NO_LOG_LEVEL, NULL, false},
};

const struct rules fedora_rules = {rules, ARRAY_SIZE(rules)};
