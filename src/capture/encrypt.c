// SPDX-License-Identifier: GPL-2.0-or-later
/* Encryption to recipients: see encrypt.h. */
#include "capture/encrypt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/process.h"

bool encrypt_wanted(const struct capture *c)
{
	return c->settings.dump.encrypt_to.n;
}

/* One recipient per line; '#' begins a comment. The file is part of the image. */
static void record_recipients(struct record *r, char *text)
{
	char *line;

	r->n_recipients = 0;
	while ((line = strsep(&text, "\n")))
		if (*line && *line != '#' && r->n_recipients < RECORD_RECIPIENTS)
			(void)snprintf(r->recipients[r->n_recipients++], sizeof(r->recipients[0]),
				       "%s", line);
}

int encrypt_prepare(struct capture *c, struct ukd_error *e)
{
	static const char *const argv[] = {"age", "--version", NULL};
	const struct process p = {
		.argv = argv,
		.stdin_fd = -1,
		.stdout_fd = STDERR_FILENO,
		.stderr_fd = -1,
		.timeout_s = budget_share_s(&c->budget, 10, 30),
		.oom_score_adj = OOM_SCORE_FIRST,
	};
	_buffer_ struct buffer b = {0};
	int r = root_read(c->root, ENCRYPT_RECIPIENTS, KIB(64), &b, e);

	if (r < 0)
		return r;
	record_recipients(&c->record, (char *)b.data);
	if (!c->record.n_recipients)
		return ukd_fail(e, -ENOKEY, "%s names nobody", ENCRYPT_RECIPIENTS);
	return process_run_ok(&p, e);
}

void encrypt_arguments(const struct capture *c, struct arguments *ret)
{
	arguments_add(ret, "age");
	arguments_add(ret, "-R");
	arguments_add(ret, "%s%s", c->root->path, ENCRYPT_RECIPIENTS);
}
