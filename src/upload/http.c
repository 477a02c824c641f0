// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests and their repeats: see http.h. What one transfer does is in transfer.c.
 */
#include "upload/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upload/explain.h"
#include "upload/transfer.h"
#include "util/clock.h"
#include "util/log.h"

struct http {
	struct transfer_setup setup;
	const struct http_options *o;
	const struct remote *place;
	CURL *easy; /* one handle: connections are used again */
	unsigned int repeats;
};

int http_open(const struct http_options *o, const struct remote *place, struct http **ret,
	      struct ukd_error *e)
{
	struct http *h;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ukd_fail(e, -EIO, "libcurl cannot be used");
	h = calloc(1, sizeof(*h));
	if (!h)
		return ukd_oom(e);
	h->o = o;
	h->place = place;
	h->easy = curl_easy_init();
	r = h->easy ? transfer_setup(o, place, &h->setup, e) : ukd_oom(e);
	if (r < 0) {
		http_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	transfer_setup_free(&h->setup);
	curl_easy_cleanup(h->easy);
	free(h);
	curl_global_cleanup();
}

unsigned int http_repeats(const struct http *h)
{
	return h->repeats;
}

const struct transfer_setup *http_setup(const struct http *h)
{
	return &h->setup;
}

void http_last_request(struct http *h, uint64_t deadline_ms)
{
	h->setup.deadline_ms = deadline_ms;
	h->setup.last = true;
}

void reply_free(struct reply *r)
{
	buffer_free(&r->body);
}

static const char *shown(const struct remote *place, const struct request *rq)
{
	return rq->shown ? rq->shown : place->shown;
}

/* A reply that is none of the good ones: one line about it. Returns whether it may pass. */
static bool explain_reply(const struct remote *place, const struct request *rq,
			  const struct reply *reply, struct ukd_error *e)
{
	bool good = reply->status >= 200 && reply->status < 300;
	struct s3_error s3 = {0};
	const char *advice;

	if (place->kind == REMOTE_S3)
		s3_error_read(buffer_bytes(&reply->body), &s3);
	advice = status_advice(reply->status, s3.code);
	if (good && !s3.code[0])
		advice = "is this an S3 server?";
	(void)ukd_fail(e, -EREMOTEIO, "%s %s: HTTP %ld%s%s%s%s", rq->method, shown(place, rq),
		       reply->status, *s3.code ? " " : "", s3.code, *s3.message ? ": " : "",
		       s3.message);
	if (good && !s3.code[0])
		(void)ukd_fail(e, -EREMOTEIO, "%.400s, but no <%s>", e->text, rq->expect);
	if (advice)
		(void)ukd_fail(e, -EREMOTEIO, "%.400s; %s", e->text, advice);
	return good ? s3_code_is_temporary(s3.code) : status_is_temporary(reply->status);
}

static bool is_good(const struct request *rq, const struct reply *reply)
{
	return reply->status >= 200 && reply->status < 300 &&
	       (!rq->expect || xml_root_is(buffer_bytes(&reply->body), rq->expect));
}

int http_outcome(const struct remote *place, const struct request *rq, const struct reply *reply,
		 int r, bool *pass, struct ukd_error *e)
{
	if (r < 0)
		return ukd_prefix(e, "%s %s", rq->method, shown(place, rq));
	if (is_good(rq, reply))
		return 0;
	*pass = explain_reply(place, rq, reply, e);
	return e->code;
}

static bool rewind_content(const struct content *c)
{
	return !c || !c->rest || input_rewind(c->rest);
}

/* Waits before a repeat. Returns false if the time limit or a signal comes first. */
static bool wait_ms(const struct http *h, unsigned int ms)
{
	uint64_t until = clock_ms() + ms;

	while (clock_ms() < until) {
		uint64_t left = until - clock_ms();

		if (stop_wanted() || clock_ms() >= h->setup.deadline_ms)
			return false;
		(void)poll(NULL, 0, left < 200 ? (int)left : 200);
	}
	return true;
}

static int try_once(struct http *h, const struct request *rq, struct reply *ret, bool *pass,
		    struct ukd_error *e)
{
	struct transfer t;
	int r = transfer_begin(h->easy, &h->setup, rq, ret, &t, e);

	if (r == 0)
		r = transfer_end(&t, curl_easy_perform(h->easy), pass);
	return http_outcome(h->place, rq, ret, r, pass, e);
}

int http_request(struct http *h, const struct request *rq, struct reply *ret, struct ukd_error *e)
{
	for (unsigned int n = 0;; n++) {
		bool may_pass = false;

		reply_free(ret);
		*ret = (struct reply){0};
		if (rq->content && rq->content->rest)
			input_mark(rq->content->rest);
		if (try_once(h, rq, ret, &may_pass, e) == 0)
			return 0;
		if (!may_pass || rq->only_once || n >= h->o->retries || ret->written)
			return e->code;
		if (!rewind_content(rq->content))
			return ukd_fail(e, e->code,
					"%.400s; a stream that broke off cannot be sent again",
					e->text);
		log_info("%s; trying again", e->text);
		if (!wait_ms(h, retry_wait_ms(h->o->retry_wait_ms, n)))
			return e->code;
		h->repeats++;
	}
}
