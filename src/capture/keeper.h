/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware watchdogs: the machine is reset when its kernel hangs, which no process notices.
 *
 * One process keeps all of them alive, as soon as their drivers are there, and stops doing so at a
 * given time. Until then it is the proof that this kernel still runs
 * processes; whether the capture makes progress is not its business (watchdog.h).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "util/log.h"
#include "util/root.h"

typedef void keeper_say_fn(enum log_level level, const char *line);

/*
 * Starts the process; end_ms on clock_ms(). It says which watchdogs it keeps. It is exempt from the
 * out-of-memory killer and takes no signal but SIGKILL and keeper_stop()'s. Returns its pid or a
 * negative errno.
 */
pid_t keeper_start(uint64_t end_ms, keeper_say_fn *say, struct ukd_error *e) _must_check_;

/*
 * Stops the hardware watchdogs and ends the process: for a machine that is to stay off, or at a
 * shell. pid <= 0: only looks. -EBUSY if one goes on (nowayout), with a text for the operator.
 */
int keeper_stop(pid_t pid, const struct root *root, struct ukd_error *e) _must_check_;
