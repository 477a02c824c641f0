// SPDX-License-Identifier: GPL-2.0-or-later
/* One transfer: see transfer.h. */
#include "upload/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"

/* libcurl signs a given payload hash and every header since 7.88 (lib/http_aws_sigv4.c). */
#define SIGNS_S3_SINCE 0x075800u

static int add_header(struct curl_slist **list, const char *line, struct ukd_error *e)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return ukd_oom(e);
	*list = longer;
	return 0;
}

/* "Name: value" per line; empty lines and those with '#' in front are passed over. */
static int read_headers(struct bytes text, struct curl_slist **ret, struct ukd_error *e)
{
	_free_ char *copy = strndup(text.len ? (const char *)text.p : "", text.len);
	char *rest = copy, *line;
	int r = 0;

	if (!copy)
		return ukd_oom(e);
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		size_t name = strcspn(line, ": \t"), len = strlen(line);

		if (len && line[len - 1] == '\r')
			line[--len] = 0;
		if (!len || *line == '#')
			continue;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)line[i] < 0x20 && line[i] != '\t')
				name = 0;
		if (!name || line[name] != ':')
			return ukd_refuse(e, "headers",
					  "--headers: a line that is not NAME: VALUE");
		r = add_header(ret, line, e);
	}
	return r;
}

int transfer_setup(const struct http_options *o, const struct remote *place,
		   struct transfer_setup *ret, struct ukd_error *e)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	struct transfer_setup s = {.o = o, .place = place, .deadline_ms = o->deadline_ms};
	int r;

	if (place->kind == REMOTE_S3 && v->version_num < SIGNS_S3_SINCE)
		return ukd_fail(e, -EOPNOTSUPP, "libcurl %s cannot sign for S3; needs 7.88",
				v->version);
	r = read_headers(o->headers, &s.headers, e);
	if (r < 0)
		transfer_setup_free(&s);
	else
		*ret = s;
	return r;
}

void transfer_setup_free(struct transfer_setup *s)
{
	curl_slist_free_all(s->headers);
}

static size_t fail_in_callback(struct transfer *st, size_t result)
{
	st->broken = true;
	return result;
}

static size_t on_read(char *buf, size_t size, size_t n, void *ctx)
{
	struct transfer *st = ctx;
	const struct content *c = st->rq->content;
	size_t room = size * n, left = c->len - st->sent;
	ssize_t got;

	if (left) {
		room = room < left ? room : left;
		memcpy(buf, (const char *)c->data + st->sent, room);
		st->sent += room;
		return room;
	}
	if (!c->rest)
		return 0;
	got = input_read(c->rest, buf, room, st->e);
	/* Waiting for content is not the server's stall. */
	st->moved_ms = clock_ms();
	return got < 0 ? fail_in_callback(st, CURL_READFUNC_ABORT) : (size_t)got;
}

/* libcurl wants to send from the start again, such as when a kept connection turns out dead. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct transfer *st = ctx;
	const struct content *c = st->rq->content;

	if (origin != SEEK_SET || offset != 0 || (c->rest && !input_rewind(c->rest)))
		return CURL_SEEKFUNC_FAIL;
	st->sent = 0;
	return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	static const char etag[] = "etag:";
	struct transfer *st = ctx;
	size_t len = size * n, skip = sizeof(etag) - 1;

	st->headers += len;
	if (st->headers > REPLY_HEADERS_MAX) {
		(void)ukd_fail(st->e, -EMSGSIZE, "more than %u KiB of headers in the reply",
			       (unsigned int)(REPLY_HEADERS_MAX / 1024));
		return fail_in_callback(st, 0);
	}
	if (len <= skip || strncasecmp(line, etag, skip) != 0)
		return len;
	while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	(void)snprintf(st->reply->etag, sizeof(st->reply->etag), "%.*s",
		       (int)strcspn(line + skip, "\r\n"), line + skip);
	return len;
}

static size_t keep_body(struct transfer *st, const char *data, size_t len)
{
	const size_t max = st->rq->body_max ? st->rq->body_max : REPLY_BODY_MAX;
	struct buffer *b = &st->reply->body;
	uint8_t *grown;

	if (len > max - b->len) {
		(void)ukd_fail(st->e, -EMSGSIZE, "more than %zu KiB in the reply", max / 1024);
		return fail_in_callback(st, 0);
	}
	grown = realloc(b->data, b->len + len + 1);
	if (!grown) {
		(void)ukd_oom(st->e);
		return fail_in_callback(st, 0);
	}
	memcpy(grown + b->len, data, len);
	grown[b->len + len] = 0;
	*b = (struct buffer){grown, b->len + len};
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *st = ctx;
	size_t len = size * n;
	long status = 0;
	int r;

	(void)curl_easy_getinfo(st->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!st->rq->out_fd || status < 200 || status > 299)
		return keep_body(st, data, len);
	r = fd_write_full(st->rq->out_fd, data, len);
	if (r < 0) {
		(void)ukd_fail_errno(st->e, r, "cannot write");
		return fail_in_callback(st, 0);
	}
	st->reply->written += len;
	SHA256Update(&st->sha, (const uint8_t *)data, len);
	return len;
}

/* Called about once a second at least: are we to stop, and does anything move? */
static int on_progress(void *ctx, curl_off_t dltotal _unused_, curl_off_t dlnow,
		       curl_off_t ultotal _unused_, curl_off_t ulnow)
{
	struct transfer *st = ctx;
	uint64_t now = clock_ms();

	if (stop_wanted() && !st->s->last) {
		(void)ukd_fail(st->e, -ECANCELED, "stopped by a signal");
		return (int)fail_in_callback(st, 1);
	}
	if (dlnow + ulnow != st->moved) {
		st->moved = dlnow + ulnow;
		st->moved_ms = now;
	}
	st->stalled = now - st->moved_ms >= (uint64_t)st->s->o->stall_s * 1000;
	return st->stalled;
}

/* SigV4 by libcurl; the hash of the content is ours, so that the server checks what it got. */
static int sign(struct transfer *st, struct curl_slist **headers, struct ukd_error *e)
{
	const struct content *c = st->rq->content;
	const struct credentials *key = st->s->o->s3;
	char how[128], line[sizeof(key->token) + 64], hash[65];
	int r;

	(void)snprintf(how, sizeof(how), "aws:amz:%s:s3", st->s->place->region);
	(void)curl_easy_setopt(st->easy, CURLOPT_AWS_SIGV4, how);
	(void)curl_easy_setopt(st->easy, CURLOPT_USERNAME, key->id);
	(void)curl_easy_setopt(st->easy, CURLOPT_PASSWORD, key->secret);
	sha256_hex(c ? c->data : "", c ? c->len : 0, hash);
	(void)snprintf(line, sizeof(line), "x-amz-content-sha256: %s", hash);
	r = add_header(headers, line, e);
	if (r < 0 || !key->token[0])
		return r;
	(void)snprintf(line, sizeof(line), "x-amz-security-token: %s", key->token);
	return add_header(headers, line, e);
}

static int make_headers(struct transfer *st, struct curl_slist **ret, struct ukd_error *e)
{
	const struct request *rq = st->rq;
	char line[128];
	int r = 0;

	for (const struct curl_slist *l = st->s->headers; r == 0 && l; l = l->next)
		r = add_header(ret, l->data, e);
	if (r == 0 && rq->type) {
		(void)snprintf(line, sizeof(line), "Content-Type: %s", rq->type);
		r = add_header(ret, line, e);
	}
	if (r == 0 && rq->content && rq->content->rest && rq->content->rest->length == UINT64_MAX)
		r = add_header(ret, "Transfer-Encoding: chunked", e);
	if (r == 0 && st->s->place->kind == REMOTE_S3)
		r = sign(st, ret, e);
	return r;
}

static void set_content(struct transfer *st)
{
	const struct content *c = st->rq->content;
	curl_off_t len;

	if (!c)
		return;
	len = (curl_off_t)c->len;
	if (c->rest) /* what is in memory was read from there */
		len = c->rest->length == UINT64_MAX ? -1 : (curl_off_t)c->rest->length;
	(void)curl_easy_setopt(st->easy, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(st->easy, CURLOPT_INFILESIZE_LARGE, len);
	(void)curl_easy_setopt(st->easy, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(st->easy, CURLOPT_READDATA, st);
	(void)curl_easy_setopt(st->easy, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(st->easy, CURLOPT_SEEKDATA, st);
}

static void set_security(struct transfer *st)
{
	const struct http_options *o = st->s->o;
	CURL *c = st->easy;

	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, o->insecure_http ? "https,http" : "https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, o->proxy ? o->proxy : "");
	if (o->ca_file) { /* these authorities and no others */
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (o->netrc && st->s->place->kind == REMOTE_HTTP) {
		(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_REQUIRED);
		(void)curl_easy_setopt(c, CURLOPT_NETRC_FILE, o->netrc);
	}
}

static void set_limits(struct transfer *st)
{
	const struct http_options *o = st->s->o;
	uint64_t now = clock_ms(), end = st->s->deadline_ms;
	CURL *c = st->easy;

	if (st->rq->limit_ms && now + st->rq->limit_ms < end)
		end = now + st->rq->limit_ms;
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, end > now ? (long)(end - now) : 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)o->stall_s);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, st);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, st);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, st);
}

/* May the same request succeed later? */
static bool may_pass(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
		return true;
	default:
		return false;
	}
}

/* Turns libcurl's verdict into an error. */
static int explain_failure(const struct transfer *st, CURLcode code, bool *ret_pass)
{
	const char *why = *st->text ? st->text : curl_easy_strerror(code);

	*ret_pass = false;
	if (st->broken)
		return st->e->code;
	if (clock_ms() >= st->s->deadline_ms)
		return ukd_fail(st->e, -ETIMEDOUT, "not done within --timeout");
	if (st->stalled) {
		*ret_pass = true;
		return ukd_fail(st->e, -ETIMEDOUT, "nothing moved for %u s", st->s->o->stall_s);
	}
	*ret_pass = may_pass(code);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return ukd_fail(st->e, -EKEYREJECTED,
				"%s; is --ca-file (CaFile=) the server's authority?", why);
	return ukd_fail(st->e, -ECOMM, "%s", why);
}

int transfer_begin(CURL *easy, const struct transfer_setup *s, const struct request *rq,
		   struct reply *reply, struct transfer *ret, struct ukd_error *e)
{
	int r;

	*ret = (struct transfer){.s = s, .rq = rq, .reply = reply, .easy = easy, .e = e};
	curl_easy_reset(easy);
	r = make_headers(ret, &ret->list, e);
	if (r < 0) {
		curl_slist_free_all(ret->list);
		return r;
	}
	set_security(ret);
	set_limits(ret);
	set_content(ret);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_URL, rq->url);
	(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, ret->list);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, ret->text);
	ret->moved_ms = clock_ms();
	SHA256Init(&ret->sha);
	return 0;
}

int transfer_end(struct transfer *t, CURLcode code, bool *ret_pass)
{
	struct reply *reply = t->reply;

	(void)curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(t->list);
	t->list = NULL;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	if (reply->status < 200) /* "100 Continue" is no answer */
		reply->status = 0;
	sha256_end(&t->sha, reply->sha256);
	/* A refusal counts, also if the connection broke behind it, since we were still sending. */
	if (code == CURLE_OK || (reply->status >= 300 && !t->broken))
		return 0;
	return explain_failure(t, code, ret_pass);
}
