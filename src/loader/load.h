/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arms a capture image: snapshot, every check that can be made, one system call on the very bytes
 * that were checked. kexec_file_load(ON_CRASH) frees the old image before it reads the new one
 * (kernel/kexec_file.c, 3.17 to 7.2), so whatever can fail is made to fail before.
 */
#pragma once

#include "util/root.h"

/*
 * root: where /proc, /sys and /etc are; path: as the user gave it; profile: of a plain UKI, a
 * number or an ID, NULL for 0. On failure the machine is as
 * armed as before, as far as the kernel lets it: if the call itself failed, the last good image is
 * loaded again and e says whether that worked. Warnings go to the log.
 */
int load_image(const struct root *root, const char *path, const char *profile,
	       struct ukd_error *e) _must_check_;

/* Disarms. No error if nothing is armed. */
int unload_image(const struct root *root, struct ukd_error *e) _must_check_;

/* Prints facts as key=value on stdout. Returns 1 if armed, 0 if not, or a negative errno. */
int print_status(const struct root *root, struct ukd_error *e) _must_check_;
