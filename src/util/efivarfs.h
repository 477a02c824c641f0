/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing and removing EFI variables in efivarfs. Its files carry the immutable flag, so that a
 * stray `rm -rf` breaks no firmware (Linux 4.5); it is taken off for the one that is meant.
 */
#pragma once

#include "util/file.h"
#include "util/root.h"

#define EFIVARFS_DIR "/sys/firmware/efi/efivars"

/*
 * The variable in which the capture environment leaves its result where no target took it: JSON of
 * at most RESULT_MAX bytes, so that it fits into any firmware's store (ukdump-capture(8)).
 */
#define RESULT_VARIABLE "UkdumpResult-e9d25dcc-4518-42a5-b202-398be852ebb0"
#define RESULT_MAX	2048

/* What efivarfs puts in front of the content: the attributes, little-endian. */
#define EFIVARFS_HEADER 4
#define EFI_NV_BS_RT	0x7 /* non-volatile, boot services, runtime */

/* Removes a variable (NAME-GUID). -ENOENT if there is none. */
int efivarfs_remove(const struct root *root, const char *name, struct ukd_error *e) _must_check_;

/* Writes a variable with attributes EFI_NV_BS_RT; an old one of that name is removed before. */
int efivarfs_write(const struct root *root, const char *name, struct bytes content,
		   struct ukd_error *e) _must_check_;

/* Reads a variable's content, at most max bytes. -ENOENT if there is none. */
int efivarfs_read(const struct root *root, const char *name, size_t max, struct buffer *ret,
		  struct ukd_error *e) _must_check_;
