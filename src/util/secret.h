/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that is about to hold secrets. */
#pragma once

#include "util/error.h"

/*
 * From here on the process leaves no core dump, and no other process of the same user may look into
 * its memory (ptrace(2), /proc/PID/mem). Called before a private key or passphrase is read; cannot
 * be undone, and does not pass on to programs that are executed, but for the limit on core files.
 */
int process_keep_secrets(struct ukd_error *e) _must_check_;
