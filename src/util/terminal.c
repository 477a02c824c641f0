// SPDX-License-Identifier: GPL-2.0-or-later
/* See terminal.h. */
#include "util/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios with_echo;

/* Then the signal does what it would have done; all of these may be called from a handler. */
static void end_with_echo(int number)
{
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &with_echo);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* Signals that are ignored stay so. */
static void exchange_handlers(void (*from)(int number), void (*to)(int number))
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction now, then = {.sa_handler = to};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == from)
			(void)sigaction(ends[i], &then, NULL);
}

static char *ask(const char *prompt, char *ret, size_t size)
{
	struct termios quiet = with_echo;
	char *line;

	fputs(prompt, stderr);
	exchange_handlers(SIG_DFL, end_with_echo);
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	line = fgets(ret, (int)size, stdin);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &with_echo);
	exchange_handlers(end_with_echo, SIG_DFL);
	fputc('\n', stderr);
	return line;
}

int terminal_ask_secret(const char *prompt, char *ret, size_t size, struct ukd_error *e)
{
	bool terminal = tcgetattr(STDIN_FILENO, &with_echo) == 0;
	char *line = terminal ? ask(prompt, ret, size) : fgets(ret, (int)size, stdin);

	if (line)
		line[strcspn(line, "\n")] = 0;
	return line && *line ? 0 : ukd_fail(e, -EINVAL, "no passphrase given");
}
