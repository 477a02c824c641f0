/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets that name a host, taken apart: nfs:// ssh:// https:// s3://; also Proxy=. */
#pragma once

#include <stdint.h>

#include "util/error.h"

#define URI_HOST_MAX 256

struct uri {
	char scheme[8];
	char user[64];		 /* empty if not given */
	char host[URI_HOST_MAX]; /* without the brackets of an IPv6 address; s3: of the endpoint */
	char port[6];		 /* decimal, the scheme's default if not given */
	const char *path; /* in the target's text: from the "/" behind the host; may be empty */
};

/*
 * Takes a target apart; text is borrowed. Refuses (check "target") one without a host, with
 * characters that no host name or address has, or with a bad port. For s3:// host and port are
 * those of endpoint=, else Amazon's of region= (default us-east-1).
 */
int uri_parse(const char *text, struct uri *ret, struct ukd_error *e) _must_check_;
