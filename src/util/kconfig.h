/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a kernel was built with, as far as its config file is installed. */
#pragma once

#include "util/root.h"

enum kconfig_value {
	KCONFIG_UNKNOWN, /* there is no config file */
	KCONFIG_NO,
	KCONFIG_MODULE,
	KCONFIG_YES,
};

struct kconfig {
	struct buffer text; /* data NULL: there is no config file */
};

/*
 * Reads /boot/config-V (Debian up to trixie, Ubuntu, SUSE), else /usr/lib/modules/V/config (Debian
 * from forky on, Fedora). /proc/config.gz is not looked at. No such file is no error.
 */
void kconfig_read(const struct root *root, struct kconfig *ret); /* the running kernel's */
void kconfig_read_version(const struct root *root, const char *kver, struct kconfig *ret);
void kconfig_free(struct kconfig *k);
#define _kconfig_ _cleanup_(kconfig_free)

/* option: without CONFIG_. A value that is neither y nor m (a text, a number) is KCONFIG_NO. */
enum kconfig_value kconfig_get(const struct kconfig *k, const char *option);
