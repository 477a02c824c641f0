// SPDX-License-Identifier: GPL-2.0-or-later
/* put and get of one object in one request: see upload.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upload/upload.h"
#include "util/clock.h"
#include "util/log.h"

int part_buffer_resize(struct part_buffer *b, uint64_t size, struct ukd_error *e)
{
	if (b->size >= size)
		return 0;
	free(b->data);
	*b = (struct part_buffer){0};
	b->data = malloc(size);
	if (!b->data)
		return ukd_fail(e, -ENOMEM, "no memory for a part of %llu MiB",
				(unsigned long long)(size >> 20));
	b->size = size;
	return 0;
}

void make_parent(struct http *h, const struct remote *p)
{
	char url[URL_MAX];
	size_t len = strcspn(p->url, "?");
	struct request rq = {.method = "MKCOL", .url = url, .only_once = true};
	_reply_ struct reply reply = {0};
	struct ukd_error e = {0};

	while (p->url[len - 1] != '/')
		len--;
	(void)snprintf(url, sizeof(url), "%.*s", (int)len, p->url);
	if (http_request(h, &rq, &reply, &e) < 0 && reply.status != 405)
		log_info("%s", e.text);
}

static void remove_partial(struct http *h, const struct remote *p)
{
	struct request rq = {.method = "DELETE", .url = p->url, .only_once = true};
	_reply_ struct reply reply = {0};
	struct ukd_error ignored = {0};

	http_last_request(h, clock_ms() + CLEANUP_LIMIT_MS);
	if (http_request(h, &rq, &reply, &ignored) == 0)
		log_info("removed what had arrived of %s", p->shown);
}

int put_http(struct http *h, const struct remote *p, struct input *in, uint64_t first_size,
	     struct outcome *ret, struct ukd_error *e)
{
	_part_buffer_ struct part_buffer b = {0};
	_reply_ struct reply reply = {0};
	struct content content;
	struct request rq = {.method = "PUT",
			     .url = p->url,
			     .content = &content,
			     .type = "application/octet-stream"};
	ssize_t n;
	int r;

	r = part_buffer_resize(&b, first_size, e);
	if (r < 0)
		return r;
	n = input_fill(in, b.data, first_size, e);
	if (n < 0)
		return (int)n;
	content = (struct content){b.data, (size_t)n, (uint64_t)n == first_size ? in : NULL};
	r = http_request(h, &rq, &reply, e);
	if (r < 0 && !reply.status && content.rest)
		remove_partial(h, p);
	if (r < 0)
		return r;
	ret->bytes = in->bytes;
	ret->parts = 1;
	input_digest(in, ret->sha256);
	return 0;
}

int get(struct http *h, const struct remote *p, int fd, struct outcome *ret, struct ukd_error *e)
{
	struct request rq = {.method = "GET", .url = p->url, .out_fd = fd};
	_reply_ struct reply reply = {0};
	int r = http_request(h, &rq, &reply, e);

	if (r < 0)
		return r;
	ret->bytes = reply.written;
	ret->parts = 1;
	(void)snprintf(ret->sha256, sizeof(ret->sha256), "%s", reply.sha256);
	return 0;
}
