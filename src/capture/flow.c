// SPDX-License-Identifier: GPL-2.0-or-later
/* Moving bytes between programs and files: see flow.h. */
#include "capture/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/words.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/process.h"

#define BUFFER	     KIB(128)
#define FINISH_MS    10000 /* for filter and sink to finish when the source has ended early */
#define LAST_WORD_MS 2000  /* for a program that stopped reading to end */

/* Moves bytes between two descriptors, both ours; closed (-1) when done. Reads only when empty. */
struct hop {
	int from;
	int to;
	uint8_t *data;
	size_t len; /* in data */
	size_t off; /* of it, written already */
};

struct pump {
	const struct flow *f;
	struct flow_result *r;
	struct ukd_error *e; /* the first failure */
	struct child child[FLOW_PARTS];
	int words[FLOW_PARTS];
	struct hop hops[2];
	unsigned int n_hops;
	SHA2_CTX sha;
	uint64_t begin_ms;
	uint64_t moved_ms;
	uint64_t next_tick_ms;
	uint64_t words_seen; /* of the source: progress, too */
	uint64_t finish_ms;  /* 0: the source still runs as it should */
	bool aborted;
};

static const char *part_name(const struct flow *f, enum flow_part part)
{
	return f->argv[part] ? f->argv[part][0] : f->what;
}

static struct hop *last_hop(struct pump *p)
{
	return &p->hops[p->n_hops - 1];
}

/* The hop that feeds a filter or a sink. */
static struct hop *feeder(struct pump *p, enum flow_part part)
{
	return part == FLOW_SINK ? last_hop(p) : &p->hops[0];
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(take_fd(fd));
}

/* The source is stopped; what has passed may still reach the sink. */
static void stop_source(struct pump *p)
{
	uint64_t stall_ms = (uint64_t)p->f->stall_s * 1000;

	(void)process_kill(&p->child[FLOW_SOURCE]);
	if (!p->f->argv[FLOW_SOURCE])
		close_fd(&p->hops[0].from);
	p->moved_ms = clock_ms();
	p->finish_ms = p->moved_ms + (stall_ms < FINISH_MS ? stall_ms : FINISH_MS);
}

/* The first failure is kept; e is filled by the caller before. */
static void fail(struct pump *p, enum flow_end end, enum flow_part part, const struct ukd_error *e)
{
	if (p->r->end == FLOW_DONE) {
		p->r->end = end;
		p->r->culprit = part;
		*p->e = *e;
	}
	if (part == FLOW_SOURCE && !p->finish_ms)
		stop_source(p);
	else if (part != FLOW_SOURCE)
		p->aborted = true;
}

/*
 * Adds what the program said last to a text about it. Behind the filter all is ciphertext, and why
 * a server refused it is no secret.
 */
static void add_words(const struct pump *p, enum flow_part part, struct ukd_error *e)
{
	char words[WORDS_MAX] = "", text[sizeof(e->text)];

	if (p->words[part] < 0 || (p->f->secret && part != FLOW_SINK))
		return;
	words_last(p->words[part], words);
	if (!words[0])
		return;
	(void)snprintf(text, sizeof(text), "%.200s (%.300s)", e->text, words);
	memcpy(e->text, text, sizeof(text));
}

/* A program has ended. Good only with exit status 0, and not before it was given everything. */
static void take_end(struct pump *p, enum flow_part part)
{
	struct ukd_error e;
	int r = process_reap(&p->child[part], &e);

	p->moved_ms = clock_ms();
	p->r->exit[part] = r < 0 ? -1 : r;
	if (r > 0)
		r = ukd_fail(&e, -EREMOTEIO, "%s: failed with exit status %d",
			     part_name(p->f, part), r);
	else if (r == 0 && part != FLOW_SOURCE && feeder(p, part)->to >= 0)
		r = ukd_fail(&e, -EPIPE, "%s: ended before it had everything",
			     part_name(p->f, part));
	if (r == 0)
		return;
	if (p->r->end == FLOW_DONE)
		p->r->signalled = r == -ECHILD;
	add_words(p, part, &e);
	fail(p, FLOW_PROGRAM, part, &e);
}

/* Its pipe is broken: it has ended, or will soon, and then says why. */
static void take_broken_pipe(struct pump *p, enum flow_part part)
{
	struct pollfd end = {.fd = p->child[part].pidfd, .events = POLLIN};
	struct ukd_error e;

	if (poll(&end, 1, LAST_WORD_MS) > 0) {
		take_end(p, part);
		return;
	}
	(void)ukd_fail(&e, -EPIPE, "%s: stopped reading", part_name(p->f, part));
	add_words(p, part, &e);
	fail(p, FLOW_PROGRAM, part, &e);
}

static void hop_read(struct pump *p, struct hop *h)
{
	ssize_t n = read(h->from, h->data, BUFFER);
	struct ukd_error e;

	if (n > 0) {
		h->len = (size_t)n;
		h->off = 0;
		p->moved_ms = clock_ms();
		if (h == &p->hops[0]) {
			p->r->taken += h->len;
			flattened_feed(&p->r->flattened, h->data, h->len);
		}
	} else if (n == 0) {
		close_fd(&h->from);
	} else if (errno != EINTR && errno != EAGAIN) {
		(void)ukd_fail_errno(&e, -errno, "cannot read %s at %llu", p->f->what,
				     (unsigned long long)p->r->taken);
		close_fd(&h->from);
		fail(p, FLOW_FILE, FLOW_SOURCE, &e);
	}
}

static void hop_write(struct pump *p, struct hop *h)
{
	enum flow_part reader = h == last_hop(p) ? FLOW_SINK : FLOW_FILTER;
	ssize_t n = write(h->to, h->data + h->off, h->len - h->off);
	struct ukd_error e;

	if (n > 0) {
		p->moved_ms = clock_ms();
		if (reader == FLOW_SINK) {
			SHA256Update(&p->sha, h->data + h->off, (size_t)n);
			p->r->stored += (uint64_t)n;
		}
		h->off += (size_t)n;
	} else if (n < 0 && errno == EPIPE && p->f->argv[reader]) {
		take_broken_pipe(p, reader);
	} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
		(void)ukd_fail_errno(&e, -errno, "cannot write %s at %llu", p->f->what,
				     (unsigned long long)p->r->stored);
		fail(p, FLOW_FILE, reader, &e);
	}
}

/* What the hop waits for. */
static struct pollfd hop_poll(const struct hop *h)
{
	if (h->off < h->len)
		return (struct pollfd){.fd = h->to, .events = POLLOUT};
	return (struct pollfd){.fd = h->from, .events = POLLIN};
}

static void hop_step(struct pump *p, struct hop *h)
{
	if (h->off < h->len)
		hop_write(p, h);
	else if (h->from >= 0)
		hop_read(p, h);
}

/*
 * The reader's end of file, given only when it is known how the writer ended: a failure of the
 * writer comes before what it leads to.
 */
static void hop_end(struct pump *p, struct hop *h)
{
	enum flow_part writer = h == &p->hops[0] ? FLOW_SOURCE : FLOW_FILTER;

	if (h->from < 0 && h->off == h->len && p->child[writer].pid <= 0)
		close_fd(&h->to);
}

/* Whom everything waits for: the last that does not take what is there, else the first that runs. */
static enum flow_part stalled_part(const struct pump *p)
{
	for (unsigned int i = p->n_hops; i-- > 0;)
		if (p->hops[i].off < p->hops[i].len)
			return i + 1 == p->n_hops ? FLOW_SINK : FLOW_FILTER;
	if (p->hops[0].from >= 0 || p->child[FLOW_SOURCE].pid > 0)
		return FLOW_SOURCE;
	return p->child[FLOW_FILTER].pid > 0 ? FLOW_FILTER : FLOW_SINK;
}

static void take_stall(struct pump *p)
{
	static const char *const states[] = {
		[FLOW_SOURCE] = "gives nothing more",
		[FLOW_FILTER] = "does not go on",
		[FLOW_SINK] = "takes nothing more",
	};
	enum flow_part part = stalled_part(p);
	struct ukd_error e;

	(void)ukd_fail(&e, -ETIMEDOUT, "%s: made no progress for %u s, %s", part_name(p->f, part),
		       p->f->stall_s, states[part]);
	add_words(p, part, &e);
	fail(p, FLOW_STALL, part, &e);
}

static void check_limits(struct pump *p)
{
	uint64_t now = clock_ms();
	struct ukd_error e;

	if (p->finish_ms) {
		p->aborted |= now >= p->finish_ms;
		return;
	}
	if (now >= p->f->end_ms) {
		(void)ukd_fail(&e, -ETIMEDOUT, "%s: no time left, stopped at %llu bytes",
			       p->f->what, (unsigned long long)p->r->stored);
		add_words(p, FLOW_SINK,
			  &e); /* why it took so long, such as what a server answers */
		fail(p, FLOW_TIME, FLOW_SOURCE, &e);
	} else if (p->r->stored > p->f->limit) {
		(void)ukd_fail(&e, -ENOSPC, "%s: no space left, stopped at %llu bytes", p->f->what,
			       (unsigned long long)p->r->stored);
		fail(p, FLOW_LIMIT, FLOW_SOURCE, &e);
	} else if (now - p->moved_ms >= (uint64_t)p->f->stall_s * 1000) {
		take_stall(p);
	}
}

static void tick(struct pump *p)
{
	uint64_t now = clock_ms(), said;
	const struct flow_state state = {
		.taken = p->r->taken,
		.stored = p->r->stored,
		.source_words = p->words[FLOW_SOURCE],
		.seconds = (unsigned int)((now - p->begin_ms) / 1000),
	};

	p->next_tick_ms = now + 1000;
	/* makedumpfile says how it gets on long before it writes. */
	said = p->words[FLOW_SOURCE] >= 0 ? words_size(p->words[FLOW_SOURCE]) : 0;
	if (said != p->words_seen)
		p->moved_ms = now;
	p->words_seen = said;
	for (unsigned int i = 0; i < FLOW_PARTS; i++)
		if (p->words[i] >= 0)
			words_trim(p->words[i]);
	if (p->f->tick)
		p->f->tick(p->f->tick_ctx, &state);
}

static bool finished(const struct pump *p)
{
	for (unsigned int i = 0; i < FLOW_PARTS; i++)
		if (p->child[i].pid > 0)
			return false;
	for (unsigned int i = 0; i < p->n_hops; i++)
		if (p->hops[i].to >= 0)
			return false;
	return true;
}

static void pump(struct pump *p)
{
	while (!p->aborted && !finished(p)) {
		struct pollfd fds[2 + FLOW_PARTS];

		for (unsigned int i = 0; i < 2; i++)
			fds[i] = i < p->n_hops ? hop_poll(&p->hops[i]) : (struct pollfd){.fd = -1};
		for (unsigned int i = 0; i < FLOW_PARTS; i++)
			fds[2 + i] = (struct pollfd){.fd = p->child[i].pidfd, .events = POLLIN};
		if (poll(fds, ARRAY_SIZE(fds), 200) > 0) {
			for (unsigned int i = 0; i < p->n_hops; i++)
				if (fds[i].revents && !p->aborted)
					hop_step(p, &p->hops[i]);
			for (unsigned int i = 0; i < FLOW_PARTS; i++)
				if (fds[2 + i].revents && p->child[i].pid > 0)
					take_end(p, (enum flow_part)i);
		}
		for (unsigned int i = 0; i < p->n_hops; i++)
			hop_end(p, &p->hops[i]);
		if (clock_ms() >= p->next_tick_ms)
			tick(p);
		check_limits(p);
	}
}

/* A pipe; our end never blocks. */
static int make_pipe(bool we_write, int *ret_ours, int *ret_theirs, struct ukd_error *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ukd_fail_errno(e, -errno, "pipe");
	*ret_ours = fds[we_write];
	*ret_theirs = fds[!we_write];
	if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		return ukd_fail_errno(e, -errno, "pipe");
	return 0;
}

/* Starts a program with pipes where ret_in and ret_out are not NULL: our ends. */
static int start_part(struct pump *p, enum flow_part part, int *ret_in, int *ret_out,
		      struct ukd_error *e)
{
	_close_ int in = -1, out = -1;
	struct process process = {PROCESS_DEFAULTS, .argv = p->f->argv[part]};
	int r = 0;

	p->words[part] = words_open();
	if (ret_in)
		r = make_pipe(true, ret_in, &in, e);
	if (r == 0 && ret_out)
		r = make_pipe(false, ret_out, &out, e);
	if (r < 0)
		return r;
	process.stdin_fd = in;
	process.stdout_fd = ret_out ? out : p->words[part];
	process.stderr_fd = p->words[part];
	process.oom_score_adj = part == FLOW_SOURCE ? OOM_SCORE_FIRST : OOM_SCORE_FIRST / 2;
	return process_start(&process, &p->child[part], e);
}

static int take_file(int fd, int *ret, struct ukd_error *e)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? ukd_fail_errno(e, -errno, "cannot use a file") : 0;
}

/* The sink first: nothing is read before there is somebody to take it. */
static int start(struct pump *p, enum flow_part *ret_part, struct ukd_error *e)
{
	const struct flow *f = p->f;
	int r;

	p->n_hops = f->argv[FLOW_FILTER] ? 2 : 1;
	for (unsigned int i = 0; i < p->n_hops; i++) {
		p->hops[i].data = malloc(BUFFER);
		if (!p->hops[i].data)
			return ukd_oom(e);
	}
	*ret_part = FLOW_SINK;
	r = f->argv[FLOW_SINK] ? start_part(p, FLOW_SINK, &last_hop(p)->to, NULL, e) :
				 take_file(f->sink_fd, &last_hop(p)->to, e);
	if (r == 0 && f->argv[FLOW_FILTER]) {
		*ret_part = FLOW_FILTER;
		r = start_part(p, FLOW_FILTER, &p->hops[0].to, &p->hops[1].from, e);
	}
	if (r < 0)
		return r;
	*ret_part = FLOW_SOURCE;
	return f->argv[FLOW_SOURCE] ? start_part(p, FLOW_SOURCE, NULL, &p->hops[0].from, e) :
				      take_file(f->source_fd, &p->hops[0].from, e);
}

static void clean_up(struct pump *p)
{
	for (unsigned int i = 0; i < FLOW_PARTS; i++) {
		(void)process_kill(&p->child[i]);
		close_fd(&p->words[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		close_fd(&p->hops[i].from);
		close_fd(&p->hops[i].to);
		free(p->hops[i].data);
	}
}

int flow_run(const struct flow *f, struct flow_result *ret, struct ukd_error *e)
{
	struct pump p = {
		.f = f,
		.r = ret,
		.e = e,
		.child = {CHILD_NONE, CHILD_NONE, CHILD_NONE},
		.words = {-1, -1, -1},
		.hops = {{.from = -1, .to = -1}, {.from = -1, .to = -1}},
		.begin_ms = clock_ms(),
		.moved_ms = clock_ms(),
		.next_tick_ms = clock_ms() + 1000,
	};
	uint8_t digest[SHA256_DIGEST_LENGTH];
	enum flow_part part;

	*ret = (struct flow_result){.exit = {-1, -1, -1}};
	SHA256Init(&p.sha);
	if (start(&p, &part, e) < 0) {
		ret->end = FLOW_START;
		ret->culprit = part;
		p.aborted = true;
	}
	pump(&p);
	tick(&p);
	SHA256Final(digest, &p.sha);
	format_hex((struct bytes){digest, sizeof(digest)}, ret->sha256);
	ret->sink_ok = !p.aborted;
	clean_up(&p);
	return ret->end == FLOW_DONE ? 0 : e->code;
}
