// SPDX-License-Identifier: GPL-2.0-or-later
/* Entries of the journal: see journal.h. */
#include "ctl/report/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/process.h"

#define LIMIT_S 10

/* One field is one line: NAME=VALUE. */
static int put(int fd, const char *name, const char *value)
{
	_free_ char *clean = value && value[0] ? strdup(value) : NULL;

	if (!value || !value[0])
		return 0;
	if (!clean)
		return -ENOMEM;
	return dprintf(fd, "%s=%s\n", name, text_clean(clean)) < 0 ? -errno : 0;
}

int journal_send(int priority, const char *message_id, const char *message,
		 const struct journal_field *fields, size_t n, struct ukd_error *e)
{
	static const char *const argv[] = {"logger", "--journald", NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv};
	_close_ int fd = -1;
	char number[12];
	int r = memfd_open(&fd, e);

	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", priority);
	r = put(fd, "MESSAGE", message);
	if (r >= 0)
		r = put(fd, "MESSAGE_ID", message_id);
	if (r >= 0)
		r = put(fd, "PRIORITY", number);
	if (r >= 0)
		r = put(fd, "SYSLOG_IDENTIFIER", "ukdump");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = put(fd, fields[i].name, fields[i].value);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot write an entry of the journal");
	p.stdin_fd = fd;
	p.timeout_s = LIMIT_S;
	r = process_run_ok(&p, e);
	return r < 0 ? ukd_prefix(e, "journal") : 0;
}
