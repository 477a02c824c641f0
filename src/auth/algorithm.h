/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the algorithms that we accept the running kernel can compute. */
#pragma once

#include "auth/auth.h"

/*
 * The kernel's name of the first algorithm of the first signature that the running kernel certainly
 * lacks ("ecdsa-nist-p256"), NULL if there is none or it cannot be known.
 *
 * Sources: x509_cert_parser.c and pkcs7_parser.c know P-256 and P-384 since 5.13, P-521 since 6.10;
 * RSA and SHA-256 are selected by CONFIG_SYSTEM_DATA_VERIFICATION. Debian's kernels, by their
 * config files: 6.1 has no CONFIG_CRYPTO_ECDSA, and SHA-384/512 as a module; 6.12 and 7.2 have all
 * of them built in.
 */
const char *kernel_lacks(const struct root *root, const struct auth_result *auth);
