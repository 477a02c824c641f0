/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ukdump-load, run as a program: the privileged loading path is one binary to audit. */
#pragma once

#include "util/file.h"

/* The path of a program of ours: beside our own, as in a build directory, else name, for PATH. */
void find_own_program(const char *name, char *ret, size_t size);

/*
 * Runs `ukdump-load VERB [--profile=PROFILE] [IMAGE]`; profile and image may be NULL. Its messages
 * are passed on to our stderr when it has ended. Returns its exit code, its stdout (key=value
 * lines) in *ret and the last of its messages in e (-EREMOTEIO, to be used if it failed); or
 * another negative errno. Prefers the program beside our own, as in a build directory.
 */
int loader_run(const char *verb, const char *profile, const char *image, struct buffer *ret,
	       struct ukd_error *e) _must_check_;

/* The value of a key in ukdump-load's output as a heap string, or NULL. */
char *loader_value(const struct buffer *output, const char *key);

/* The same as a number; 0 if it is not there. */
uint64_t loader_number(const struct buffer *output, const char *key);
