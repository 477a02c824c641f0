/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ukdump-upload does: one function per verb and kind of place. */
#pragma once

#include <stdlib.h>

#include "upload/http.h"
#include "upload/parts.h"

/* After a failure, also when the time is over. */
#define CLEANUP_LIMIT_MS 10000

struct outcome {
	uint64_t bytes;
	char sha256[65];
	unsigned int parts; /* of a multipart upload, else 1 */
};

/* A buffer of size bytes for what is in memory. Released by part_buffer_free(). */
struct part_buffer {
	uint8_t *data;
	size_t size;
};

static inline void part_buffer_free(struct part_buffer *b)
{
	free(b->data);
}
#define _part_buffer_ _cleanup_(part_buffer_free)

/* Gives the buffer at least size bytes; what was in it is lost. */
int part_buffer_resize(struct part_buffer *b, uint64_t size, struct ukd_error *e) _must_check_;

/*
 * Makes the directory above, which WebDAV servers do not do by themselves (RFC 4918, 9.7.1). If it
 * is there already (405), or cannot be made, that is what a PUT will show.
 */
void make_parent(struct http *h, const struct remote *p);

/*
 * Sends the content in one PUT. Its first first_size bytes are kept in memory, so that the request
 * can be repeated as long as no more than those were read (of a file: always). What broke off is
 * removed again, as far as the server does that.
 */
int put_http(struct http *h, const struct remote *p, struct input *in, uint64_t first_size,
	     struct outcome *ret, struct ukd_error *e) _must_check_;

/*
 * Sends the content as an S3 object: what fits the first part in one PUT, more as a multipart
 * upload, which is aborted on failure. first_size and limit: see part_size().
 */
int put_s3(struct http *h, const struct remote *p, struct input *in, uint64_t first_size,
	   uint64_t limit, struct outcome *ret, struct ukd_error *e) _must_check_;

/* Writes what is there to fd. */
int get(struct http *h, const struct remote *p, int fd, struct outcome *ret,
	struct ukd_error *e) _must_check_;

/* Prints size, tab and key of every object whose key begins with the place's. */
int list_s3(struct http *h, const struct remote *p, struct ukd_error *e) _must_check_;

/* Of an object that get_many() takes. */
#define OBJECT_MAX KIB(256)

/*
 * Gets small objects of the place's bucket, several at a time over connections that are kept. Reads
 * their keys from standard input, a line each, as list_s3() prints them; writes for each in that
 * order "SIZE<tab>KEY<newline>" and its content, or "-<tab>KEY<newline>" if it is not to be had,
 * which is logged. Fails only if the server does: many in a row, or the time limit; that one is not
 * running while nothing is awaited but the reader of the output.
 */
int get_many(struct http *h, struct ukd_error *e) _must_check_;
