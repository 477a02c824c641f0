// SPDX-License-Identifier: GPL-2.0-or-later
/* The line that tells why: see panic.h. */
#include "capture/panic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/collector.h"
#include "capture/encrypt.h"
#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/process.h"

#define LIMIT_S 30

struct search {
	const struct capture *c;
	char found[sizeof(((struct record *)NULL)->panic)];
};

bool panic_line_better(const char *line, const char *best)
{
	/* What follows an oops: the line of the oops itself says more. */
	if (strstr(line, "Kernel panic - not syncing: Fatal exception"))
		return !best[0];
	return strstr(line, "Kernel panic - not syncing") || strstr(line, "BUG: ") ||
	       strstr(line, "general protection fault");
}

/* Child side: nobody else reads the pipe, and the tool dies with us. */
static int search(void *ctx)
{
	struct search *s = ctx;
	char core[4200], line[1024];
	const char *const argv[] = {"vmcore-dmesg", core, NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .oom_score_adj = OOM_SCORE_FIRST};
	struct child child = CHILD_NONE;
	_fclose_ FILE *log = NULL;
	struct ukd_error e;
	int fds[2], r;

	vmcore_path(s->c, core, sizeof(core));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	p.stdout_fd = fds[1];
	r = process_start(&p, &child, &e);
	(void)close(fds[1]);
	log = fdopen(fds[0], "r");
	while (r >= 0 && log && fgets(line, sizeof(line), log)) {
		line[strcspn(line, "\n")] = 0;
		if (panic_line_better(line, s->found))
			(void)snprintf(s->found, sizeof(s->found), "%.190s", line);
	}
	return r < 0 ? r : 0;
}

void panic_find(struct capture *c)
{
	struct search *s;
	struct ukd_error e;

	if (encrypt_wanted(c))
		return;
	s = guard_share(sizeof(*s));
	if (!s)
		return;
	s->c = c;
	/* Whatever was found until then is as good. */
	if (guard_call(search, s, budget_any_s(&c->budget, LIMIT_S), "kernel log", &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
	(void)snprintf(c->record.panic, sizeof(c->record.panic), "%s", s->found);
	guard_unshare(s, sizeof(*s));
}
