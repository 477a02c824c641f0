/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps encrypted to age recipients (age-encryption.org/v1), opened by the program age. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "util/error.h"

/* Whether a file that begins with these bytes is encrypted, by age's binary format. */
bool is_encrypted(struct bytes head);

/*
 * Decrypts the file fd, of size bytes, with the identities in the file identity (age's own, or an
 * SSH private key; no passphrases: nobody can be asked) into a temporary file. age authenticates
 * every part, and the end: if it fails nothing of what it wrote is used, check "dump.encrypted".
 * progress is called about once a second. e tells the reason alone, without the file.
 */
int decrypt_file(int fd, uint64_t size, const char *identity,
		 void (*progress)(unsigned int percent), int *ret_fd,
		 struct ukd_error *e) _must_check_;
