/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpio archives as the kernel's initramfs unpacker takes them (uncompressed, "newc"; the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"

#define CPIO_PATH_MAX 256

/*
 * Writes an archive of its own with one file and the directories above it, all root's and without a
 * date. path is relative and shorter than CPIO_PATH_MAX. Its length is a multiple of 4, so another
 * archive can follow. The caller checks out for errors.
 */
void cpio_write_file(FILE *out, const char *path, unsigned int dir_mode, unsigned int mode,
		     struct bytes content);

/*
 * Finds a file in the first archive of an initrd, which may be cut off behind it. False: it is not
 * there, or this is no archive. *ret points into archive.
 */
bool cpio_find_file(struct bytes archive, const char *path, struct bytes *ret) _must_check_;

/* Length of the first archive with its trailer, padded to 4; 0: there is none, or it is cut off. */
size_t cpio_length(struct bytes archive) _must_check_;
