/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP requests by libcurl: TLS 1.2 or later and always verified, no redirects, no proxy but the
 * given one (the environment's is not looked at), every wait limited, replies bounded, repeats of
 * what may succeed later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "upload/credentials.h"
#include "upload/input.h"
#include "upload/remote.h"
#include "util/file.h"

/* Bytes of headers, and of a body that is not the content asked for. */
#define REPLY_HEADERS_MAX KIB(64)
#define REPLY_BODY_MAX	  MIB(1)

struct http_options {
	const char *ca_file;	    /* PEM; NULL: the system's authorities */
	const char *proxy;	    /* NULL: none */
	const char *netrc;	    /* file; NULL: none */
	struct bytes headers;	    /* further header lines */
	bool insecure_http;	    /* http:// is allowed */
	uint64_t deadline_ms;	    /* of everything; see clock_ms() */
	unsigned int stall_s;	    /* a transfer in which nothing moves so long is given up */
	unsigned int retries;	    /* of one request */
	unsigned int retry_wait_ms; /* before the first repeat; see retry_wait_ms() */
	struct credentials *s3;	    /* NULL: no S3 */
};

struct http;

/* Options and the place are borrowed. *ret is released by http_close(). */
int http_open(const struct http_options *o, const struct remote *place, struct http **ret,
	      struct ukd_error *e) _must_check_;
void http_close(struct http *h);
static inline void http_closep(struct http **h)
{
	http_close(*h);
}
#define _http_ _cleanup_(http_closep)

/* Repeats so far. */
unsigned int http_repeats(const struct http *h);

/* One more request, for cleaning up: with its own time limit, and also after a signal. */
void http_last_request(struct http *h, uint64_t deadline_ms);

/* Content to send: what is kept in memory, then, unless rest is NULL, what is read from there. */
struct content {
	const void *data;
	size_t len;
	struct input *rest;
};

struct request {
	const char *method;
	const char *url;
	const struct content *content; /* NULL: none */
	const char *type;	       /* Content-Type; NULL: none */
	/* The outermost element of a good reply; a reply without it is an error even with 200. */
	const char *expect;
	int out_fd;	   /* the body of a good reply is written there; 0: kept in struct reply */
	bool only_once;	   /* no repeats */
	size_t body_max;   /* of what is kept; 0: REPLY_BODY_MAX */
	uint64_t limit_ms; /* of one try; 0: none but the one of everything */
	const char *shown; /* what messages call it; NULL: the place */
};

struct reply {
	long status; /* 0: there was none */
	char etag[256];
	struct buffer body;
	uint64_t written; /* to out_fd */
	char sha256[65];  /* of that */
};

void reply_free(struct reply *r);
#define _reply_ _cleanup_(reply_free)

/*
 * What came of one try, r being what transfer_end() returned: 0 for a good reply (2xx), else
 * negative, e one line as below, and *pass (given with what transfer_end() said) tells whether the
 * same may succeed later.
 */
int http_outcome(const struct remote *place, const struct request *rq, const struct reply *reply,
		 int r, bool *pass, struct ukd_error *e) _must_check_;

/*
 * Does one request, and again while it fails for a reason that may pass, the retries are not used
 * up, there is time, and the content can be sent from its start once more. Returns 0 for a good
 * reply (2xx); else negative (-EREMOTEIO: the server's refusal; *ret has its status) and e has one
 * line: method, place, what happened, what to do. ret is to be released in any case.
 */
int http_request(struct http *h, const struct request *rq, struct reply *ret,
		 struct ukd_error *e) _must_check_;
