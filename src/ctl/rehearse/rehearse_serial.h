/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial console of the rehearsal's guest, line by line. */
#pragma once

#include "ctl/rehearse/rehearse_guest.h"

struct serial {
	struct guest_result *result;
	guest_progress_fn *progress;
	void *progress_ctx;
	char line[GUEST_LINE_MAX]; /* the one that has not ended yet; what is longer is cut */
	size_t used;
};

/* Takes len bytes that came seconds after the start. */
void serial_feed(struct serial *s, const char *bytes, size_t len, double seconds);
