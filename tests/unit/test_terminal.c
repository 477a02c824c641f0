// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions at a terminal (util/terminal.c), on pseudo-terminals of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <signal.h>
#include <string.h>
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

	if (pid == 0)
		_exit(terminal_ask_secret("which? ", answer, sizeof(answer), &e) < 0 ||
		      strcmp(answer, "abc") != 0);
	assert_true(pid > 0);
	for (unsigned int i = 0; i < 500 && now.c_lflag & ECHO; i++) {
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_echo_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
