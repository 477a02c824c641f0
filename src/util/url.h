/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets on other machines: SCHEME://[USER@]HOST[:PORT]/PATH. Stricter than RFC 3986: nothing is
 * escaped, and only characters that mean themselves to a shell, to ssh and to mount options count.
 */
#pragma once

#include "util/error.h"

struct url {
	char user[64];	   /* empty: none */
	char host[256];	   /* a name, or an address without brackets */
	unsigned int port; /* 0: none */
	char path[1024];   /* absolute, without "..", no slash at its end but in "/" */
};

/* Refuses (check "target") what is not of this form; prefix is "nfs://" or its like. */
int url_parse(const char *text, const char *prefix, struct url *ret,
	      struct ukd_error *e) _must_check_;
