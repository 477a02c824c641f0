/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EFI variables that hold keys and revocations. */
#pragma once

#include "util/file.h"
#include "util/root.h"

/* Paths from the variable's name, a literal. */
#define EFIVAR_IMAGES(n) "/sys/firmware/efi/efivars/" n "-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
#define EFIVAR_SHIM(n)	 "/sys/firmware/efi/efivars/" n "-605dab50-e046-4300-abb6-3dd810dd8b23"

/*
 * The content of a variable, without efivarfs' attributes. -ENOENT if there is none; whatever is
 * there but cannot be read is refused (check "efi.variable"). name is for messages.
 */
int efivar_read(const struct root *root, const char *path, const char *name, struct buffer *ret,
		struct ukd_error *e) _must_check_;

/*
 * The same for a variable of shim's; path is its EFIVAR_SHIM(). First from the table that shim
 * hands to the kernel, whose entry is whole where the variable may be cut to the firmware's limit.
 * The table is for root only; anyone else gets the variable.
 */
int efivar_read_shim(const struct root *root, const char *name, const char *path,
		     struct buffer *ret, struct ukd_error *e) _must_check_;
