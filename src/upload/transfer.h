/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One transfer by libcurl, for http.c alone. */
#pragma once

#include <curl/curl.h>

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

/*
 * Does the request once. Returns 0 if a reply came, whatever it says; else negative, and *ret_pass
 * tells whether the same may succeed later.
 */
int transfer(CURL *easy, const struct transfer_setup *s, const struct request *rq,
	     struct reply *ret, bool *ret_pass, struct ukd_error *e) _must_check_;
