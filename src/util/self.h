/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program arranges for itself: its standard descriptors, and signals that must wait. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/macro.h"

/*
 * Opens /dev/null as those of descriptors 0 to 2 that the caller has closed: a file that gets such
 * a number would be written to by the next message. Read-only, so that output still fails.
 */
void standard_descriptors(void);

/*
 * SIGINT, SIGTERM and SIGHUP wait from stops_hold() to stops_release(). Programs that process_run()
 * starts in between get them all the same.
 */
void stops_hold(sigset_t *ret_before);
void stops_release(sigset_t *before);
#define _stops_held_ _cleanup_(stops_release)

/* Does one of them wait? Then what takes long ends early and cleans up. */
bool stops_pending(void);

/* Does a process of this id run that has our program's name? Ids repeat early in every boot. */
bool process_is_like_us(pid_t pid);
