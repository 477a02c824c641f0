/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificates in a signature as the kernel walks them, from the signer upwards, before it
 * looks at any key of its own: pkcs7_verify_sig_chain() (crypto/asymmetric_keys/pkcs7_verify.c, 4.7
 * to 7.2). An authority key id with issuer and serial number names the next certificate by these,
 * else one with a key id by that; other certificates are never looked at.
 */
#pragma once

#include "auth/signature.h"

/*
 * Refuses (check "auth.chain") a signature that the kernel rejects for its certificates: the one
 * that an authority key id names has another key id, or has not signed; a root, wherever it stands,
 * has not signed itself (x509_check_for_self_signed()). A chain builder that tries every
 * certificate of that name, or needs no root, would find another way. Before that
 * kernel_cert_check() of every certificate.
 */
int embedded_check(const struct signature *s, struct ukd_error *e) _must_check_;

/* Fills in embedded and n_embedded. */
void embedded_describe(const struct signature *s, struct auth_result *res);
