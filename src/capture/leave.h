/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a capture: OnSuccess= and OnFailure=. */
#pragma once

#include "capture/capture.h"
#include "capture/watchdog.h"

/*
 * Ends the machine as asked. Watchdogs, in hardware or not, are stopped first where the machine is
 * to stay off or somebody is to work at a shell; they go on where it reboots, in case that hangs.
 * Returns only if the kernel refuses everything.
 */
void leave(const struct capture *c, enum setting_action action, const struct watchdogs *w);
