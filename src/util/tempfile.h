/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file without a name for large intermediate results, such as a decrypted dump. */
#pragma once

#include <stdint.h>

#include "util/error.h"

/*
 * A new, empty file, open for reading and writing, that is gone when it is closed: in memory up to
 * 16 MiB, else in $TMPDIR (default: /var/tmp), which must have room for size bytes. what names it
 * for messages, such as "the decrypted dump". -ENOSPC with what to do if there is no room.
 */
int temporary_file(const char *what, uint64_t size, int *ret_fd, struct ukd_error *e) _must_check_;
