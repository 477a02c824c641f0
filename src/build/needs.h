/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the capture environment must have inside: collected from the settings, target by target,
 * and then turned into an initrd (initrd.h). All decisions about the content of an image are made
 * here, in C, where they can be tested; the dracut modules copy what they are told.
 *
 * Functions that add say what is missing (check "target" or "build.settings"), since what fails
 * silently here is noticed on the day of the crash.
 */
#pragma once

#include "build/luks.h"
#include "build/modules.h"
#include "build/storage.h"
#include "build/target.h"
#include "conf/settings.h"
#include "util/url.h"

struct need_file {
	char *path; /* in the image, absolute */
	mode_t mode;
	struct buffer content;
};

/* Kernel modules that are loaded only if something asks for them: modules-NAME.list. */
struct need_list {
	char name[32];
	struct buffer drivers;
};

struct needs {
	/* Given. Borrowed. */
	const struct root *root;
	const struct settings *settings;
	const char *kver;
	bool fleet;			 /* for another machine: nothing of this one inside */
	const char *images;		 /* the directory where the image will lie, inside root */
	const struct luks_key *luks_key; /* not NULL: a new key, which no image has yet */
	/* Told what goes in, such as the drivers for a target: lines for people. NULL: nobody. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;

	/* Collected. */
	struct module_tree *tree;
	struct strings dracut;	   /* dracut's own modules; any at all: the full environment */
	struct strings programs;   /* names or absolute paths, come with their libraries */
	struct strings parameters; /* for dracut's modules, such as rd.lvm.lv=vg/lv */
	struct strings hosts;	   /* to be reached over a network */
	struct strings facts;	   /* lines of build.conf (ukdump-capture(8)) */
	struct strings sources;	   /* files of the root that go in; see sources.h */
	struct buffer drivers;	   /* modules.list */
	/*
	 * Its end: disks appear when their drivers are loaded, and what is to be made of them at
	 * once has to be there then.
	 */
	struct buffer disk_drivers;
	/* An archive in front of dracut's with keys: they are in no file of the host. */
	struct buffer secrets;
	char luks_uuid[LUKS_UUID_MAX]; /* the device that the key in it opens, or empty */
	bool confidential;	       /* keys or passwords for servers are among the files */
	struct need_list *lists;
	unsigned int n_lists;
	struct strings hardware; /* "ALIAS LIST": which devices ask for which list */
	struct need_file *files;
	unsigned int n_files;
};

/* Fills the collected part for all settings. needs_free() releases it, also after a failure. */
int needs_collect(struct needs *n, struct ukd_error *e) _must_check_;
void needs_free(struct needs *n);
#define _needs_ _cleanup_(needs_free)

void needs_note(const struct needs *n, const char *fmt, ...) _printf_(2, 3);

/* For the kinds. Each thing is added once, however often it is asked for. */

/* One of dracut's own modules, by name. */
int need_dracut(struct needs *n, const char *module, struct ukd_error *e) _must_check_;
/* A kernel module and what it depends on. 1: there or built in, 0: this kernel has none. */
int need_driver(struct needs *n, const char *name, struct ukd_error *e) _must_check_;
/* The same, and it must be there. */
int need_driver_strictly(struct needs *n, const char *name, struct ukd_error *e) _must_check_;
/* The same, into modules-LIST.list instead of the list that is always loaded. */
int need_driver_in_list(struct needs *n, const char *list, const char *name,
			struct ukd_error *e) _must_check_;
/*
 * Drivers for a machine that is not known: each is loaded only if a device is there that asks for
 * it, which saves the memory of all others. scsi: takes along what turns a SCSI unit into a disk.
 */
int need_driver_by_hardware(struct needs *n, const char *name, bool scsi,
			    struct ukd_error *e) _must_check_;
/* A driver that makes disks appear: loaded after all others. Returns as need_driver(). */
int need_disk_driver(struct needs *n, const char *name, struct ukd_error *e) _must_check_;
/* Does the root's dracut have a module of this name? */
bool need_has_dracut(const struct needs *n, const char *module);
/*
 * A program with its libraries, and a script's interpreter: a name is looked for where programs
 * are and goes to /usr/bin, an absolute path is kept. -ENOENT if it is not installed in the root.
 */
int need_program(struct needs *n, const char *name, struct ukd_error *e) _must_check_;
int need_parameter(struct needs *n, struct ukd_error *e, const char *fmt, ...)
	_printf_(3, 4) _must_check_;
int need_fact(struct needs *n, struct ukd_error *e, const char *fmt, ...)
	_printf_(3, 4) _must_check_;
/* A file with this content; the content is copied. */
int need_file(struct needs *n, const char *path, struct bytes content, mode_t mode,
	      struct ukd_error *e) _must_check_;
/* The same, behind what the file has already. */
int need_file_more(struct needs *n, const char *path, struct bytes content, mode_t mode,
		   struct ukd_error *e) _must_check_;
/* A copy of a file of the root, at most max bytes; the name of the setting is for messages. */
int need_copy(struct needs *n, const char *setting, const char *from, const char *path, mode_t mode,
	      size_t max, struct ukd_error *e) _must_check_;

/*
 * The same, of a key or password for a server: refused (check "target") where others may read the
 * file. Goes into the image with mode 0600 and makes that confidential.
 */
int need_secret(struct needs *n, const char *setting, const char *from, const char *path,
		struct ukd_error *e) _must_check_;

/*
 * A host to be reached over a network: a name or an address, IPv6 without brackets. What leads
 * there is worked out once for all hosts, by need_network_setup(), which needs_collect() calls.
 */
int need_network(struct needs *n, const char *host, struct ukd_error *e) _must_check_;
int need_network_setup(struct needs *n, struct ukd_error *e) _must_check_;
/* The drivers of the hardware watchdog: first in the list, so that it is kept alive early. */
int need_watchdog(struct needs *n, struct ukd_error *e) _must_check_;
/* What happens around the dump and at the end: hooks, a shell, EFI variables. */
int need_ends(struct needs *n, struct ukd_error *e) _must_check_;

/* The kinds of target, one function each; index counts Target= from 0. */
int need_virtiofs(struct needs *n, const char *target, unsigned int index,
		  struct ukd_error *e) _must_check_;
int need_nfs(struct needs *n, const char *target, unsigned int index,
	     struct ukd_error *e) _must_check_;
int need_ssh(struct needs *n, const char *target, unsigned int index,
	     struct ukd_error *e) _must_check_;
/* Who we are for this server, and who it is: a key that opens, and a host key that is known. */
int need_ssh_identity(struct needs *n, const struct url *u, struct ukd_error *e) _must_check_;
/* The second half of it: is a host key of the server known? */
int need_ssh_known_host(struct needs *n, const struct url *u, struct ukd_error *e) _must_check_;
/* The private key file: SshKey=, or the usual one that is there. NULL: none is. */
const char *need_ssh_key_file(const struct needs *n);
/* How files of known hosts write the server: "HOST", or "[HOST]:PORT". */
void need_ssh_host_name(const struct url *u, char *ret, size_t size);
/* Where 'ukdumpctl propagate' puts them. */
#define SSH_KEY_FILE	"/etc/ukdump/keys/ssh"
#define SSH_KNOWN_HOSTS "/etc/ukdump/known_hosts"
int need_disk(struct needs *n, const char *target, unsigned int index,
	      struct ukd_error *e) _must_check_;
int need_upload(struct needs *n, const char *target, unsigned int index,
		struct ukd_error *e) _must_check_;
int need_exec(struct needs *n, const char *target, unsigned int index,
	      struct ukd_error *e) _must_check_;

/* What EncryptTo= asks for. */
int need_encrypt(struct needs *n, struct ukd_error *e) _must_check_;

/*
 * A disk behind an iSCSI session: the network to its portal, the login. Refuses (check "target")
 * values that are no line of a file.
 */
int need_iscsi(struct needs *n, const struct layer *l, unsigned int target,
	       struct ukd_error *e) _must_check_;

/* What lies between a disk target and the disks, from the bottom up. */
int need_storage(struct needs *n, const struct storage *s, unsigned int target,
		 struct ukd_error *e) _must_check_;
