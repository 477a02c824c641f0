// SPDX-License-Identifier: GPL-2.0-or-later
/* src/util/process.c and self.c: child processes and what they inherit. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_tree.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/process.h"
#include "util/self.h"

/* Runs a shell command. */
static int shell(const char *command, struct process *p, struct ukd_error *e)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	p->argv = argv;
	return process_run(p, e);
}

static int run(const char *command, unsigned int limit, struct buffer *output, size_t max,
	       struct ukd_error *e)
{
	struct process p = {PROCESS_DEFAULTS, .output = output, .output_max = max};

	p.timeout_s = limit;
	return shell(command, &p, e);
}

static void test_exit_codes(void **state _unused_)
{
	const char *const none[] = {"/no/such/program", NULL}, *const dir[] = {"/tmp", NULL};
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};

	assert_int_equal(run("exit 0", 10, NULL, 0, &e), 0);
	assert_int_equal(run("exit 37", 10, NULL, 0, &e), 37);
	assert_int_equal(run("kill -TERM $$", 10, NULL, 0, &e), -ECHILD);
	assert_non_null(strstr(e.text, "signal 15"));
	p.argv = none;
	assert_int_equal(process_run(&p, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/no/such/program"));
	p.argv = dir;
	assert_int_equal(process_run(&p, &e), -EACCES);
	assert_int_equal(process_run_ok(&(struct process){PROCESS_DEFAULTS, .argv = none}, &e),
			 -ENOENT);
	const char *const no[] = {"false", NULL};
	assert_int_equal(process_run_ok(&(struct process){PROCESS_DEFAULTS, .argv = no}, &e),
			 -EREMOTEIO);
	assert_non_null(strstr(e.text, "exit status 1"));
}

static void test_oom_score_is_the_childs(void **state _unused_)
{
	struct process p = {PROCESS_DEFAULTS, .oom_score_adj = OOM_SCORE_FIRST};
	struct ukd_error e = {0};

	assert_int_equal(shell("read x </proc/self/oom_score_adj; test $x = 500", &p, &e), 0);
	p.oom_score_adj = 0;
	assert_int_equal(shell("read x </proc/self/oom_score_adj; test $x != 500", &p, &e), 0);
}

static void test_time_limit_kills_the_whole_group(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char command[256];
	uint64_t begin = clock_ms();

	tree_make(&t);
	(void)snprintf(command, sizeof(command),
		       "trap '' TERM; (trap '' TERM; sleep 6; echo x >%s) & sleep 60",
		       tree_path(&t, "/late"));
	assert_int_equal(run(command, 1, NULL, 0, &e), -ETIMEDOUT);
	assert_non_null(strstr(e.text, "not done after 1 s"));
	assert_true(clock_ms() - begin < 6000);
	sleep(6);
	assert_false(tree_has(&t, "/late"));
}

/* It may have the echo off. */
static void test_one_at_the_terminal_is_told_to_end(void **state _unused_)
{
	struct process p = {PROCESS_DEFAULTS, .terminal = true};
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char command[256];

	tree_make(&t);
	(void)snprintf(command, sizeof(command),
		       "trap 'echo x >%s; exit' TERM; while :; do sleep 0.05; done",
		       tree_path(&t, "/told"));
	p.timeout_s = 1;
	assert_int_equal(shell(command, &p, &e), -ETIMEDOUT);
	assert_true(tree_has(&t, "/told"));
	assert_int_equal(shell("trap '' TERM; while :; do sleep 0.05; done", &p, &e), -ETIMEDOUT);
}

static void test_output_is_collected_and_cut(void **state _unused_)
{
	_buffer_ struct buffer all = {0}, cut = {0}, none = {0}, large = {0};
	struct ukd_error e = {0};

	assert_int_equal(run("echo out; echo err >&2; printf 'a b'", 10, &all, 100, &e), 0);
	assert_string_equal((char *)all.data, "out\na b");
	assert_int_equal(run("seq 100000; exit 3", 20, &cut, 10, &e), 3);
	assert_string_equal((char *)cut.data, "1\n2\n3\n4\n5\n");
	assert_int_equal(run("exit 0", 10, &none, 10, &e), 0);
	assert_int_equal(none.len, 0);
	assert_int_equal(run("head -c 1000000 /dev/zero", 20, &large, MIB(2), &e), 0);
	assert_int_equal(large.len, 1000000);
}

static void test_output_held_open_by_a_grandchild_is_not_waited_for(void **state _unused_)
{
	_buffer_ struct buffer out = {0};
	struct ukd_error e = {0};
	uint64_t begin = clock_ms();

	assert_int_equal(run("sleep 20 & echo done", 20, &out, 100, &e), 0);
	assert_string_equal((char *)out.data, "done\n");
	assert_true(clock_ms() - begin < 15000);
}

static bool stop_at_two(void *ctx, unsigned int seconds)
{
	unsigned int *calls = ctx;

	(*calls)++;
	return seconds >= 2;
}

static void test_tick_is_called_and_may_stop(void **state _unused_)
{
	unsigned int calls = 0;
	struct process p = {PROCESS_DEFAULTS, .tick = stop_at_two, .tick_ctx = &calls};
	struct ukd_error e = {0};
	uint64_t begin = clock_ms();

	assert_int_equal(shell("sleep 30", &p, &e), -ECANCELED);
	assert_in_range(calls, 1, 2); /* one each second, if we get to run */
	assert_true(clock_ms() - begin < 20000);
}

static void test_standard_descriptors(void **state _unused_)
{
	_close_ int out = memfd_create("out", MFD_CLOEXEC), in = memfd_create("in", MFD_CLOEXEC);
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};
	char text[32] = {0};

	p.stdout_fd = out;
	p.stderr_fd = STDOUT_FILENO;				       /* where stdout goes */
	assert_int_equal(shell("cat; echo a; echo b >&2", &p, &e), 0); /* stdin is /dev/null */
	assert_int_equal(pread(out, text, sizeof(text), 0), 4);
	assert_string_equal(text, "a\nb\n");
	assert_int_equal(fd_write_full(in, "hello", 5), 0);
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	p.stdin_fd = in;
	assert_int_equal(shell("read x; test \"$x\" = hello", &p, &e), 0);
}

/* What this process itself inherited and would pass on. */
static unsigned int count_inheritable(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		n += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	return n;
}

static void test_no_descriptor_leaks_into_the_child(void **state _unused_)
{
	_buffer_ struct buffer out = {0};
	struct ukd_error e = {0};
	unsigned int lines = 0;

	assert_int_equal(run("ls /proc/$$/fd", 10, &out, 1000, &e), 0);
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, count_inheritable());
}

static void test_stops_are_held_and_told(void **state _unused_)
{
	struct process p = {PROCESS_DEFAULTS};
	struct ukd_error e = {0};
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		sigset_t before;

		stops_hold(&before);
		if (stops_pending() || shell("kill -TERM $$; sleep 5", &p, &e) != -ECHILD)
			_exit(1);
		(void)raise(SIGTERM);
		if (!stops_pending())
			_exit(2);
		stops_release(&before);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void test_closed_standard_descriptors(void **state _unused_)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			(void)close(fd);
		standard_descriptors();
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			if (write(fd, "x", 1) != -1 || errno != EBADF || fcntl(fd, F_GETFD) < 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_environment_and_chroot(void **state _unused_)
{
	static const char *const env[] = {"A=b", "PATH=/usr/bin:/bin", NULL};
	struct process p = {PROCESS_DEFAULTS, .env = env, .chroot_dir = "/no/such/dir"};
	struct ukd_error e = {0};

	assert_int_equal(shell("exit 0", &p, &e), geteuid() ? -EPERM : -ENOENT);
	p.chroot_dir = NULL;
	assert_int_equal(shell("test \"$A\" = b && test -z \"$HOME\"", &p, &e), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_oom_score_is_the_childs),
		cmocka_unit_test(test_time_limit_kills_the_whole_group),
		cmocka_unit_test(test_one_at_the_terminal_is_told_to_end),
		cmocka_unit_test(test_output_is_collected_and_cut),
		cmocka_unit_test(test_output_held_open_by_a_grandchild_is_not_waited_for),
		cmocka_unit_test(test_tick_is_called_and_may_stop),
		cmocka_unit_test(test_standard_descriptors),
		cmocka_unit_test(test_no_descriptor_leaks_into_the_child),
		cmocka_unit_test(test_stops_are_held_and_told),
		cmocka_unit_test(test_closed_standard_descriptors),
		cmocka_unit_test(test_environment_and_chroot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
