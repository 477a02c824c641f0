// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many small objects: see upload.h. A window of objects moves over the keys: those in it wait, run,
 * wait for a repeat, or are there; the first one leaves when it is written. So results come in the
 * order of the keys, and what is in memory has a limit.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "upload/explain.h"
#include "upload/transfer.h"
#include "upload/upload.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define KEYS_MAX      MIB(64)
#define WINDOW	      64 /* of OBJECT_MAX each: 16 MiB */
#define RUNNING_MAX   16
#define TRY_LIMIT_MS  60000
#define FAILED_IN_ROW 16 /* then it is the server, not an object */
#define TOLD_MAX      8	 /* failures that are told one by one */
#define POLL_MAX_MS   1000

enum object_state {
	OBJECT_WAITS,
	OBJECT_RUNS,
	OBJECT_DONE,
};

struct object {
	enum object_state state;
	const char *key;    /* borrowed */
	uint64_t due_ms;    /* of the next try */
	unsigned int tries; /* so far */
	bool good;
	bool telling; /* that it is not to be had may be the server's failure */
	char url[URL_MAX], shown[512];
	struct request rq;
	struct reply reply;
	struct transfer transfer;
	struct ukd_error e;
	CURL *easy;
};

struct many {
	struct transfer_setup setup; /* a copy: waiting for the reader moves its deadline */
	CURLM *multi;
	char *rest;		    /* keys to come */
	struct object *v;	    /* WINDOW of them */
	unsigned int first, n;	    /* those in use: v[first], then n - 1 more, in a circle */
	unsigned int running;	    /* transfers */
	unsigned int failed_in_row; /* objects, as far as that tells of the server */
	size_t got, failed;	    /* objects */
	char head[1100];	    /* what goes before v[first]'s content */
	size_t sent;		    /* of that and the content; 0: head is not made yet */
};

static void many_free(struct many *m)
{
	bool ignored;

	for (unsigned int i = 0; m->v && i < WINDOW; i++) {
		struct object *o = &m->v[i];

		if (o->state == OBJECT_RUNS) {
			(void)curl_multi_remove_handle(m->multi, o->easy);
			(void)!transfer_end(&o->transfer, CURLE_ABORTED_BY_CALLBACK, &ignored);
		}
		reply_free(&o->reply);
		curl_easy_cleanup(o->easy);
	}
	free(m->v);
	(void)curl_multi_cleanup(m->multi);
}

static struct object *at(const struct many *m, unsigned int i)
{
	return &m->v[(m->first + i) % WINDOW];
}

static bool has_more_keys(const struct many *m)
{
	return m->rest && *m->rest;
}

/* The window takes what keys it has room for. */
static void take_keys(struct many *m)
{
	const struct remote *place = m->setup.place;

	while (m->n < WINDOW && has_more_keys(m)) {
		char *key = strsep(&m->rest, "\n");
		struct object *o;

		if (!*key)
			continue;
		o = at(m, m->n++);
		o->key = key;
		o->state = OBJECT_WAITS;
		o->due_ms = 0;
		o->tries = 0;
		o->good = o->telling = false;
		remote_shown(place, key, o->shown, sizeof(o->shown));
		o->rq = (struct request){.method = "GET",
					 .url = o->url,
					 .body_max = OBJECT_MAX,
					 .limit_ms = TRY_LIMIT_MS,
					 .shown = o->shown};
		if (!remote_object(place, key, o->url, sizeof(o->url))) {
			o->state = OBJECT_DONE;
			(void)ukd_fail(&o->e, -EINVAL, "%s: no name that can be asked for",
				       o->shown);
		}
	}
}

static int begin(struct many *m, struct object *o, struct ukd_error *e)
{
	int r;

	if (!o->easy)
		o->easy = curl_easy_init();
	if (!o->easy)
		return ukd_oom(e);
	reply_free(&o->reply);
	o->reply = (struct reply){0};
	r = transfer_begin(o->easy, &m->setup, &o->rq, &o->reply, &o->transfer, &o->e);
	if (r < 0)
		return ukd_fail(e, r, "%s", o->e.text);
	(void)curl_easy_setopt(o->easy, CURLOPT_PRIVATE, o);
	o->state = OBJECT_RUNS;
	o->tries++;
	m->running++;
	return curl_multi_add_handle(m->multi, o->easy) == CURLM_OK ? 0 : ukd_oom(e);
}

/* Starts what is due. */
static int begin_due(struct many *m, struct ukd_error *e)
{
	uint64_t now = clock_ms();
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < m->n && m->running < RUNNING_MAX; i++)
		if (at(m, i)->state == OBJECT_WAITS && at(m, i)->due_ms <= now)
			r = begin(m, at(m, i), e);
	return r;
}

/* Is something still to be learnt before the window moves? */
static bool is_pending(const struct many *m)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (at(m, i)->state != OBJECT_DONE)
			return true;
	return m->n < WINDOW && has_more_keys(m);
}

/* This one is not to be had. What is gone, or too large, says nothing about the next one. */
static int give_up(struct many *m, struct object *o, struct ukd_error *e)
{
	bool last = !is_pending(m) && !has_more_keys(m);

	o->telling = o->reply.status != 404 && o->e.code != -EMSGSIZE;
	m->failed_in_row += o->telling;
	if (!o->telling || (m->failed_in_row < FAILED_IN_ROW && (m->got || m->failed || !last)))
		return 0;
	return ukd_fail(e, o->e.code, "%.400s; so it went %u times in a row", o->e.text,
			m->failed_in_row);
}

static int finish(struct many *m, struct object *o, CURLcode code, struct ukd_error *e)
{
	const struct http_options *h = m->setup.o;
	bool pass = false;
	int r = transfer_end(&o->transfer, code, &pass);

	m->running--;
	o->state = OBJECT_DONE;
	r = http_outcome(m->setup.place, &o->rq, &o->reply, r, &pass, &o->e);
	if (r == 0) {
		o->good = true;
		m->got++;
		m->failed_in_row = 0;
		return 0;
	}
	if (stop_wanted() || clock_ms() >= m->setup.deadline_ms)
		return ukd_fail(e, r, "%s", o->e.text);
	if (!pass || o->tries > h->retries)
		return give_up(m, o, e);
	o->state = OBJECT_WAITS;
	o->due_ms = clock_ms() + retry_wait_ms(h->retry_wait_ms, o->tries - 1);
	return 0;
}

/* Takes what libcurl is done with. */
static int finish_all(struct many *m, struct ukd_error *e)
{
	CURLMsg *message;
	int left, r = 0;

	while (r == 0 && (message = curl_multi_info_read(m->multi, &left))) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		struct object *o;

		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&o);
		(void)curl_multi_remove_handle(m->multi, easy);
		r = finish(m, o, code, e);
	}
	return r;
}

/* A failure is held back until another object tells that it is not the server's. */
static bool first_is_ready(const struct many *m)
{
	const struct object *o = at(m, 0);

	return m->n && o->state == OBJECT_DONE &&
	       (!o->telling || !m->failed_in_row || !is_pending(m));
}

/* What goes before the first object's content. */
static void make_head(struct many *m, const struct object *o)
{
	if (o->good) {
		(void)snprintf(m->head, sizeof(m->head), "%zu\t%.1024s\n", o->reply.body.len,
			       o->key);
		return;
	}
	(void)snprintf(m->head, sizeof(m->head), "-\t%.1024s\n", o->key);
	if (m->failed++ < TOLD_MAX)
		log_warning("%s", o->e.text);
}

/* Writes a piece of the first object, as much as a pipe that poll(2) calls writable surely takes. */
static int write_piece(struct many *m, struct ukd_error *e)
{
	struct object *o = at(m, 0);
	const struct buffer *body = &o->reply.body;
	size_t head, left, n;
	const char *from;
	int r;

	if (!m->sent)
		make_head(m, o);
	head = strlen(m->head);
	from = m->sent < head ? m->head + m->sent : (const char *)body->data + (m->sent - head);
	left = m->sent < head ? head - m->sent : head + body->len - m->sent;
	n = left < PIPE_BUF ? left : PIPE_BUF;
	r = fd_write_full(STDOUT_FILENO, from, n);
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot write");
	m->sent += n;
	if (m->sent < head + (o->good ? body->len : 0))
		return 0;
	reply_free(&o->reply);
	m->sent = 0;
	m->first = (m->first + 1) % WINDOW;
	m->n--;
	return 0;
}

/* Can output be written without waiting, or is its reader gone? */
static bool is_writable(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) > 0;
}

/* Until something moves: a transfer, a repeat that is due, the reader. */
static int wait_for_more(struct many *m, struct ukd_error *e)
{
	struct curl_waitfd out = {.fd = STDOUT_FILENO, .events = CURL_WAIT_POLLOUT};
	uint64_t before = clock_ms(), until = before + POLL_MAX_MS;
	bool write = first_is_ready(m);
	int r = 0;

	for (unsigned int i = 0; i < m->n && m->running < RUNNING_MAX; i++)
		if (at(m, i)->state == OBJECT_WAITS && at(m, i)->due_ms < until)
			until = at(m, i)->due_ms;
	if (curl_multi_poll(m->multi, &out, write, until > before ? (int)(until - before) : 0,
			    NULL) != CURLM_OK)
		return ukd_oom(e);
	if (stop_wanted())
		return ukd_fail(e, -ECANCELED, "stopped by a signal");
	while (r == 0 && first_is_ready(m) && is_writable())
		r = write_piece(m, e);
	if (r < 0)
		return r;
	if (write && !m->running) /* the reader takes its time, which is not the server's */
		m->setup.deadline_ms += clock_ms() - before;
	return clock_ms() < m->setup.deadline_ms ?
		       0 :
		       ukd_fail(e, -ETIMEDOUT, "%s: not done within --timeout",
				m->setup.place->shown);
}

static int run(struct many *m, struct ukd_error *e)
{
	int running, r = 0;

	for (;;) {
		take_keys(m);
		if (!m->n)
			return 0;
		r = begin_due(m, e);
		if (r == 0 && curl_multi_perform(m->multi, &running) != CURLM_OK)
			r = ukd_oom(e);
		if (r == 0)
			r = finish_all(m, e);
		if (r == 0)
			r = wait_for_more(m, e);
		if (r < 0)
			return r;
	}
}

int get_many(struct http *h, struct ukd_error *e)
{
	_buffer_ struct buffer keys = {0};
	_cleanup_(many_free) struct many m = {.setup = *http_setup(h)};
	int r = file_read_fd(STDIN_FILENO, "standard input", KEYS_MAX, &keys, e);

	if (r < 0)
		return r;
	m.rest = (char *)keys.data;
	m.v = calloc(WINDOW, sizeof(*m.v));
	m.multi = curl_multi_init();
	if (!m.v || !m.multi)
		return ukd_oom(e);
	r = run(&m, e);
	if (m.failed > TOLD_MAX)
		log_warning("%zu more could not be had", m.failed - TOLD_MAX);
	return r;
}
