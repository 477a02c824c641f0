/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access keys in the form of ~/.aws/credentials. */
#pragma once

#include "base/bytes.h"
#include "util/error.h"

struct credentials {
	char id[129];
	char secret[129];
	char token[8193]; /* of a temporary key, else empty */
};

/*
 * Takes aws_access_key_id, aws_secret_access_key and aws_session_token of the section [default];
 * other sections and names are passed over. name is for messages. Refuses (check "credentials")
 * what has no key.
 */
int credentials_parse(struct bytes text, const char *name, struct credentials *ret,
		      struct ukd_error *e) _must_check_;
