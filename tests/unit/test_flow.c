// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flows with programs that fail at each place and in each way, and captures into a program (exec:)
 * and through encryption, with fake tools.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/flow.h"
#include "capture/words.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"

#define MILLION "head -c 1000000 /dev/zero"
/* sha256 of a million zeros */
#define MILLION_SHA "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"

struct fault {
	const char *what;
	const char *source, *filter, *sink; /* for sh -c; NULL: none, or a file */
	uint64_t limit;
	unsigned int time_s;
	enum flow_end end;
	enum flow_part culprit;
	int code;
	const char *text;
	bool sink_ok;
	uint64_t stored_min, stored_max;
};

#define ANY UINT64_MAX
static const struct fault faults[] = {
	{"all is well", MILLION, NULL, "cat >/dev/null", ANY, 9, FLOW_DONE, 0, 0, "", true, 1000000,
	 1000000},
	{"with a filter", MILLION, "cat", "cat >/dev/null", ANY, 9, FLOW_DONE, 0, 0, "", true,
	 1000000, 1000000},
	{"nothing at all", "true", "cat", "cat >/dev/null", ANY, 9, FLOW_DONE, 0, 0, "", true, 0,
	 0},
	{"a slow sink", MILLION, "cat", "sleep 1; cat >/dev/null", ANY, 9, FLOW_DONE, 0, 0, "",
	 true, 1000000, 1000000},
	{"source fails", "echo part; echo boom >&2; exit 3", NULL, "cat >/dev/null", ANY, 9,
	 FLOW_PROGRAM, FLOW_SOURCE, -EREMOTEIO, "sh: failed with exit status 3 (boom)", true, 5, 5},
	{"source fails before a filter", "echo part; exit 3", "cat", "cat >/dev/null", ANY, 9,
	 FLOW_PROGRAM, FLOW_SOURCE, -EREMOTEIO, "exit status 3", true, 5, 5},
	{"source is killed", "echo part; kill -9 $$", "cat", "cat >/dev/null", ANY, 9, FLOW_PROGRAM,
	 FLOW_SOURCE, -ECHILD, "signal 9", true, 5, 5},
	{"source fails, and then the sink", "echo part; exit 3", NULL, "cat >/dev/null; exit 4",
	 ANY, 9, FLOW_PROGRAM, FLOW_SOURCE, -EREMOTEIO, "exit status 3", false, 5, 5},
	{"filter fails at once", "yes", "echo no >&2; exit 5", "cat >/dev/null", ANY, 9,
	 FLOW_PROGRAM, FLOW_FILTER, -EREMOTEIO, "exit status 5 (no)", false, 0, 0},
	{"filter fails on the way", "yes", "head -c 100000; exit 5", "cat >/dev/null", ANY, 9,
	 FLOW_PROGRAM, FLOW_FILTER, -EREMOTEIO, "exit status 5", false, 0, 100000},
	{"filter is killed", "yes", "kill -11 $$", "cat >/dev/null", ANY, 9, FLOW_PROGRAM,
	 FLOW_FILTER, -ECHILD, "signal 11", false, 0, 0},
	{"filter ends early, without a fault", "yes", "head -c 100000", "cat >/dev/null", ANY, 9,
	 FLOW_PROGRAM, FLOW_FILTER, -EPIPE, "ended before it had everything", false, 0, 100000},
	{"sink fails at once", "yes", "cat", "echo 'no space' >&2; exit 6", ANY, 9, FLOW_PROGRAM,
	 FLOW_SINK, -EREMOTEIO, "exit status 6 (no space)", false, 0, 300000},
	{"sink fails on the way", "yes", NULL, "head -c 100000 >/dev/null; exit 6", ANY, 9,
	 FLOW_PROGRAM, FLOW_SINK, -EREMOTEIO, "exit status 6", false, 65536, 300000},
	{"sink fails at the end", MILLION, "cat", "cat >/dev/null; exit 6", ANY, 9, FLOW_PROGRAM,
	 FLOW_SINK, -EREMOTEIO, "exit status 6", false, 1000000, 1000000},
	{"sink ends early, without a fault", "yes", "cat", "exec head -c 100000", ANY, 9,
	 FLOW_PROGRAM, FLOW_SINK, -EPIPE, "ended before it had everything", false, 65536, 300000},
	{"sink closes its input and stays", "yes", NULL, "exec <&-; sleep 30", ANY, 9, FLOW_PROGRAM,
	 FLOW_SINK, -EPIPE, "stopped reading", false, 0, 300000},
	{"source stalls", "echo part; sleep 30", "cat", "cat >/dev/null", ANY, 9, FLOW_STALL,
	 FLOW_SOURCE, -ETIMEDOUT, "sh: made no progress for 2 s, gives nothing more", true, 5, 5},
	{"filter stalls", "yes", "sleep 30", "cat >/dev/null", ANY, 9, FLOW_STALL, FLOW_FILTER,
	 -ETIMEDOUT, "does not go on", false, 0, 0},
	{"filter stalls at the end", "echo part", "cat; sleep 30", "cat >/dev/null", ANY, 9,
	 FLOW_STALL, FLOW_FILTER, -ETIMEDOUT, "does not go on", false, 5, 5},
	{"sink stalls", "yes", "cat", "sleep 30", ANY, 9, FLOW_STALL, FLOW_SINK, -ETIMEDOUT,
	 "takes nothing more", false, 4096, 300000},
	{"sink stalls at the end", MILLION, NULL, "cat >/dev/null; sleep 30", ANY, 9, FLOW_STALL,
	 FLOW_SINK, -ETIMEDOUT, "takes nothing more", false, 1000000, 1000000},
	{"limit", "yes", "cat", "cat >/dev/null", 500000, 9, FLOW_LIMIT, FLOW_SOURCE, -ENOSPC,
	 "no space left", true, 500001, 1200000},
	{"no time", "yes", "cat", "cat >/dev/null", ANY, 3, FLOW_TIME, FLOW_SOURCE, -ETIMEDOUT,
	 "no time left", true, 1, ANY},
	{"no time, and the sink knows why", "yes", "cat", "echo answer 503 >&2; cat >/dev/null",
	 ANY, 3, FLOW_TIME, FLOW_SOURCE, -ETIMEDOUT, "(answer 503)", true, 1, ANY},
	{"source fails, and the sink does not end", "echo part; exit 3", "cat",
	 "cat >/dev/null; sleep 30", ANY, 9, FLOW_PROGRAM, FLOW_SOURCE, -EREMOTEIO, "exit status 3",
	 false, 5, 5},
	{"source says late that it failed", "echo part; exec >&-; sleep 0.5; exit 3", NULL,
	 "cat >/dev/null; exit 4", ANY, 9, FLOW_PROGRAM, FLOW_SOURCE, -EREMOTEIO, "exit status 3",
	 false, 5, 5},
	{"sink says late why it stopped", "yes", NULL, "exec <&-; sleep 0.5; echo no >&2; exit 6",
	 ANY, 9, FLOW_PROGRAM, FLOW_SINK, -EREMOTEIO, "exit status 6 (no)", false, 0, 300000},
	{"a sink that takes little at a time", "head -c 120000 /dev/zero", NULL,
	 "for i in 1 2 3 4 5; do sleep 0.6; dd bs=4096 count=5 of=/dev/null 2>/dev/null; done; "
	 "cat >/dev/null",
	 ANY, 9, FLOW_DONE, 0, 0, "", true, 120000, 120000},
	{"no such source", NULL, "cat", "cat", ANY, 9, FLOW_START, FLOW_SOURCE, -ENOENT,
	 "cannot start", false, 0, 0},
};

static const char *missing[] = {"/nonexistent/tool", NULL};

static int run_fault(const struct fault *t, struct flow_result *r, struct ukd_error *e)
{
	const char *argv[FLOW_PARTS][4];
	const char *const scripts[] = {t->source, t->filter, t->sink};
	struct flow f = {
		.what = "test",
		.limit = t->limit,
		.stall_s = 2,
		.end_ms = clock_ms() + t->time_s * 1000,
	};

	for (unsigned int i = 0; i < FLOW_PARTS; i++) {
		const char *const words[] = {"sh", "-c", scripts[i], NULL};

		memcpy(argv[i], words, sizeof(words));
		f.argv[i] = scripts[i] ? argv[i] : NULL;
	}
	if (!t->source)
		f.argv[FLOW_SOURCE] = missing;
	return flow_run(&f, r, e);
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_faults(void **state)
{
	unsigned int fds = open_fds();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct fault *t = &faults[i];
		struct ukd_error e = {0};
		uint64_t begin = clock_ms();
		struct flow_result r;
		int code = run_fault(t, &r, &e);

		if (code != t->code || r.end != t->end || r.culprit != t->culprit ||
		    !strstr(e.text, t->text) || r.sink_ok != t->sink_ok)
			fail_msg("%s: %d, end %d, culprit %d, '%s', sink %d", t->what, code, r.end,
				 r.culprit, e.text, r.sink_ok);
		if (r.stored < t->stored_min || r.stored > t->stored_max)
			fail_msg("%s: %llu stored", t->what, (unsigned long long)r.stored);
		if (clock_ms() - begin > 20000) /* what hangs here does so for 30 s */
			fail_msg("%s: %llu ms", t->what, (unsigned long long)(clock_ms() - begin));
		if (r.signalled != (t->code == -ECHILD))
			fail_msg("%s: signalled %d", t->what, r.signalled);
	}
	assert_int_equal(open_fds(), fds);
	/* No child is left either. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_counts_and_hash(void **state)
{
	static const struct fault plain = {
		.source = MILLION,
		.filter = "tr '\\0' x | head -c 5; cat >/dev/null",
		.sink = "cat >/dev/null",
		.limit = ANY,
		.time_s = 9,
	};
	/* Longer than any buffer, and different everywhere. */
	static const struct fault lines = {
		.source = "seq 1 100000",
		.sink = "sleep 0.3; cat >/dev/null",
		.limit = ANY,
		.time_s = 9,
	};
	struct flow_result r;
	struct ukd_error e;

	(void)state;
	assert_int_equal(run_fault(&lines, &r, &e), 0);
	assert_string_equal(r.sha256,
			    "b2bc7d3f8b652d2ec96865b68ad8f80e22cca174abe1aed7889e242a747d590f");
	assert_true(r.flattened.wrong);
	assert_int_equal(run_fault(&faults[0], &r, &e), 0);
	assert_string_equal(r.sha256, MILLION_SHA);
	assert_int_equal(r.taken, 1000000);
	for (unsigned int i = 0; i < FLOW_PARTS; i++)
		assert_int_equal(r.exit[i], i == FLOW_FILTER ? -1 : 0);
	/* Before the filter, and behind it. */
	assert_int_equal(run_fault(&plain, &r, &e), 0);
	assert_int_equal(r.taken, 1000000);
	assert_int_equal(r.stored, 5);
	assert_string_equal(r.sha256, /* of xxxxx */
			    "eaf16bc07968e013f3f94ab1342472434a39fc3475f11cf341a6c3965974f8e9");
}

/* What a program that sees the plain dump prints must not get into a text. */
static void test_secret(void **state)
{
	static const char *const source[] = {"sh", "-c", "echo password >&2; exit 1", NULL};
	static const char *const sink[] = {"cat", NULL};
	static const char *const refuses[] = {"sh", "-c",
					      "cat >/dev/null; echo HTTP 403 >&2; exit 1", NULL};
	struct flow f = {
		.what = "test",
		.argv = {[FLOW_SOURCE] = source, [FLOW_SINK] = sink},
		.limit = ANY,
		.stall_s = 2,
		.end_ms = clock_ms() + 5000,
		.secret = true,
	};
	struct flow_result r;
	struct ukd_error e;

	(void)state;
	assert_int_equal(flow_run(&f, &r, &e), -EREMOTEIO);
	assert_string_equal(e.text, "sh: failed with exit status 1");
	/* The filter sees it, too; the sink does not, and says why it refuses. */
	f.argv[FLOW_SOURCE] = sink;
	f.argv[FLOW_FILTER] = source;
	assert_int_equal(flow_run(&f, &r, &e), -EREMOTEIO);
	assert_null(strstr(e.text, "password"));
	f.argv[FLOW_SOURCE] = f.argv[FLOW_FILTER] = sink;
	f.argv[FLOW_SINK] = refuses;
	assert_int_equal(flow_run(&f, &r, &e), -EREMOTEIO);
	assert_string_equal(e.text, "sh: failed with exit status 1 (HTTP 403)");
}

/* Files at both ends, one that cannot be read and one that is full. */
static void test_files(void **state)
{
	_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_close_ int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	_close_ int dir = open("/", O_RDONLY | O_CLOEXEC);
	struct flow f = {
		.what = "test",
		.source_fd = zero,
		.sink_fd = full,
		.limit = ANY,
		.stall_s = 2,
		.end_ms = clock_ms() + 5000,
	};
	struct flow_result r;
	struct ukd_error e;
	_close_ int a = -1, b = -1;

	(void)state;
	assert_int_equal(flow_run(&f, &r, &e), -ENOSPC);
	assert_int_equal(r.end, FLOW_FILE);
	assert_int_equal(r.culprit, FLOW_SINK);
	f.source_fd = dir;
	assert_int_equal(flow_run(&f, &r, &e), -EISDIR);
	assert_int_equal(r.culprit, FLOW_SOURCE);
	assert_int_equal(memfd_open(&a, &e), 0);
	assert_int_equal(memfd_open(&b, &e), 0);
	assert_int_equal(ftruncate(a, 1000000), 0);
	f.source_fd = a;
	f.sink_fd = b;
	assert_int_equal(flow_run(&f, &r, &e), 0);
	assert_string_equal(r.sha256, MILLION_SHA);
	assert_int_equal(lseek(b, 0, SEEK_END), 1000000);
}

static void test_words(void **state)
{
	static const char progress[] =
		"Copying data : [ 12.5 %] /\rCopying data : [ 45.3 %] \\ \r\n";
	static const char last[] = "one\r\n  two\nthree\n\nfour\nmakedumpfile Failed.\n";
	_close_ int fd = words_open();
	char words[WORDS_MAX];
	double percent;

	(void)state;
	assert_false(words_percent(fd, &percent));
	words_last(fd, words);
	assert_string_equal(words, "");
	/* Far behind much that is forgotten. */
	assert_int_equal(ftruncate(fd, MIB(5)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), MIB(5));
	assert_int_equal(fd_write_full(fd, progress, strlen(progress)), 0);
	words_trim(fd);
	assert_true(words_percent(fd, &percent) && percent > 45.2 && percent < 45.4);
	words_last(fd, words);
	assert_string_equal(words, "");
	assert_int_equal(fd_write_full(fd, last, strlen(last)), 0);
	words_last(fd, words);
	assert_string_equal(words, "two; three; four");
}

static void count(void *ctx, const struct flow_state *s)
{
	unsigned int *n = ctx;

	(*n)++;
	assert_true(s->stored <= s->taken);
}

/* Progress on stderr keeps a silent source from being taken for one that hangs. */
static void test_silent_source(void **state)
{
	static const char *const source[] = {
		"sh", "-c", "for i in 1 2 3 4 5 6; do sleep 0.7; echo $i >&2; done", NULL};
	static const char *const sink[] = {"cat", NULL};
	unsigned int ticks = 0;
	struct flow f = {
		.what = "test",
		.argv = {[FLOW_SOURCE] = source, [FLOW_SINK] = sink},
		.limit = ANY,
		.stall_s = 2,
		.end_ms = clock_ms() + 9000,
		.tick = count,
		.tick_ctx = &ticks,
	};
	struct flow_result r;
	struct ukd_error e;

	(void)state;
	assert_int_equal(flow_run(&f, &r, &e), 0);
	assert_in_range(ticks, 4, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults), cmocka_unit_test(test_counts_and_hash),
		cmocka_unit_test(test_secret), cmocka_unit_test(test_files),
		cmocka_unit_test(test_words),  cmocka_unit_test(test_silent_source),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
