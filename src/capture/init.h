/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only pid 1 of the lean capture environment does: mounts, console, the end of the machine. */
#pragma once

#include "conf/settings.h"
#include "util/error.h"
#include "util/root.h"

/*
 * Mounts proc, sysfs, devtmpfs and a tmpfs on /run, calls init_console() and sets PATH. Goes on
 * after a failure; e then has the first. Returns 0 or a negative errno.
 */
int init_environment(struct ukd_error *e);

/* Makes /dev/console the standard streams, never blocking. */
void init_console(void);

/*
 * Makes writing to a terminal lose what does not fit, instead of waiting for ever: a serial line
 * may be stopped (XOFF), or have nobody at its other end.
 */
void init_never_block(int fd);

/*
 * False for an image that firmware booted, or that somebody loaded for a normal kexec: the command
 * line has no elfcorehdr=. True after a crash, and where it cannot be told.
 */
bool init_after_crash(const struct root *root);

/*
 * Leaves one copy of each message on the console: we print what we say, so the kernel is told to
 * print errors only, and log_to_kmsg() writes none. Does nothing where the command line asks for
 * another level.
 */
void init_quiet_kernel(void);

/* Ends the machine with reboot(2) directly. Returns only if the kernel refuses. */
void machine_end(enum setting_action action);

/* The kernel's emergency restart (SysRq b). Returns only if the kernel refuses. */
void machine_emergency(void);

/* Pid 1 must never return: waits for ever, reaping. */
_noreturn_ void init_wait(void);
