/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host key: what `build` signs with where no other key is set (docs/KEYS.md). */
#pragma once

#include "util/root.h"

#define HOST_KEY   "/etc/ukdump/keys/local.key"
#define HOST_CERT  "/etc/ukdump/keys/local.crt"
#define HOST_TRUST "/etc/ukdump/trust.d/local.crt"

/*
 * Returns 1 after it made key and certificate and trusts the certificate, 0 if they were there.
 * Refuses (check "key.host") a key without its certificate: a new one would need to be enrolled
 * anew, and would overwrite the old.
 */
int host_key_ensure(const struct root *root, struct ukd_error *e) _must_check_;

/* False if the host's certificate is not among the anchors, so that `start` will refuse. */
bool host_key_trusted(const struct root *root);
