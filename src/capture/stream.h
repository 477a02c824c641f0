/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets without a file system that we could mount: what is saved goes, as a stream, into a
 * program that stores it elsewhere (ssh, ukdump-upload, the program of an exec: target). A kind
 * brings its connect and disconnect and a struct stream_ops; stream_*() are the rest of its
 * struct target_ops.
 */
#pragma once

#include "capture/target.h"

#define STREAM_ARGS 32

/* The arguments of a program; the strings live inside. */
struct arguments {
	const char *v[STREAM_ARGS + 1]; /* NULL-terminated */
	unsigned int n;
	char text[8192];
	size_t used;
};

/*
 * Adds one argument to what began zeroed. What does not fit is -E2BIG from the call that uses the
 * arguments (arguments_check()).
 */
void arguments_add(struct arguments *a, const char *fmt, ...) _printf_(2, 3);
int arguments_check(const struct arguments *a, struct ukd_error *e) _must_check_;

struct stream_ops {
	/*
	 * The program that stores what it reads under name in the place of this crash, and replaces
	 * what an earlier plan has left there. NULL: a file in the attempt's directory, with O_EXCL.
	 */
	int (*put)(struct attempt *a, const char *name, struct arguments *ret, struct ukd_error *e);
	/*
	 * The SHA-256, in hex, that the other side computes of what it has stored. NULL, or
	 * -EOPNOTSUPP, where it cannot: then the dump is checked as far as the exit status goes.
	 */
	int (*sha256)(struct attempt *a, const char *name, char ret[65], struct ukd_error *e);
	/*
	 * Gives what is complete its final name. NULL: the protocol has none; everything is stored
	 * under its final name at once, and the manifest, stored last, marks completion.
	 */
	int (*rename)(struct attempt *a, const char *from, const char *to, struct ukd_error *e);
};

/*
 * The rest of the operations. connect has set name (crash_name()) and stream. Directories use them
 * too when what is written is encrypted.
 */
int stream_save_log(struct attempt *a, struct ukd_error *e) _must_check_;
int stream_check_space(struct attempt *a, struct ukd_error *e) _must_check_;
enum dump_state stream_save_dump(struct attempt *a);
int stream_publish(struct attempt *a, struct ukd_error *e) _must_check_;
/* For kinds that keep nothing open between two programs. */
int stream_disconnect(struct attempt *a, struct ukd_error *e) _must_check_;

#define STREAM_OPERATIONS                                               \
	.save_log = stream_save_log, .check_space = stream_check_space, \
	.save_dump = stream_save_dump, .publish = stream_publish, .disconnect = stream_disconnect

/* What stands behind an encrypted dump in a directory (directory_dump.c). */
extern const struct stream_ops directory_stream;
