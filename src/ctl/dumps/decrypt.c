// SPDX-License-Identifier: GPL-2.0-or-later
/* Encrypted dumps: see decrypt.h. */
#include "ctl/dumps/decrypt.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/tempfile.h"

/* Seconds for the program: a slow disk's pace, written and read. */
#define SECONDS(size) ((unsigned int)(60 + (size) / MIB(5)))

bool is_encrypted(struct bytes head)
{
	return bytes_start_with(head, "age-encryption.org/v1\n");
}

struct watch {
	int fd; /* that is written */
	uint64_t size;
	void (*progress)(unsigned int percent);
};

static bool show(void *ctx, unsigned int seconds _unused_)
{
	struct watch *w = ctx;
	struct stat st;

	if (fstat(w->fd, &st) == 0)
		w->progress((unsigned int)((uint64_t)st.st_size / (w->size / 100 + 1)));
	return false;
}

/* The reason in what age printed: its first line, without its name. */
static void reason(int fd, char *ret, size_t size)
{
	static const char name[] = "age: error: ";
	ssize_t n = pread(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = 0;
	ret[strcspn(ret, "\n")] = 0;
	if (!strncmp(ret, name, strlen(name)))
		memmove(ret, ret + strlen(name), strlen(ret + strlen(name)) + 1);
	(void)text_clean(ret);
}

int decrypt_file(int fd, uint64_t size, const char *identity,
		 void (*progress)(unsigned int percent), int *ret_fd, struct ukd_error *e)
{
	const char *const argv[] = {"age", "-d", "-i", identity, NULL};
	_close_ int plain = -1, words = -1;
	struct watch watch = {.size = size, .progress = progress};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .tick = show, .tick_ctx = &watch};
	char why[256];
	int r = temporary_file("the decrypted dump", size, &plain, e);

	if (r >= 0)
		r = memfd_open(&words, e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ukd_fail_errno(e, -errno, "cannot read");
	watch.fd = p.stdout_fd = plain;
	p.stdin_fd = fd;
	p.stderr_fd = words;
	p.timeout_s = SECONDS(size);
	r = process_run(&p, e);
	if (r == -ENOENT)
		return ukd_fail(e, -EOPNOTSUPP,
				"encrypted; the program age, which opens it, is "
				"not installed");
	if (r < 0)
		return r;
	reason(words, why, sizeof(why));
	if (r > 0)
		return ukd_refuse(e, "dump.encrypted",
				  "age does not open it, nothing of it is used: %s", why);
	*ret_fd = take_fd(&plain);
	return 0;
}
