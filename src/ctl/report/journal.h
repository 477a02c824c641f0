/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of systemd's journal with a message id and fields, sent by `logger --journald` of
 * util-linux: no libsystemd in a program that reads hostile files. Each id has an entry in
 * systemd/ukdump.catalog and in ukdumpctl(8), and never changes its meaning.
 */
#pragma once

#include <stddef.h>
#include <syslog.h>

#include "util/error.h"

#define JOURNAL_CRASH	       "fa156e79aa2c4255b833133a682e19a3" /* a crash of this machine */
#define JOURNAL_NOTIFY_FAILED  "a9fc8cf716bd4dca9a598d0ab822d099" /* a program of notify.d */
#define JOURNAL_REFRESH_FAILED "8c451c86ce34459d83d88bdb897401a8" /* the old image stays armed */

struct journal_field {
	const char *name;  /* "UKDUMP_STATE": capitals, digits and underscores */
	const char *value; /* any text; NULL or empty: the field is left out */
};

/*
 * Sends one entry; priority is one of syslog(3), such as LOG_ERR. Values may be hostile: each
 * becomes one line of printable ASCII, so that it cannot add a field of its own. Waits 10 seconds
 * at most. Without a journal nothing is sent, and that is no error.
 */
int journal_send(int priority, const char *message_id, const char *message,
		 const struct journal_field *fields, size_t n, struct ukd_error *e) _must_check_;
