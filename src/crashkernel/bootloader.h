/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the kernel command line of this machine is kept, and crashkernel= in there. Facts are read,
 * a pure function decides which writer it is, and a writer makes a plan: at most one file, and
 * programs to run afterwards. A plan can be shown instead of being carried out. Everything is
 * relative to a root; programs of a tree are run in it.
 */
#pragma once

#include <stdbool.h>

#include "util/file.h"
#include "util/root.h"

enum boot_method {
	BOOT_NONE, /* nobody we know how to tell; the line to add is printed */
	BOOT_GRUBBY,
	BOOT_GRUB,	     /* a drop-in of /etc/default/grub.d, and update-grub */
	BOOT_KERNEL_INSTALL, /* /etc/kernel/cmdline, and kernel-install for every kernel */
	BOOT_ADDON,	     /* systemd-stub adds it to the UKI, whose command line is sealed */
};

#define BOOT_PROGRAM_MAX 64

/* Programs as absolute paths, empty: not there. */
struct boot_facts {
	char loader[128]; /* EFI variable LoaderInfo: "systemd-boot 257.8-1", "GRUB 2.12" */
	char stub[128];	  /* StubInfo; empty: no systemd-stub started the kernel */
	bool stub_addons; /* StubFeatures: it takes command lines of addons (systemd 254) */
	char uki[512];	  /* StubImageIdentifier, with slashes: "/EFI/Linux/x.efi"; or empty */
	char grubby[BOOT_PROGRAM_MAX];
	char update_grub[BOOT_PROGRAM_MAX];
	char grub_mkconfig[BOOT_PROGRAM_MAX]; /* also under its name grub2-mkconfig */
	char kernel_install[BOOT_PROGRAM_MAX];
	bool grub_dropins; /* grub-mkconfig reads /etc/default/grub.d, as in Debian and Ubuntu */
	bool grub_cfg;	   /* /boot/grub/grub.cfg */
	bool entries;	   /* entries of the Boot Loader Specification, type 1 */
};

void boot_facts_read(const struct root *root, struct boot_facts *ret);

/* Pure. ret_why: in words what decided, a literal. */
enum boot_method boot_choose(const struct boot_facts *f, const char **ret_why);

/* "grubby", "grub", "kernel-install", "addon"; "none" */
const char *boot_method_name(enum boot_method m);

#define BOOT_COMMANDS_MAX 16
#define BOOT_ARGS_MAX	  8
#define BOOT_NOTES_MAX	  8

struct boot_command {
	char *argv[BOOT_ARGS_MAX]; /* NULL-terminated, heap */
};

struct boot_plan {
	enum boot_method method;
	/* The file; path NULL: none. before NULL: it is not there; after NULL: it goes. */
	char *path, *before, *after;
	mode_t mode;
	struct boot_command command[BOOT_COMMANDS_MAX];
	unsigned int n_commands;
	char *replaced; /* crashkernel= words that stood there before, or NULL */
	/* What people should know, such as whose crashkernel= does not count any more. */
	char note[BOOT_NOTES_MAX][256];
	unsigned int n_notes;
	/* False: it is as it should be, nothing is run. The caller sets it to have it done anyway. */
	bool changes;
};

void boot_plan_free(struct boot_plan *p);
#define _boot_plan_ _cleanup_(boot_plan_free)

/*
 * The writers. words: what to put in, such as "crashkernel=1G,high crashkernel=256M,low"; "": take
 * out what an earlier call put in. *ret is zeroed by the caller but for changes, and freed, also
 * after a failure.
 */
int boot_plan_grub(const struct root *root, const struct boot_facts *f, const char *words,
		   struct boot_plan *ret, struct ukd_error *e) _must_check_;
int boot_plan_kernel_install(const struct root *root, const struct boot_facts *f, const char *words,
			     struct boot_plan *ret, struct ukd_error *e) _must_check_;
/* Asks grubby what there is. Refuses (check "reserve.grubby") several words: it keeps the last. */
int boot_plan_grubby(const struct root *root, const struct boot_facts *f, const char *words,
		     struct boot_plan *ret, struct ukd_error *e) _must_check_;

/*
 * The directory in which systemd-stub looks for addons for any UKI, "/efi/loader/addons": on the
 * file system that the running UKI is on. Refuses (check "reserve.esp") if it is mounted nowhere.
 */
int boot_addon_directory(const struct root *root, const struct boot_facts *f, char *ret,
			 size_t size, struct ukd_error *e) _must_check_;

/*
 * Writes the file and runs the programs; one that fails puts the old file back. Programs' output
 * goes to stderr.
 */
int boot_apply(const struct root *root, const struct boot_plan *p,
	       struct ukd_error *e) _must_check_;

/*
 * /var/lib/ukdump/reserve: what --undo needs where the file alone does not tell, and whether the
 * programs have come to their end, without which the file says what no boot loader knows.
 */
struct boot_record {
	enum boot_method method; /* BOOT_NONE: there is no record */
	char before[1024]; /* crashkernel= words that stood there before the first `reserve` */
	bool pending;	   /* the last change was not completed */
};

int boot_record_read(const struct root *root, struct boot_record *ret,
		     struct ukd_error *e) _must_check_;
int boot_record_write(const struct root *root, const struct boot_record *record,
		      struct ukd_error *e) _must_check_;
int boot_record_remove(const struct root *root, struct ukd_error *e) _must_check_;

/* For the writers. */
int boot_plan_command(struct boot_plan *p, struct ukd_error *e,
		      const char *const *argv) _must_check_;
void boot_plan_note(struct boot_plan *p, const char *fmt, ...) _printf_(2, 3);
/* A text file as heap string; *ret stays NULL where there is none. */
int boot_read_text(const struct root *root, const char *path, char **ret,
		   struct ukd_error *e) _must_check_;
