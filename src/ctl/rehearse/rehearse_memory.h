/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of the rehearsal's guest after its end. Most servers' images have no serial console;
 * what a capture environment that failed has kept for an EFI variable (RESULT in ukdump-capture(8))
 * is found there all the same.
 */
#pragma once

#include "ctl/rehearse/rehearse_guest.h"

/* A new memory file of size bytes that a child inherits, for QEMU to map. */
int rehearse_memory_make(uint64_t size, int *ret_fd, struct ukd_error *e) _must_check_;

/* Sets the reason of *r, where the console has told none. */
void rehearse_memory_read(int fd, struct guest_result *r);
