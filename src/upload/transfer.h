/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One transfer by libcurl, for http.c and many.c. */
#pragma once

#include <curl/curl.h>
#include <sha2.h>

#include "upload/http.h"

/* What is the same for all requests. */
struct transfer_setup {
	const struct http_options *o;
	const struct remote *place;
	struct curl_slist *headers; /* the user's */
	uint64_t deadline_ms;
	bool last; /* a signal does not end it: this is the cleaning up */
};

int transfer_setup(const struct http_options *o, const struct remote *place,
		   struct transfer_setup *ret, struct ukd_error *e) _must_check_;
void transfer_setup_free(struct transfer_setup *s);

/* That of an open h. */
const struct transfer_setup *http_setup(const struct http *h);

/* One that runs; begun by transfer_begin(), released by transfer_end(). Private. */
struct transfer {
	const struct transfer_setup *s;
	const struct request *rq;
	struct reply *reply;
	CURL *easy;
	struct curl_slist *list; /* its headers */
	char text[CURL_ERROR_SIZE];
	size_t sent;	     /* bytes of rq->content->data */
	uint64_t headers;    /* bytes of headers so far */
	SHA2_CTX sha;	     /* of what was written to rq->out_fd */
	curl_off_t moved;    /* bytes sent and received, at the last look */
	uint64_t moved_ms;   /* when that changed last */
	struct ukd_error *e; /* set by a callback that ends the transfer */
	bool broken;	     /* e is set, and nothing but e tells why */
	bool stalled;
};

/*
 * Prepares easy for the request; curl_easy_perform(), or a multi handle, then runs it. All that is
 * given stays where it is until transfer_end(), ret too.
 */
int transfer_begin(CURL *easy, const struct transfer_setup *s, const struct request *rq,
		   struct reply *reply, struct transfer *ret, struct ukd_error *e) _must_check_;

/*
 * After libcurl's verdict. Returns 0 if a reply came, whatever it says; else negative, and
 * *ret_pass tells whether the same may succeed later.
 */
int transfer_end(struct transfer *t, CURLcode code, bool *ret_pass) _must_check_;
