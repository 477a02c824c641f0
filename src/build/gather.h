/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and reads what an image is made of, inside a root directory. */
#pragma once

#include "build/build.h"
#include "util/root.h"

#define KVER_MAX       128
#define KERNEL_RUNNING "running" /* words of Kernel= */
#define KERNEL_NEWEST  "newest"
#define PART_MAX \
	MIB(1024) /* no kernel or initrd is larger; keeps a wrong file from eating memory */

/*
 * The kernel version to build for: wanted if not NULL, else the running one for the system's own
 * root, else the newest that is installed. The words "running" and "newest" say it outright. Checks
 * that it is a plain name.
 */
int find_kernel_version(const struct root *root, const char *wanted, char ret[KVER_MAX],
			struct ukd_error *e) _must_check_;

#define KERNEL_PATH_MAX 256
#define EFI_STUB_PATH	"/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

/* /usr/lib/modules/KVER/vmlinuz, else /boot/vmlinuz-KVER; false: neither is there. */
bool find_kernel(const struct root *root, const char *kver, char ret[KERNEL_PATH_MAX]);

/* The same, or -ENOENT. */
int need_kernel(const struct root *root, const char *kver, char ret[KERNEL_PATH_MAX],
		struct ukd_error *e) _must_check_;

/* Reads the file that find_kernel() finds. */
int read_kernel(const struct root *root, const char *kver, struct buffer *ret,
		struct ukd_error *e) _must_check_;

/* Reads /etc/os-release, else /usr/lib/os-release. */
int read_os_release(const struct root *root, struct buffer *ret, struct ukd_error *e) _must_check_;

/* Reads systemd-stub; *ret stays empty if it is not installed. */
int read_efi_stub(const struct root *root, struct buffer *ret, struct ukd_error *e) _must_check_;

/*
 * The version that the kernel file itself names ("6.12.107+deb13-amd64", the first word of its
 * version string); empty if it names none, or none that could be a directory of modules.
 */
void kernel_own_version(struct bytes kernel, char ret[KVER_MAX]);

struct command_line_spec {
	const char *line;   /* NULL: the built-in default */
	const char *append; /* NULL: nothing */
	bool fleet;	    /* for another machine: not the consoles of this one */
	bool need_panic;    /* add panic=1 where no panic= is */
	/* Threads=: the default line has as many processors. */
	unsigned int threads;
};

/*
 * The capture command line: the line, for the default one also the running kernel's console=
 * parameters, what is appended. ret is a heap string.
 */
int make_command_line(const struct root *root, const struct command_line_spec *spec, char **ret,
		      struct ukd_error *e) _must_check_;

/* Is it among the words of the line? One that ends with '=': with any value. */
bool command_line_has(const char *line, const char *word);
