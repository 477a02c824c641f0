// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions at a terminal (util/terminal.c), on pseudo-terminals of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "util/terminal.h"

/* A child that asks at a terminal of its own; returns once the echo is off. */
static pid_t ask_at_terminal(int *ret_fd)
{
	struct termios now = {.c_lflag = ECHO};
	struct ukd_error e;
	char answer[64];
	pid_t pid = forkpty(ret_fd, NULL, NULL, NULL);

	if (pid == 0) {
		(void)signal(SIGINT, SIG_DFL); /* what runs in the background may ignore them */
		(void)signal(SIGQUIT, SIG_DFL);
		_exit(terminal_ask_secret("which? ", answer, sizeof(answer), &e) < 0 ||
		      strcmp(answer, "abc") != 0);
	}
	assert_true(pid > 0);
	for (unsigned int i = 0; i < 2000 && now.c_lflag & ECHO; i++) {
		(void)usleep(10000);
		assert_int_equal(tcgetattr(*ret_fd, &now), 0);
	}
	assert_false(now.c_lflag & ECHO);
	return pid;
}

/* ^C and ^\ at the prompt end the program as ever, and leave a terminal that shows what is typed. */
static void test_the_echo_comes_back(void **state _unused_)
{
	static const struct {
		const char *typed;
		int signal, status;
	} cases[] = {{"abc\n", 0, 0}, {"\n", 0, 1}, {"ab\003", SIGINT, 0}, {"\034", SIGQUIT, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *typed = cases[i].typed;
		struct termios now;
		int status, fd = -1;
		pid_t pid = ask_at_terminal(&fd);

		assert_int_equal(write(fd, typed, strlen(typed)), strlen(typed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, cases[i].signal);
		assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 0, cases[i].status);
		assert_int_equal(tcgetattr(fd, &now), 0);
		assert_true(now.c_lflag & ECHO);
		(void)close(fd);
	}
}

static void assert_wrapped(unsigned int width, unsigned int indent, const char *text,
			   const char *expected)
{
	const struct terminal t = {.width = width};
	char *got = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&got, &size);

	assert_non_null(out);
	terminal_wrap(&t, out, indent, text);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, expected);
	free(got);
}

static void test_wrapping(void **state _unused_)
{
	assert_wrapped(0, 4, "whole  in a pipe, however long it may be",
		       "whole  in a pipe, however long it may be\n");
	assert_wrapped(30, 4, "", "\n");
	assert_wrapped(30, 4, "  begins with blanks  ", "begins with blanks\n");
	/* 26 columns are left of 30 */
	assert_wrapped(30, 4, "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz\n");
	assert_wrapped(30, 4, "abcdefghijklm nopqrstuvwxy z",
		       "abcdefghijklm nopqrstuvwxy\n    z\n");
	assert_wrapped(30, 4, "abcdefghijklm nopqrstuvwxyz", "abcdefghijklm\n    nopqrstuvwxyz\n");
	/* a character of UTF-8 is one column */
	assert_wrapped(30, 4, "\u00e4bcdefghijklm nopqrstuvwxy z",
		       "\u00e4bcdefghijklm nopqrstuvwxy\n    z\n");
	/* what does not fit stays whole; a narrow terminal leaves some room all the same */
	assert_wrapped(30, 4, "a /path/that/is/longer/than/the/line b",
		       "a\n    /path/that/is/longer/than/the/line\n    b\n");
	assert_wrapped(5, 4, "twenty-four columns are left here",
		       "twenty-four columns are\n    left here\n");
}

static void test_what_a_terminal_tells(void **state _unused_)
{
	struct winsize size = {.ws_row = 24, .ws_col = 132};
	struct terminal t;
	int pipes[2], ours, its;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(terminal_of(pipes[1]).width, 0);
	assert_int_equal(openpty(&ours, &its, NULL, NULL, &size), 0);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(setenv("NO_COLOR", "", 1), 0);
	t = terminal_of(its);
	assert_int_equal(t.width, 132);
	assert_true(t.colour);
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	assert_false(terminal_of(its).colour);
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_false(terminal_of(its).colour);
	size.ws_col = 0;
	assert_int_equal(ioctl(its, TIOCSWINSZ, &size), 0);
	assert_int_equal(terminal_of(its).width, 80);
	for (size_t i = 0; i < 2; i++)
		(void)close(pipes[i]);
	(void)close(ours);
	(void)close(its);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_echo_comes_back),
		cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_what_a_terminal_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
