// SPDX-License-Identifier: GPL-2.0-or-later
/* Does a server answer? See connect.h. */
#include "util/connect.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "util/cleanup.h"

int connect_within(const struct addrinfo *a, int ms)
{
	_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, ms) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}
