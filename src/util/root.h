/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root directory that everything under /proc, /sys, /boot and /etc is opened relative to, so
 * that `--root DIR` and the tests' fixture trees are one mechanism.
 *
 * Paths are given as usual ("/proc/cmdline").
 * With a root other than "/" a symbolic link inside the tree resolves inside the tree
 * (openat2 RESOLVE_IN_ROOT, Linux 5.6).
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/file.h"

struct root {
	int fd;		  /* O_PATH directory */
	const char *path; /* as the user gave it, for messages; "" for "/" */
};

#define ROOT_NONE        \
	{                \
		.fd = -1 \
	}

/* Opens dir (NULL or "/": the running system). path is borrowed. */
int root_open(const char *dir, struct root *ret, struct ukd_error *e) _must_check_;
void root_close(struct root *root);
#define _root_ _cleanup_(root_close)

/* openat(2) with flags inside the root. Returns a descriptor or -errno. */
int root_openat(const struct root *root, const char *path, int flags) _must_check_;

/* Opens a directory inside the root for reading. NULL: errno. */
DIR *root_opendir(const struct root *root, const char *path) _must_check_;

bool root_exists(const struct root *root, const char *path);

/*
 * For writing below root->fd, which plain *at() calls do not confine: refuses (check "root.link")
 * a directory of a tree that is reached through a symbolic link. One that does not exist is fine,
 * and in the running system every link is the administrator's own.
 */
int root_check_plain(const struct root *root, const char *path, struct ukd_error *e) _must_check_;

/* As file_read(), inside the root. -ENOENT if it is not there. */
int root_read(const struct root *root, const char *path, size_t max, struct buffer *ret,
	      struct ukd_error *e) _must_check_;

/* A decimal number and newline, as sysfs prints it. */
int root_read_u64(const struct root *root, const char *path, uint64_t *ret,
		  struct ukd_error *e) _must_check_;

/*
 * `uname -r` of the kernel that runs in this root: the running kernel's for "/", else the content
 * of the tree's /proc/sys/kernel/osrelease (fixtures have one; an unpacked guest tree does not).
 */
int root_kernel_release(const struct root *root, char *ret, size_t size,
			struct ukd_error *e) _must_check_;
