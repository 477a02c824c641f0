/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A good signature, for tests of PKCS#7 blobs that are not. */
#pragma once

#include "fixture_pki.h"

extern X509 *signer; /* RSA-2048, valid from yesterday to tomorrow */
extern struct buffer good;

/* Group fixtures: these two. */
int signature_begin(void **state);
int signature_end(void **state);

/* Fails the test unless exactly this check refuses der; NULL: it must be accepted. */
void expect(const char *what, struct bytes der, const char *check);
