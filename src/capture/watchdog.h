/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends the capture environment when its time is over, whatever the main program does.
 *
 * A process of its own, because a process in uninterruptible sleep (a dead disk, a dead server)
 * runs no signal handler, and a thread would share the memory map that it may hold locked. It
 * sleeps, says why on /dev/kmsg and calls reboot(2) itself. Shutting down devices may hang on the
 * very same disk, so a second such process follows some seconds later with the kernel's emergency
 * restart, which asks no driver.
 */
#pragma once

#include <sys/types.h>

#include "util/error.h"

#define WATCHDOG_SECOND_S 20

/*
 * Starts a process that calls act(ctx) after seconds and then ends. It is exempt from the
 * out-of-memory killer. Returns its pid or a negative errno.
 */
pid_t watchdog_start(unsigned int seconds, void (*act)(void *ctx), void *ctx,
		     struct ukd_error *e) _must_check_;

/* Ends a watchdog that is no longer needed. pid <= 0: does nothing. */
void watchdog_stop(pid_t pid);
