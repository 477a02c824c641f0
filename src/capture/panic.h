/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the kernel crashed, in one line of its log: for a result that has room for little more. */
#pragma once

#include "capture/capture.h"

/* Pure: does line say more about the crash than best ("": nothing yet)? */
bool panic_line_better(const char *line, const char *best);

/*
 * Reads the log with vmcore-dmesg(8), as a stream, and puts the line into the record (empty: none
 * was found). Does nothing where the log may not leave memory in the clear.
 */
void panic_find(struct capture *c);
