/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's X.509 parser (crypto/asymmetric_keys/x509_cert_parser.c, 6.1 to 7.2) demands of
 * every certificate in a signature, needed or not: one that it rejects spoils the signature.
 * libcrypto looks only at those that it uses. Found by tests/differential in a guest.
 */
#pragma once

#include "auth/ossl.h"

/*
 * Refuses (check "auth.certificates") an embedded certificate that the kernel's parser rejects: its
 * algorithms, dates, names, public key, or an extension that the parser looks into. Where versions
 * differ, the strictest. Also one whose key would be slow to use (key_has_kernel_size()).
 */
int kernel_cert_check(const X509 *cert, struct ukd_error *e) _must_check_;
