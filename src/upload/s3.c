// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of S3: see upload.h. The steps are those of Amazon's API reference (2006-03-01):
 * CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListObjectsV2.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "upload/s3reply.h"
#include "upload/upload.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define ID_MAX 1024 /* of an upload, as the server made it */

struct multipart {
	struct http *h;
	const struct remote *p;
	char id[3 * ID_MAX + 1]; /* percent-encoded */
	FILE *list;		 /* the body of the last request, as it grows */
	char *list_text;
	size_t list_len;
	unsigned int parts;
};

static void multipart_free(struct multipart *m)
{
	cleanup_fclosep(&m->list);
	free(m->list_text);
}

/* A name may have to have a value in the query: libcurl 7.88 signs the query as it stands. */
static int create(struct multipart *m, struct ukd_error *e)
{
	static const struct content nothing = {"", 0, NULL};
	char url[URL_MAX + 16], id[ID_MAX];
	struct request rq = {.method = "POST",
			     .url = url,
			     .content = &nothing,
			     .type = "application/octet-stream",
			     .expect = "InitiateMultipartUploadResult"};
	_reply_ struct reply reply = {0};
	int r;

	(void)snprintf(url, sizeof(url), "%s?uploads=", m->p->url);
	r = http_request(m->h, &rq, &reply, e);
	if (r < 0)
		return r;
	if (!xml_child(buffer_bytes(&reply.body), "UploadId", id, sizeof(id)) || !id[0] ||
	    strlen(id) == sizeof(id) - 1 || !percent_encode(id, false, m->id, sizeof(m->id)))
		return ukd_fail(e, -EPROTO, "%s: the server gave no UploadId", m->p->shown);
	m->list = open_memstream(&m->list_text, &m->list_len);
	if (!m->list || fputs("<CompleteMultipartUpload>", m->list) < 0)
		return ukd_oom(e);
	return 0;
}

/* An ETag goes into XML as it came. */
static bool etag_is_plain(const char *etag)
{
	for (const char *s = etag; *s; s++)
		if (*s < 0x20 || *s > 0x7e || strchr("<>&", *s))
			return false;
	return *etag && strlen(etag) < 255;
}

static int send_part(struct multipart *m, const void *data, size_t len, struct ukd_error *e)
{
	char url[URL_MAX + sizeof(m->id) + 64];
	struct content content = {data, len, NULL};
	struct request rq = {.method = "PUT", .url = url, .content = &content};
	_reply_ struct reply reply = {0};
	unsigned int number = m->parts + 1;
	int r;

	(void)snprintf(url, sizeof(url), "%s?partNumber=%u&uploadId=%s", m->p->url, number, m->id);
	r = http_request(m->h, &rq, &reply, e);
	if (r < 0)
		return ukd_prefix(e, "part %u", number);
	if (!etag_is_plain(reply.etag))
		return ukd_fail(e, -EPROTO, "%s: no usable ETag for part %u", m->p->shown, number);
	if (fprintf(m->list, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", number,
		    reply.etag) < 0)
		return ukd_oom(e);
	m->parts = number;
	return 0;
}

/* The reply can be 200 and an error all the same: the server sends the status before it knows. */
static int complete(struct multipart *m, struct ukd_error *e)
{
	char url[URL_MAX + sizeof(m->id) + 16];
	struct content content;
	struct request rq = {.method = "POST",
			     .url = url,
			     .content = &content,
			     .type = "application/xml",
			     .expect = "CompleteMultipartUploadResult"};
	_reply_ struct reply reply = {0};

	if (fputs("</CompleteMultipartUpload>", m->list) < 0 || fflush(m->list) != 0)
		return ukd_oom(e);
	content = (struct content){m->list_text, m->list_len, NULL};
	(void)snprintf(url, sizeof(url), "%s?uploadId=%s", m->p->url, m->id);
	return http_request(m->h, &rq, &reply, e);
}

/* Parts of an upload that is neither completed nor aborted cost the bucket's owner money. */
static void abort_upload(struct multipart *m)
{
	char url[URL_MAX + sizeof(m->id) + 16];
	struct request rq = {.method = "DELETE", .url = url, .only_once = true};
	_reply_ struct reply reply = {0};
	struct ukd_error e = {0};

	(void)snprintf(url, sizeof(url), "%s?uploadId=%s", m->p->url, m->id);
	http_last_request(m->h, clock_ms() + CLEANUP_LIMIT_MS);
	if (http_request(m->h, &rq, &reply, &e) < 0)
		log_warning("the upload could not be aborted, its parts stay: %s", e.text);
}

/* The first part is in b already; the rest is read, one part at a time. */
static int send_parts(struct multipart *m, struct input *in, uint64_t first_size, uint64_t limit,
		      struct part_buffer *b, struct ukd_error *e)
{
	size_t len = b->size;

	for (;;) {
		uint64_t size = part_size(m->parts + 2, first_size, limit);
		ssize_t n;
		int r = send_part(m, b->data, len, e);

		if (r == 0)
			r = part_buffer_resize(b, size, e);
		if (r < 0)
			return r;
		n = input_fill(in, b->data, size, e);
		if (n <= 0)
			return (int)n;
		if (m->parts == PARTS_MAX)
			return ukd_fail(e, -EFBIG,
					"%s: more than %u parts, the last of %" PRIu64
					" MiB; larger ones need more memory or --size-hint",
					m->p->shown, PARTS_MAX, size >> 20);
		len = (size_t)n;
	}
}

static int put_multipart(struct http *h, const struct remote *p, struct input *in,
			 uint64_t first_size, uint64_t limit, struct part_buffer *b,
			 struct outcome *ret, struct ukd_error *e)
{
	_cleanup_(multipart_free) struct multipart m = {.h = h, .p = p};
	int r = create(&m, e);

	if (r < 0)
		return r;
	r = send_parts(&m, in, first_size, limit, b, e);
	if (r == 0)
		r = complete(&m, e);
	if (r < 0)
		abort_upload(&m);
	ret->parts = m.parts;
	return r;
}

int put_s3(struct http *h, const struct remote *p, struct input *in, uint64_t first_size,
	   uint64_t limit, struct outcome *ret, struct ukd_error *e)
{
	_part_buffer_ struct part_buffer b = {0};
	uint64_t size = part_size(1, first_size, limit);
	struct content content;
	struct request rq = {.method = "PUT",
			     .url = p->url,
			     .content = &content,
			     .type = "application/octet-stream"};
	_reply_ struct reply reply = {0};
	struct outcome o = {.parts = 1};
	ssize_t n;
	int r;

	r = part_buffer_resize(&b, size, e);
	if (r < 0)
		return r;
	n = input_fill(in, b.data, size, e);
	if (n < 0)
		return (int)n;
	content = (struct content){b.data, (size_t)n, NULL};
	r = (uint64_t)n < size ? http_request(h, &rq, &reply, e) :
				 put_multipart(h, p, in, first_size, limit, &b, &o, e);
	if (r < 0)
		return r;
	o.bytes = in->bytes;
	input_digest(in, o.sha256);
	*ret = o;
	return 0;
}

static void print_object(void *ctx _unused_, const char *key, const char *size)
{
	char shown[1025];

	(void)snprintf(shown, sizeof(shown), "%s", key);
	text_printable(shown);
	printf("%s\t%s\n", size, shown);
}

/*
 * Pages begin after the last key of the one before: continuation tokens are base64, and
 * libcurl 8.13 and later sign a '+' in a query as a blank.
 */
int list_s3(struct http *h, const struct remote *p, struct ukd_error *e)
{
	char url[2 * URL_MAX + 3 * 1025 + 64], prefix[3 * 1025], after[3 * 1025] = "";
	struct request rq = {.method = "GET", .url = url, .expect = "ListBucketResult"};
	struct s3_page page = {0};
	int r;

	if (!percent_encode(p->key, false, prefix, sizeof(prefix)))
		return ukd_fail(e, -ENAMETOOLONG, "%s: too long", p->shown);
	do {
		_reply_ struct reply reply = {0};
		char before[sizeof(page.last)];

		/* in the order of names, as SigV4 wants them: see create() */
		(void)snprintf(url, sizeof(url), "%s?list-type=2&max-keys=500&prefix=%s%s%s",
			       p->bucket, prefix, *after ? "&start-after=" : "", after);
		r = http_request(h, &rq, &reply, e);
		if (r < 0)
			return r;
		memcpy(before, page.last, sizeof(before));
		s3_page_read(buffer_bytes(&reply.body), print_object, NULL, &page);
		if (page.more && (strcmp(page.last, before) <= 0 ||
				  !percent_encode(page.last, false, after, sizeof(after))))
			return ukd_fail(e, -EPROTO, "%s: the server's list has no end", p->shown);
	} while (page.more);
	return 0;
}
