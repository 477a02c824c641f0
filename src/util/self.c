// SPDX-License-Identifier: GPL-2.0-or-later
/* See self.h. */
#include "util/self.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

void standard_descriptors(void)
{
	int fd;

	/* open(2) takes the lowest free number; no O_CLOEXEC, as they are for children, too */
	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

void stops_hold(sigset_t *ret_before)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		(void)sigaddset(&set, stops[i]);
	(void)sigprocmask(SIG_BLOCK, &set, ret_before);
}

void stops_release(sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}

bool stops_pending(void)
{
	sigset_t pending;
	bool ret = false;

	(void)sigpending(&pending);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		ret |= sigismember(&pending, stops[i]) == 1;
	return ret;
}

static bool read_name(const char *path, char ret[32])
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, 31);

	ret[n > 0 ? n : 0] = 0;
	return n > 0;
}

bool process_is_like_us(pid_t pid)
{
	char path[64], own[32], other[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return read_name("/proc/self/comm", own) && read_name(path, other) && !strcmp(own, other);
}
