// SPDX-License-Identifier: GPL-2.0-or-later
/* What is sent: see input.h. */
#include "upload/input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/parse.h"

static volatile sig_atomic_t stopped;

static void on_stop(int signal _unused_)
{
	stopped = 1;
}

bool stop_wanted(void)
{
	return stopped;
}

void stop_on_signals(void)
{
	/* no SA_RESTART: what waits shall notice */
	struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGHUP, &stop, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

void input_open(int fd, uint64_t deadline_ms, struct input *ret)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	*ret = (struct input){.fd = fd, .deadline_ms = deadline_ms, .length = UINT64_MAX};
	if (at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		ret->length = st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	SHA256Init(&ret->sha);
	input_mark(ret);
}

/* Until there is something to read, or its end. */
static int wait_readable(const struct input *in, struct ukd_error *e)
{
	for (;;) {
		struct pollfd p = {.fd = in->fd, .events = POLLIN};
		uint64_t now = clock_ms(), left = in->deadline_ms > now ? in->deadline_ms - now : 0;

		if (stop_wanted())
			return ukd_fail(e, -ECANCELED, "stopped by a signal");
		if (!left)
			return ukd_fail(e, -ETIMEDOUT,
					"the content did not end within the time limit");
		if (poll(&p, 1, left < 1000 ? (int)left : 1000) > 0)
			return 0;
	}
}

ssize_t input_read(struct input *in, void *buf, size_t size, struct ukd_error *e)
{
	ssize_t n;
	int r;

	do {
		r = wait_readable(in, e);
		if (r < 0)
			return r;
		n = read(in->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "cannot read the content");
	in->bytes += (uint64_t)n;
	SHA256Update(&in->sha, buf, (size_t)n);
	return n;
}

ssize_t input_fill(struct input *in, void *buf, size_t size, struct ukd_error *e)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = input_read(in, (uint8_t *)buf + done, size - done, e);
		if (n < 0)
			return n;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void input_mark(struct input *in)
{
	in->marked_bytes = in->bytes;
	in->marked_sha = in->sha;
}

bool input_rewind(struct input *in)
{
	uint64_t back = in->bytes - in->marked_bytes;

	if (back && (in->length == UINT64_MAX || lseek(in->fd, -(off_t)back, SEEK_CUR) < 0))
		return false;
	in->bytes = in->marked_bytes;
	in->sha = in->marked_sha;
	return true;
}

void sha256_end(SHA2_CTX *sha, char ret[65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, sha);
	format_hex((struct bytes){digest, sizeof(digest)}, ret);
}

void input_digest(const struct input *in, char ret[65])
{
	SHA2_CTX copy = in->sha;

	sha256_end(&copy, ret);
}

void sha256_hex(const void *data, size_t len, char ret[65])
{
	SHA2_CTX sha;

	SHA256Init(&sha);
	SHA256Update(&sha, data, len);
	sha256_end(&sha, ret);
}
