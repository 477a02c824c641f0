// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs say: see words.h. */
#include "capture/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"

#define KEPT KIB(64)

int words_open(void)
{
	return memfd_create("output", MFD_CLOEXEC);
}

uint64_t words_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void words_trim(int fd)
{
	uint64_t size = words_size(fd);

	/* Days of progress lines must not fill the memory that the tool needs. */
	if (size > 2 * KEPT)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)(size - KEPT));
}

/* The end of the output as text. */
static void read_tail(int fd, char *ret, size_t size)
{
	uint64_t end = words_size(fd);
	uint64_t begin = end > size - 1 ? end - (size - 1) : 0;
	ssize_t n = pread(fd, ret, size - 1, (off_t)begin);

	ret[n > 0 ? n : 0] = 0;
	/* A hole, or a tool that prints zeros, must not end the text early. */
	for (ssize_t i = 0; i < n; i++)
		if (!ret[i])
			ret[i] = '\n';
}

void words_last(int fd, char ret[WORDS_MAX])
{
	char tail[1024], *lines[3], *save = tail, *line;
	unsigned int n = 0;
	size_t used = 0;

	ret[0] = 0;
	read_tail(fd, tail, sizeof(tail));
	while ((line = strsep(&save, "\r\n"))) {
		line += strspn(line, " ");
		/* Progress, and makedumpfile's own last line, tell nothing. */
		if (!*line || strstr(line, " %]") || !strcmp(line, "makedumpfile Failed."))
			continue;
		if (n == ARRAY_SIZE(lines))
			memmove(lines, lines + 1, sizeof(lines[0]) * --n);
		lines[n++] = line;
	}
	for (unsigned int i = 0; i < n && used < WORDS_MAX; i++)
		used += (size_t)snprintf(ret + used, WORDS_MAX - used, "%s%s", i ? "; " : "",
					 lines[i]);
}

bool words_percent(int fd, double *ret)
{
	char tail[512];
	const char *bracket;

	read_tail(fd, tail, sizeof(tail));
	bracket = strrchr(tail, '[');
	return bracket && sscanf(bracket, "[%lf", ret) == 1 && *ret >= 0 && *ret <= 100;
}
