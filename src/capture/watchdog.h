/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends the capture environment when its time is over, whatever the main program does.
 *
 * A process of its own, because a process in uninterruptible sleep (a dead disk, a dead server)
 * runs no signal handler, and a thread would share the memory map that it may hold locked. It
 * sleeps, says why on /dev/kmsg and calls reboot(2) itself. Shutting down devices may hang on the
 * very same disk, so a second such process follows some seconds later with the kernel's emergency
 * restart, which asks no driver. When the kernel itself hangs there is the hardware (keeper.h),
 * which is kept alive until both have had their time.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/root.h"

#define WATCHDOG_SECOND_S 20
#define WATCHDOG_KEEPER_S 40

/*
 * Starts a process that calls act(ctx) at end_ms (on clock_ms()) and then ends. It is exempt from
 * the out-of-memory killer and from systemd's last round of killing. Returns its pid or a negative
 * errno.
 */
pid_t watchdog_start(uint64_t end_ms, void (*act)(void *ctx), void *ctx,
		     struct ukd_error *e) _must_check_;

/* Has it act now. May be called from a signal handler. */
void watchdog_wake(pid_t pid);

/* Ends a watchdog that is no longer needed. pid <= 0: does nothing. */
void watchdog_stop(pid_t pid);

/* The three of them; 0: not running. */
struct watchdogs {
	pid_t first, second, keeper;
};

/*
 * What a program that becomes another one leaves to its successor in the full environment: the end
 * of the time (/run/ukdump/deadline, decimal milliseconds on clock_ms()) and the processes
 * (/run/ukdump/watchdogs). handover_read() is -ENOENT where there was no predecessor.
 */
int handover_write(const struct root *root, uint64_t end_ms, const struct watchdogs *w,
		   struct ukd_error *e) _must_check_;
int handover_read(const struct root *root, uint64_t *ret_end_ms, struct watchdogs *ret_w,
		  struct ukd_error *e) _must_check_;
