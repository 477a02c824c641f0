// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the site's programs: see hooks.h. They are part of the signed image: trusted. */
#include "capture/hooks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/encrypt.h"
#include "util/cleanup.h"
#include "util/process.h"

#define SHARE	   10 /* a tenth of the time */
#define LIMIT_S	   60
#define OUTPUT_MAX KIB(64) /* what it prints beyond that is lost */

struct environment {
	char state[64], target[RECORD_REASON + 32], crash[160], dir[4200];
	const char *v[6];
};

static void make_environment(const struct hooks *h, struct environment *env)
{
	char link[64], path[4096] = "";
	ssize_t n = -1;

	if (h->dirfd >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", h->dirfd);
		n = readlink(link, path, sizeof(path) - 1);
	}
	path[n > 0 ? n : 0] = 0;
	(void)snprintf(env->state, sizeof(env->state), "UKDUMP_STATE=%s",
		       dump_state_name(h->state));
	(void)snprintf(env->target, sizeof(env->target), "UKDUMP_TARGET=%s", h->target);
	(void)snprintf(env->crash, sizeof(env->crash), "UKDUMP_CRASH=%s", h->crash);
	(void)snprintf(env->dir, sizeof(env->dir), "UKDUMP_DIR=%s", path);
	env->v[0] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	env->v[1] = env->state;
	env->v[2] = env->target;
	env->v[3] = env->crash;
	env->v[4] = env->dir;
	env->v[5] = NULL;
}

/* The end of what it printed, in one line. */
static void last_words(const struct buffer *output, char *ret, size_t size)
{
	const char *text = output->data ? (const char *)output->data : "";
	size_t n = output->len;

	while (n && text[n - 1] == '\n')
		n--;
	text += n > size - 1 ? n - (size - 1) : 0;
	(void)snprintf(ret, size, "%.*s", (int)(n > size - 1 ? size - 1 : n), text);
	for (char *p = ret; *p; p++)
		if (*p == '\n')
			*p = ';';
}

static void run_one(struct capture *c, const struct hooks *h, const char *program)
{
	_buffer_ struct buffer output = {0};
	struct stage *stage = record_begin(&c->record, h->stage);
	char path[4200], text[RECORD_REASON];
	struct environment env;
	struct ukd_error e;
	const char *const argv[] = {path, NULL};
	struct process p = {
		PROCESS_DEFAULTS,  .argv = argv,
		.env = env.v,	   .oom_score_adj = OOM_SCORE_FIRST,
		.output = &output, .output_max = OUTPUT_MAX,
	};
	int r;

	make_environment(h, &env);
	(void)snprintf(path, sizeof(path), "%s%s", c->root->path, program);
	(void)snprintf(stage->program, sizeof(stage->program), "%s", program);
	p.stderr_fd = STDOUT_FILENO; /* where stdout goes */
	p.timeout_s = budget_work_s(&c->budget, budget_share_s(&c->budget, SHARE, LIMIT_S));
	r = process_run_ok(&p, &e);
	/* It may print what it reads, and the record is not encrypted. */
	if (!encrypt_wanted(c))
		last_words(&output, stage->output, sizeof(stage->output));
	(void)snprintf(text, sizeof(text), "%.250s%s%.200s", r < 0 ? e.text : program,
		       stage->output[0] ? ": " : "", stage->output);
	capture_end_stage(c, stage, r < 0 ? OUTCOME_FAILED : OUTCOME_OK, text);
}

void hooks_run(struct capture *c, const struct hooks *h)
{
	for (unsigned int i = 0; i < h->programs->n; i++)
		run_one(c, h, h->programs->v[i]);
}
