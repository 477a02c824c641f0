// SPDX-License-Identifier: GPL-2.0-or-later
/* makedumpfile, the collector: see collector.h. */
#include "capture/collector.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/guard.h"
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

struct command {
	const char *argv[16];
	char level[16], threads[16], limit[32], core[4200];
};

static void make_command(const struct attempt *a, const struct makedumpfile *m, uint64_t room,
			 struct command *ret)
{
	const struct settings *s = &a->c->settings;
	unsigned int n = 0;
	bool exact;
	const char *compress = makedumpfile_compression(m, s->dump.compress, &exact);

	warn_about_settings(a->c, m, exact);
	(void)snprintf(ret->level, sizeof(ret->level), "%u", s->dump.dump_level);
	(void)snprintf(ret->threads, sizeof(ret->threads), "%u", s->dump.threads);
	(void)snprintf(ret->limit, sizeof(ret->limit), "%llu", (unsigned long long)room);
	vmcore_path(a->c, ret->core, sizeof(ret->core));
	ret->argv[n++] = "makedumpfile";
	if (compress)
		ret->argv[n++] = compress;
	ret->argv[n++] = "-d";
	ret->argv[n++] = ret->level;
	if (s->dump.threads > 1 && m->version >= THREADS_SINCE) {
		ret->argv[n++] = "--num-threads";
		ret->argv[n++] = ret->threads;
	}
	/* Full disk or KeepFree=: makedumpfile then ends with a dump marked incomplete. */
	ret->argv[n++] = "-L";
	ret->argv[n++] = ret->limit;
	ret->argv[n++] = ret->core;
	ret->argv[n++] = DUMP_UNFINISHED;
	ret->argv[n] = NULL;
}

/* Whatever the outcome: what was written goes to the disk, in the time that is left. */
static int sync_dump(struct attempt *a, struct ukd_error *e)
{
	_close_ int fd = openat(a->dirfd, DUMP_UNFINISHED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "makedumpfile wrote no dump");
	return guard_fsync(fd, budget_work_s(&a->c->budget, 600), "fsync of the dump", e);
}

int plan_makedumpfile(struct attempt *a, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	struct makedumpfile m;
	struct command command;
	struct ukd_error e2;
	uint64_t room;
	int r = directory_room(a, &room, e);

	if (r < 0)
		return r;
	r = query_makedumpfile(a->c, &m, e);
	if (r < 0)
		return r;
	make_command(a, &m, room, &command);
	record_collector(record, command.argv);
	r = tool_run(a, command.argv, -1, budget_work_s(&a->c->budget, UINT64_MAX), true,
		     &record->collector.exit, e);
	if (r < 0) {
		(void)sync_dump(a, &e2);
		return r;
	}
	return sync_dump(a, e);
}
