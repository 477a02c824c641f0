/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpio archives as the kernel's initramfs unpacker takes them (uncompressed, "newc"; the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#pragma once

#include <stdio.h>

#include "base/bytes.h"

/*
 * Writes an archive of its own that holds /.extra (mode 0555) and in it one file (0444), both
 * root's and without a date: what systemd-stub (262) makes of a section, so that the capture
 * environment finds what it would find after a boot by firmware. The caller checks out for errors.
 */
void cpio_write_extra(FILE *out, const char *name, struct bytes content);
