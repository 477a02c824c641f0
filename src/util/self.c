// SPDX-License-Identifier: GPL-2.0-or-later
/* See self.h. */
#include "util/self.h"

#include <fcntl.h>
#include <unistd.h>

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

void stops_hold(sigset_t *ret_before)
{
	sigset_t stops;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &stops, ret_before);
}

void stops_release(sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}
