/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content that is sent: a pipe of unknown length, or a file. Counts and hashes what was read.
 * Reads never outlast the time limit.
 */
#pragma once

#include <sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct input {
	int fd; /* borrowed */
	uint64_t deadline_ms;
	uint64_t length; /* of a regular file, from where it stood; UINT64_MAX: not known */
	uint64_t bytes;	 /* read so far */
	SHA2_CTX sha;
	/* as it was at input_mark() */
	uint64_t marked_bytes;
	SHA2_CTX marked_sha;
};

/* fd stays the caller's. deadline_ms: see clock_ms(). */
void input_open(int fd, uint64_t deadline_ms, struct input *ret);

/*
 * Reads up to size bytes, at least one. Returns how many; 0 at the end; -ETIMEDOUT, -ECANCELED
 * (SIGTERM or SIGINT came) or another negative errno.
 */
ssize_t input_read(struct input *in, void *buf, size_t size, struct ukd_error *e) _must_check_;

/* Reads until size bytes are there or the content is over. Returns how many, or negative. */
ssize_t input_fill(struct input *in, void *buf, size_t size, struct ukd_error *e) _must_check_;

/* Remembers where reading stands; input_rewind() goes back there, false if that cannot be. */
void input_mark(struct input *in);
bool input_rewind(struct input *in) _must_check_;

/* SHA-256 of all that was read, in hex. */
void input_digest(const struct input *in, char ret[65]);

/* SHA-256 of len bytes, in hex. */
void sha256_hex(const void *data, size_t len, char ret[65]);

/* Ends a computation, in hex. */
void sha256_end(SHA2_CTX *sha, char ret[65]);

/* Set by the handler of SIGINT, SIGTERM and SIGHUP; all waits look at it. */
bool stop_wanted(void);
void stop_on_signals(void);
