/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signing key of kernel-install's uki.conf, which ukify(1) reads, systemd 254 and later. */
#pragma once

#include "util/root.h"

#define UKI_CONF_VALUE_MAX 1024

struct uki_conf {
	const char *path;	       /* the file that counts, a literal; NULL: none */
	char key[UKI_CONF_VALUE_MAX];  /* SecureBootPrivateKey=, empty if not set */
	char cert[UKI_CONF_VALUE_MAX]; /* SecureBootCertificate= */
	char tool[32], engine[64], provider[64], certificate_provider[64];
};

/*
 * Reads the first uki.conf of /etc/kernel, /run/kernel, /usr/local/lib/kernel and /usr/lib/kernel,
 * as 60-ukify.install does; only its section [UKI]. What else is in it is ukify's, and overlooked.
 */
int uki_conf_read(const struct root *root, struct uki_conf *ret, struct ukd_error *e) _must_check_;

/* Why this key is not one for us: NULL if it is. */
const char *uki_conf_unsupported(const struct uki_conf *c);
