// SPDX-License-Identifier: GPL-2.0-or-later
/* makedumpfile, the collector: see collector.h. */
#include "capture/collector.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/process.h"

/* --num-threads could write corrupt dumps before 1.7.8 (makedumpfile 65bf4c9). */
#define THREADS_SINCE 10708

static bool enabled(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line && !strncmp(line + strlen(name), "\tenabled", 8);
}

void makedumpfile_parse(const char *text, struct makedumpfile *ret)
{
	const char *version = strstr(text, "version ");
	unsigned int major, minor, patch;

	*ret = (struct makedumpfile){0};
	if (version && sscanf(version, "version %3u.%3u.%3u", &major, &minor, &patch) == 3 &&
	    minor < 100 && patch < 100)
		ret->version = major * 10000 + minor * 100 + patch;
	ret->lzo = enabled(text, "lzo");
	ret->snappy = enabled(text, "snappy");
	ret->zstd = enabled(text, "zstd");
}

const char *makedumpfile_compression(const struct makedumpfile *m, const char *compress,
				     bool *ret_exact)
{
	*ret_exact = true;
	if (!strcmp(compress, "none"))
		return NULL;
	if (!strcmp(compress, "zlib"))
		return "-c";
	if (!strcmp(compress, "lzo") && m->lzo)
		return "-l";
	if (!strcmp(compress, "snappy") && m->snappy)
		return "-p";
	if (!strcmp(compress, "zstd") && m->zstd)
		return "-z";
	/* An option that is not built in is ignored by makedumpfile: pages would be stored raw. */
	*ret_exact = !strcmp(compress, "auto");
	return m->zstd ? "-z" : m->lzo ? "-l" : "-c";
}

static int query_makedumpfile(const struct capture *c, struct makedumpfile *ret,
			      struct ukd_error *e)
{
	static const char *const argv[] = {"makedumpfile", "-v", NULL};
	_buffer_ struct buffer out = {0};
	const struct process p = {
		.argv = argv,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = STDOUT_FILENO, /* the pipe that stdout has become */
		.timeout_s = budget_share_s(&c->budget, 10, 30),
		.oom_score_adj = OOM_SCORE_FIRST,
		.output = &out,
		.output_max = 4096,
	};
	int r = process_run(&p, e);

	if (r < 0)
		return r;
	makedumpfile_parse(out.data ? (char *)out.data : "", ret);
	return 0;
}

static void warn_about_settings(const struct capture *c, const struct makedumpfile *m, bool exact)
{
	const char *compress = c->settings.dump.compress;

	if (!exact)
		capture_say(c, LOG_LEVEL_WARNING, "this makedumpfile has no %s", compress);
	if (c->settings.dump.threads > 1 && m->version < THREADS_SINCE)
		capture_say(c, LOG_LEVEL_WARNING,
			    "Threads= not used: makedumpfile before 1.7.8 can write corrupt dumps");
}

static void add_format(const struct attempt *a, const struct makedumpfile *m,
		       const struct plan *plan, struct arguments *ret)
{
	bool exact;
	const char *compress = makedumpfile_compression(m, a->c->settings.dump.compress, &exact);

	if (plan->step == STEP_CONFIGURED)
		warn_about_settings(a->c, m, exact);
	if (compress)
		arguments_add(ret, "%s", compress);
	arguments_add(ret, "-d");
	arguments_add(ret, "%u", plan->level);
}

int makedumpfile_command(const struct attempt *a, const struct plan *plan, uint64_t room,
			 struct arguments *ret, struct ukd_error *e)
{
	struct makedumpfile m;
	char core[4200];
	int r = query_makedumpfile(a->c, &m, e);

	if (r < 0)
		return r;
	arguments_add(ret, "makedumpfile");
	if (!room)
		arguments_add(ret, "-F");
	add_format(a, &m, plan, ret);
	/* Threads and the flattened format exclude each other. */
	if (plan->threads > 1 && m.version >= THREADS_SINCE && room) {
		arguments_add(ret, "--num-threads");
		arguments_add(ret, "%u", plan->threads);
	}
	if (plan->buffer_kib) {
		arguments_add(ret, "--cyclic-buffer");
		arguments_add(ret, "%u", plan->buffer_kib);
	}
	/* Full disk or KeepFree=: makedumpfile then ends with a dump marked incomplete. */
	if (room) {
		arguments_add(ret, "-L");
		arguments_add(ret, "%llu", (unsigned long long)room);
	}
	vmcore_path(a->c, core, sizeof(core));
	arguments_add(ret, "%s", core);
	if (room)
		arguments_add(ret, DUMP_UNFINISHED);
	return arguments_check(ret, e);
}
