// SPDX-License-Identifier: GPL-2.0-or-later
/* See terminal.h. */
#include "util/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

bool terminal_ask_yes(const char *question)
{
	char line[16] = "";

	fprintf(stderr, "%s (yes/no) ", question);
	if (!fgets(line, sizeof(line), stdin))
		fputc('\n', stderr);
	return !strcmp(line, "yes\n");
}

#define WIDTH_DEFAULT 80
#define WIDTH_TEXT    24 /* what wrapped text has at least, however narrow the terminal is */

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") != 0;
}

struct terminal terminal_of(int fd)
{
	struct winsize size = {0};

	if (!isatty(fd))
		return (struct terminal){0};
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		size.ws_col = WIDTH_DEFAULT;
	return (struct terminal){.width = size.ws_col, .colour = wants_colour()};
}

/* Characters of UTF-8; taken for columns, which for what we print they are. */
static unsigned int columns(const char *s, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

void terminal_print(const struct terminal *t, FILE *out, enum terminal_style style,
		    unsigned int width, const char *text)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "",	   [STYLE_BOLD] = "\033[1m",
		[STYLE_GOOD] = "\033[32m", [STYLE_DOUBTFUL] = "\033[33m",
		[STYLE_BAD] = "\033[31m",  [STYLE_FAINT] = "\033[2m",
	};
	unsigned int used = columns(text, strlen(text));
	bool styled = t->colour && style != STYLE_PLAIN;

	(void)fprintf(out, "%s%s%s%*s", styled ? sequences[style] : "", text,
		      styled ? "\033[0m" : "", used < width ? (int)(width - used) : 0, "");
}

void terminal_wrap(const struct terminal *t, FILE *out, unsigned int indent, const char *text)
{
	unsigned int width = t->width > indent + WIDTH_TEXT ? t->width - indent : WIDTH_TEXT;
	unsigned int used = 0;

	if (!t->width) {
		(void)fprintf(out, "%s\n", text);
		return;
	}
	while (*text) {
		size_t len = strcspn(text, " ");
		unsigned int n = columns(text, len);

		if (used && used + 1 + n > width) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			used = 0;
		}
		(void)fprintf(out, "%s%.*s", used ? " " : "", (int)len, text);
		used += n + (used > 0);
		text += len + strspn(text + len, " ");
	}
	(void)fputc('\n', out);
}
