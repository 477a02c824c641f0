/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens private keys where they are kept: PEM files and OpenSSL stores (tokens). */
#pragma once

#include "auth/ossl.h"

/*
 * Before a private key is read or made: no core dumps (util/secret.h), and libcrypto's secure heap,
 * which is locked in memory where the limits allow it, left out of dumps and cleared when released.
 */
int key_secrets_begin(struct ukd_error *e) _must_check_;

enum key_asking {
	KEY_ASK,   /* a passphrase or PIN is asked for, once */
	KEY_PROBE, /* never; tokens are not opened */
};

/*
 * key as for auth_key_load(). With KEY_PROBE returns 1, and *ret is NULL, for a key that only a
 * passphrase or a token could open. Refuses with the checks "key.mode", "key.directory", "key.pin".
 */
int private_key_open(const struct root *root, const char *key, enum key_asking asking,
		     EVP_PKEY **ret, struct ukd_error *e) _must_check_;
