// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Saving by streams: see stream.h. The log is collected in memory first, so that a tool that fails
 * can be followed by the next; dumps go straight through. Whatever ends a stream early, what has
 * passed is stored as far as the other side takes it.
 */
#include "capture/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/collector.h"
#include "capture/encrypt.h"
#include "capture/guard.h"
#include "capture/log_triage.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define SCRATCH	 "ukdump-log"
#define LOG_MAX	 MIB(16) /* it is in memory */
#define READABLE MIB(1)	 /* of a plain copy: headers and notes are in it */
/* Filter and pipes may hold this much when a limit is reached. */
#define IN_FLIGHT MIB(1)

static const char *suffix(const struct attempt *a)
{
	return encrypt_wanted(a->c) ? ENCRYPT_SUFFIX : "";
}

/* The sink: a program of the target, or a new file. */
static int open_sink(struct attempt *a, const char *name, struct flow *f, struct arguments *args,
		     int *ret_fd, struct ukd_error *e)
{
	int r;

	if (a->stream->put) {
		r = a->stream->put(a, name, args, e);
		if (r == 0)
			r = arguments_check(args, e);
		f->argv[FLOW_SINK] = args->v;
		return r;
	}
	*ret_fd =
		openat(a->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	f->sink_fd = *ret_fd;
	return *ret_fd < 0 ? ukd_fail_errno(e, -errno, "cannot create %s", name) : 0;
}

/* What has gone into a file goes to the disk, whether it is all or not. */
static int sync_sink(struct attempt *a, int fd, const char *name, bool ok, struct ukd_error *e)
{
	unsigned int limit_s = budget_any_s(&a->c->budget, 600);
	struct ukd_error ignored;

	if (fd < 0)
		return 0;
	return guard_fsync(fd, limit_s, name, ok ? e : &ignored);
}

/*
 * Runs a flow whose source and end are set into the target. Stall limit, filter and sink are set
 * here; encrypted: through age, if that is wanted at all.
 */
static int send(struct attempt *a, struct flow *f, const char *name, bool encrypted,
		struct flow_result *ret, struct ukd_error *e)
{
	struct arguments filter = {0}, sink = {0};
	_close_ int fd = -1;
	int r;

	*ret = (struct flow_result){.end = FLOW_START, .culprit = FLOW_SINK};
	f->what = name;
	f->stall_s = stall_limit_s(a->c);
	f->secret = encrypt_wanted(a->c);
	if (encrypted && encrypt_wanted(a->c)) {
		encrypt_arguments(a->c, &filter);
		f->argv[FLOW_FILTER] = filter.v;
	}
	r = open_sink(a, name, f, &sink, &fd, e);
	if (r < 0)
		return r;
	r = flow_run(f, ret, e);
	if (sync_sink(a, fd, name, r == 0, e) < 0 && r == 0) {
		ret->end = FLOW_FILE;
		ret->culprit = FLOW_SINK;
		r = e->code;
	}
	return r;
}

static int send_file(struct attempt *a, int fd, const char *name, bool encrypted, uint64_t limit_ms,
		     struct ukd_error *e)
{
	struct flow f = {.source_fd = fd, .limit = UINT64_MAX, .end_ms = clock_ms() + limit_ms};
	struct flow_result result;

	return send(a, &f, name, encrypted, &result, e);
}

/* A directory in the memory of the capture environment. */
static int open_scratch(const struct capture *c, struct ukd_error *e)
{
	_close_ int run = root_openat(c->root, "/run", O_RDONLY | O_DIRECTORY);
	int fd;

	if (run < 0)
		return ukd_fail_errno(e, run, "/run");
	if (mkdirat(run, SCRATCH, 0700) < 0 && errno != EEXIST)
		return ukd_fail_errno(e, -errno, "/run/%s", SCRATCH);
	fd = openat(run, SCRATCH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ukd_fail_errno(e, -errno, "/run/%s", SCRATCH);
	(void)unlinkat(fd, LOG_NAME, 0);
	(void)unlinkat(fd, LOG_PART, 0);
	return fd;
}

/* Sends one of the files of the scratch directory and removes it. -ENOENT: it is not there. */
static int send_log(struct attempt *a, int scratch, const char *file, struct ukd_error *e)
{
	_close_ int fd = openat(scratch, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char name[64], size[FORMAT_SIZE_MAX];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "%s", file);
	(void)unlinkat(scratch, file, 0);
	(void)snprintf(name, sizeof(name), "%s%s", file, suffix(a));
	r = send_file(a, fd, name, true, budget_work_ms(&a->c->budget), e);
	if (r == 0)
		(void)snprintf(a->note, sizeof(a->note), "%s in %s/%s",
			       format_size((uint64_t)st.st_size, size), a->name, name);
	return r;
}

int stream_save_log(struct attempt *a, struct ukd_error *e)
{
	_close_ int scratch = open_scratch(a->c, e);
	struct attempt inside = *a;
	struct ukd_error ignored;
	int r;

	if (scratch < 0)
		return scratch;
	inside.dirfd = scratch;
	r = kernel_log(&inside, LOG_MAX, e);
	if (r < 0) {
		if (encrypt_wanted(a->c))
			(void)ukd_fail(e, r, "the tools for the kernel log failed");
		(void)send_log(a, scratch, LOG_PART, &ignored);
		return r;
	}
	/* Now, since no memory is to spare for it while the dump is made. */
	log_triage(a->c, scratch);
	r = send_log(a, scratch, LOG_NAME, e);
	a->log_saved = r == 0;
	return r;
}

int stream_check_space(struct attempt *a, struct ukd_error *e)
{
	(void)e;
	(void)snprintf(a->note, sizeof(a->note), "not known there");
	return 0;
}

/* What is known of the dump that was sent last. */
struct sent {
	struct flow_result flow;
	bool copy;
	bool flattened; /* an earlier plan has stored something in the other format */
};

/* Has a dump its final name from the start, which tells its format? */
static bool has_no_rename(const struct attempt *a)
{
	return !a->stream->rename && a->dirfd < 0;
}

static void final_name(const struct attempt *a, bool flattened, char *ret, size_t size)
{
	(void)snprintf(ret, size, "vmcore%s%s", flattened ? ".flat" : "", suffix(a));
}

static void set_names(struct attempt *a, bool flattened)
{
	struct record *r = &a->c->record;

	r->format = flattened ? "flattened" : "elf";
	final_name(a, flattened, r->file, sizeof(r->file));
	(void)snprintf(r->file_part, sizeof(r->file_part), "%s",
		       has_no_rename(a) ? r->file : DUMP_UNFINISHED);
}

/* Sets the source of a plan. */
static int open_source(struct attempt *a, const struct plan *plan, struct flow *f,
		       struct arguments *args, int *ret_fd, struct ukd_error *e)
{
	int r;

	if (plan->step >= STEP_COPY)
		return copy_prepare(a, f, ret_fd, e);
	r = makedumpfile_command(a, plan, 0, args, e);
	if (r < 0)
		return r;
	record_collector(&a->c->record, args->v);
	f->argv[FLOW_SOURCE] = args->v;
	return 0;
}

static uint64_t room_for(const struct attempt *a)
{
	struct ukd_error ignored;
	uint64_t room;

	if (a->dirfd < 0 || directory_room(a, &room, &ignored) < 0)
		return UINT64_MAX;
	return room > IN_FLIGHT ? room - IN_FLIGHT : 0;
}

static enum failure run(struct attempt *a, void *ctx, const struct plan *plan, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	struct sent *sent = ctx;
	struct flow_progress progress = {0};
	struct flow f = {
		.end_ms = clock_ms() + budget_work_ms(&a->c->budget),
		.tick = flow_progress,
		.tick_ctx = &progress,
		.limit = room_for(a),
	};
	struct arguments args = {0};
	_close_ int core = -1;

	sent->flattened |= sent->flow.stored && !sent->copy;
	sent->copy = plan->step >= STEP_COPY;
	sent->flow = (struct flow_result){0};
	record->bytes = 0;
	if (open_source(a, plan, &f, &args, &core, e) < 0)
		return sent->copy ? FAILURE_EXIT : FAILURE_START;
	set_names(a, !sent->copy);
	progress.total = sent->copy ? a->c->crash.size : 0;
	progress_begin(&progress.progress, a->c, sent->copy ? "copy" : "dump");
	(void)send(a, &f, record->file_part, true, &sent->flow, e);
	progress_end(&progress.progress, sent->flow.stored);
	record->bytes = sent->flow.stored;
	record->collector.exit = sent->copy ? (sent->flow.end == FLOW_DONE ? 0 : -1) :
					      sent->flow.exit[FLOW_SOURCE];
	return flow_failure(&sent->flow, e);
}

/* What has passed was whole, by its own structure. */
static int check_structure(const struct capture *c, const struct sent *sent, struct ukd_error *e)
{
	const struct flattened *f = &sent->flow.flattened;

	if (sent->copy)
		return copy_check(c, sent->flow.taken, e);
	if (flattened_complete(f))
		return 0;
	if (f->wrong)
		return ukd_refuse(e, "dump.signature", "makedumpfile gave no flattened dump");
	return ukd_refuse(e, "dump.truncated", "the flattened dump ends before its end marker");
}

/* What is stored there is what was sent. */
static int compare(struct attempt *a, const struct sent *sent, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	char there[65];
	int r = -EOPNOTSUPP;

	if (a->stream->sha256)
		r = a->stream->sha256(a, record->file_part, there, e);
	if (r == -EOPNOTSUPP) {
		(void)snprintf(a->note, sizeof(a->note), "%s, not compared with what is there",
			       sent->flow.sha256);
		return 0;
	}
	if (r < 0)
		return r;
	if (strcmp(there, sent->flow.sha256)) {
		record->checked = CHECKED_NOT;
		return ukd_fail(e, -EIO, "stored %.64s, sent %s", there, sent->flow.sha256);
	}
	record->checked = CHECKED_FULL;
	(void)snprintf(a->note, sizeof(a->note), "%s", there);
	return 0;
}

static int check(struct attempt *a, void *ctx, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	const struct sent *sent = ctx;
	int r = check_structure(a->c, sent, e);

	if (r < 0)
		return r;
	record->checked = CHECKED_HEADER;
	(void)snprintf(record->sha256, sizeof(record->sha256), "%s", sent->flow.sha256);
	return compare(a, sent, e);
}

static struct dump_facts left(struct attempt *a, void *ctx)
{
	const struct sent *sent = ctx;
	const struct flow_result *r = &sent->flow;
	struct dump_facts facts = {.size = r->stored};

	/* A file holds what it took, a lost connection nobody knows what. */
	if (!r->stored || (!r->sink_ok && a->stream->put))
		return facts;
	facts.format = sent->copy ? DUMP_ELF : DUMP_FLATTENED;
	facts.readable = sent->copy ? r->taken >= READABLE : flattened_readable(&r->flattened);
	return facts;
}

/*
 * A copy of all memory is complete: what makedumpfile has left under its own name is not to be
 * taken for a dump. None of these targets removes anything, but all replace.
 */
static void empty_flattened(struct attempt *a)
{
	_close_ int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ukd_error e;
	char name[32];

	final_name(a, true, name, sizeof(name));
	if (send_file(a, nothing, name, false, budget_work_ms(&a->c->budget), &e) < 0)
		capture_say(a->c, LOG_LEVEL_WARNING, "what is left of %s stays: %s", name, e.text);
}

enum dump_state stream_save_dump(struct attempt *a)
{
	const struct dump_way way = {
		.run = run,
		.check = check,
		.left = left,
		.directory = a->dirfd >= 0,
	};
	struct sent sent = {0};
	enum dump_state state = plans_run(a, &way, &sent);

	if (state == STATE_COMPLETE && sent.copy && sent.flattened && has_no_rename(a))
		empty_flattened(a);
	return state;
}

static int put_manifest(struct attempt *a, struct ukd_error *e)
{
	_free_ char *text = manifest_text(&a->c->record);
	_close_ int fd = -1;
	int r;

	if (!text)
		return ukd_oom(e);
	r = memfd_open(&fd, e);
	if (r < 0)
		return r;
	r = fd_write_full(fd, text, strlen(text));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ukd_fail_errno(e, r < 0 ? r : -errno, "manifest");
	/* It has what was kept back for this. */
	return send_file(a, fd, "manifest.json", false, budget_left_ms(&a->c->budget), e);
}

int stream_publish(struct attempt *a, struct ukd_error *e)
{
	struct record *record = &a->c->record;
	struct ukd_error e2;
	int r = 0;

	if (record->state == STATE_COMPLETE && a->stream->rename)
		r = a->stream->rename(a, record->file_part, record->file, e);
	if (r < 0) {
		record->state = STATE_PARTIAL;
		(void)put_manifest(a, &e2);
		return r;
	}
	r = put_manifest(a, e);
	if (r == 0 && record->state == STATE_COMPLETE)
		(void)snprintf(a->note, sizeof(a->note), "%s/%s", a->name, record->file);
	return r;
}

int stream_disconnect(struct attempt *a, struct ukd_error *e)
{
	(void)a;
	(void)e;
	return 0;
}
