/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ukdump-upload VERB URL` with what [Network] says about servers; what it writes is read as it
 * comes, so that a place of any size takes little memory. It limits the server; we limit its lines.
 */
#pragma once

#include "util/process.h"
#include "util/root.h"

#define REMOTE_LINE_MAX 1200 /* a key of S3 has at most 1024 bytes */

struct remote_reader {
	struct child child;
	int messages;	 /* its standard error */
	char place[128]; /* for messages */
	size_t at, end;	 /* in data: what is not used yet */
	uint8_t data[KIB(64)];
};

/* Starts it. stdin_fd: -1: none. The settings are the root's. Released by remote_stop(). */
int remote_start(const struct root *root, const char *verb, const char *url, int stdin_fd,
		 struct remote_reader **ret, struct ukd_error *e) _must_check_;

/* A line without its end. Returns 1; 0 at the end of the output; or negative. */
int remote_line(struct remote_reader *r, char ret[REMOTE_LINE_MAX],
		struct ukd_error *e) _must_check_;

/* Exactly len bytes. */
int remote_bytes(struct remote_reader *r, void *ret, size_t len, struct ukd_error *e) _must_check_;

/*
 * Waits for its end, at the end of the output; passes on what it has warned of. If it failed: its
 * own last message.
 */
int remote_end(struct remote_reader *r, struct ukd_error *e) _must_check_;

/* Ends it, if that has not happened, and frees. NULL: nothing. */
void remote_stop(struct remote_reader *r);
static inline void remote_stopp(struct remote_reader **r)
{
	remote_stop(*r);
}
#define _remote_ _cleanup_(remote_stopp)
