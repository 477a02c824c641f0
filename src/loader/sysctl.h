/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel parameters of Sysctl= (ukdump.conf(5)), which are set while an image is armed. */
#pragma once

#include "conf/conf.h"
#include "util/root.h"

/* What they were before, a line each: file below /proc/sys, old value, value as set, with tabs. */
#define SYSCTL_FILE "/run/ukdump/sysctl"

/* Writes value to a file below /proc/sys. */
int sysctl_write(const struct root *root, const char *path, const char *value,
		 struct ukd_error *e) _must_check_;

/*
 * Sets every one of wanted ("NAME=VALUE", as the settings are checked to be) and remembers in
 * SYSCTL_FILE what it was before the first time; puts back what is remembered and no longer wanted.
 * Goes on after a failure; e: the first one.
 */
int sysctl_apply(const struct root *root, const struct strings *wanted,
		 struct ukd_error *e) _must_check_;

/*
 * Puts back what SYSCTL_FILE remembers, except what somebody else has set to another value since,
 * and removes the file.
 */
int sysctl_restore(const struct root *root, struct ukd_error *e) _must_check_;
