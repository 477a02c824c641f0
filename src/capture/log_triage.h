/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the saved kernel log tells of the crash, for the record: a store need not read logs then. */
#pragma once

#include "capture/capture.h"

/*
 * Reads dmesg.txt in dirfd (-1: there is none) in a child of its own, with a limit: a log that
 * breaks it, or none at all, costs nothing but these facts. Does nothing where they are known, or
 * where nothing of the log may be stored in the clear.
 */
void log_triage(struct capture *c, int dirfd);
