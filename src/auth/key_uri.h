/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a private key is named: the path of a file, or a URI that an OpenSSL store understands. */
#pragma once

#include <stdbool.h>

#include "util/error.h"

/* "pkcs11:..." and the like. A path with a slash in front of the colon is a path, so is file:. */
bool key_is_uri(const char *key);

/* The scheme is pkcs11, in whichever case. */
bool key_is_pkcs11(const char *key);

/* The path that a key which is no URI means: without "file:" and "file://". Borrowed. */
const char *key_path(const char *key);

/*
 * Refuses (check "key.pin") a PKCS#11 URI (RFC 7512) that holds the PIN itself, however the name of
 * the attribute is spelled: it would be for all to see in argv, and stay in settings and logs.
 * Refuses (check "key.mode") one whose pin-source is a file that others can read.
 */
int key_uri_check(const char *uri, struct ukd_error *e) _must_check_;
