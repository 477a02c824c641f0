/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ukdumpctl report --boot`: what happened before this boot. New crashes of this machine are
 * verified, written to the journal, told to the programs of /etc/ukdump/notify.d and remembered for
 * `status`, each before the next one, so that a power cut repeats one at most.
 */
#pragma once

#include "util/root.h"

#define NOTIFY_DIR "/etc/ukdump/notify.d"

/*
 * Prints a line for each new crash, or JSON. Returns the exit code: failed if a crash could not be
 * written to the journal or remembered; programs that fail are only told.
 */
int report_boot(const struct root *root, bool json);

/* Ends the problem that the last crash is for `status`. Returns the exit code. */
int report_clear(const struct root *root);
