/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What running ukdump-load and running ukdump-upload have in common. */
#pragma once

#include "util/file.h"

/* The path of a program of ours: beside our own, as in a build directory, else name, for PATH. */
void program_find(const char *name, char *ret, size_t size);

/*
 * Reads what the program has written to the memory file that was its stderr, without the last
 * newline. *ret_last: the last line, without "NAME: error: " in front; borrowed from ret.
 */
int program_messages(int fd, const char *name, struct buffer *ret, const char **ret_last,
		     struct ukd_error *e) _must_check_;
