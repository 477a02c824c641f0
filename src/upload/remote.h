/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where something goes to or comes from: the URL of the command line, taken apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define URL_MAX 4096

enum remote_kind {
	REMOTE_HTTP,
	REMOTE_S3,
};

struct remote {
	enum remote_kind kind;
	char url[URL_MAX];    /* what is requested, percent-encoded */
	char shown[512];      /* for messages: without a query, printable */
	char bucket[URL_MAX]; /* S3: the URL of the bucket, ends in '/' */
	char key[1025];	      /* S3: the object's name, not encoded; may be empty */
	char region[65];      /* S3 */
};

/*
 * https://HOST[:PORT]/PATH, percent-encoded already; http:// only with insecure. Or
 * s3://BUCKET/KEY?endpoint=https://HOST[:PORT]&region=NAME, both optional; the key counts as it
 * stands, and nothing in it is an escape. With an endpoint: path style, ENDPOINT/BUCKET/KEY;
 * without Amazon's own, https://BUCKET.s3.REGION.amazonaws.com/KEY (path style if the bucket's name
 * has a dot, which no wildcard certificate matches). Refuses (check "url") user names and passwords
 * in the URL, fragments, "." and ".." as parts of the path, and everything that is not printable
 * ASCII.
 */
int remote_parse(const char *text, bool insecure, struct remote *ret,
		 struct ukd_error *e) _must_check_;

/*
 * URL and name for messages of another object in the place's bucket. remote_object() returns false
 * for a key that libcurl would change ('.' or '..' in it), or that is too long.
 */
bool remote_object(const struct remote *p, const char *key, char *ret, size_t size) _must_check_;
void remote_shown(const struct remote *p, const char *key, char *ret, size_t size);

/*
 * Percent-encodes s as SigV4 wants it (all but letters, digits and "-._~"; '/' too, unless it is
 * kept). Returns false if ret is too small.
 */
bool percent_encode(const char *s, bool keep_slash, char *ret, size_t size) _must_check_;
