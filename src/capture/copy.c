// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plain copy of /proc/vmcore: what remains when makedumpfile fails. All of it, or as much as
 * space and time allow; headers and notes come first in the file, so a part can still be opened. A
 * page of the crashed kernel that cannot be read ends the copy: a hole in an ELF core could not be
 * told from real zeros.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "capture/collector.h"
#include "capture/words.h"
#include "util/cleanup.h"

int copy_prepare(const struct attempt *a, struct flow *f, int *ret_fd, struct ukd_error *e)
{
	static const char *const argv[] = {"copy", "/proc/vmcore", NULL};

	record_collector(&a->c->record, argv);
	*ret_fd = root_openat(a->c->root, "/proc/vmcore", O_RDONLY);
	if (*ret_fd < 0)
		return ukd_fail_errno(e, *ret_fd, "/proc/vmcore");
	f->argv[FLOW_SOURCE] = NULL;
	f->source_fd = *ret_fd;
	return 0;
}

int copy_check(const struct capture *c, uint64_t taken, struct ukd_error *e)
{
	_close_ int fd = root_openat(c->root, "/proc/vmcore", O_RDONLY);
	uint64_t extent;
	int r;

	if (fd < 0)
		return ukd_fail_errno(e, fd, "/proc/vmcore");
	r = elfcore_extent(fd, "/proc/vmcore", &extent, e);
	if (r < 0)
		return r;
	if (taken < extent)
		return ukd_refuse(e, "dump.truncated", "%llu of %llu bytes were read",
				  (unsigned long long)taken, (unsigned long long)extent);
	return 0;
}

enum failure flow_failure(const struct flow_result *r, const struct ukd_error *e)
{
	switch (r->end) {
	case FLOW_DONE:
		return FAILURE_NONE;
	case FLOW_LIMIT:
		return FAILURE_SPACE;
	case FLOW_TIME:
		return FAILURE_TIME;
	default:
		break;
	}
	if (r->end == FLOW_FILE && e->code == -ENOSPC)
		return FAILURE_SPACE;
	if (r->culprit != FLOW_SOURCE)
		return FAILURE_TARGET;
	if (r->end == FLOW_START)
		return FAILURE_START;
	if (r->end == FLOW_STALL)
		return FAILURE_STALL;
	return r->signalled ? FAILURE_KILLED : FAILURE_EXIT;
}

void flow_progress(void *ctx, const struct flow_state *state)
{
	struct flow_progress *p = ctx;
	double percent = -1;

	if (p->total)
		percent = progress_percent(state->taken, p->total);
	else if (state->source_words >= 0)
		(void)words_percent(state->source_words, &percent);
	progress_step(&p->progress, state->stored, percent);
}
