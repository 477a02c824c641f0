/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets on other machines, and Proxy=: SCHEME://[USER@]HOST[:PORT][/PATH], SCHEME one of nfs,
 * ssh, https, s3 and http. Stricter than RFC 3986: nothing is escaped, and only characters that
 * mean themselves to a shell, to ssh and to mount options count.
 */
#pragma once

#include <stdint.h>

#include "util/error.h"

#define URL_HOST_MAX 256

struct url {
	char scheme[8];
	char user[64];		 /* ssh: never empty; else empty */
	char host[URL_HOST_MAX]; /* a name, or an address without brackets; s3: of the endpoint */
	unsigned int port;	 /* the scheme's own if none is given */
	char path[1024]; /* nfs, ssh: absolute, without "..", no slash at its end but in "/" */
};

/*
 * Takes a target apart. Refuses (check "target") what is not of this form; the message has the
 * reason alone, callers say what it is about. For s3:// host and port are those of endpoint=, else
 * Amazon's of region= (default us-east-1). Paths of https:// and s3:// have escapes and a grammar
 * of their own (upload/remote.h) and are not looked at.
 */
int url_parse(const char *text, struct url *ret, struct ukd_error *e) _must_check_;
