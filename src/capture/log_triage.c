// SPDX-License-Identifier: GPL-2.0-or-later
/* The facts of the saved log: see log_triage.h. */
#include "capture/log_triage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "capture/encrypt.h"
#include "capture/guard.h"
#include "capture/collector.h"
#include "triage/triage.h"
#include "util/cleanup.h"

#define LIMIT_S 30
#define LOG_MAX MIB(128)

struct work {
	int dirfd;
	char json[TRIAGE_JSON_MAX];
};

/* Child side. Mapped, not read: its pages can go when memory is short. */
static int read_log(void *ctx)
{
	struct work *w = ctx;
	_close_ int fd = openat(w->dirfd, LOG_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct triage t;
	struct stat st;
	size_t len;
	void *log;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return -ENODATA;
	len = (uint64_t)st.st_size < LOG_MAX ? (size_t)st.st_size : LOG_MAX;
	log = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (log == MAP_FAILED)
		return -errno;
	triage_log((struct bytes){log, len}, &t);
	triage_json(&t, w->json);
	return 0;
}

void log_triage(struct capture *c, int dirfd)
{
	struct ukd_error e;
	struct work *w;

	if (dirfd < 0 || c->record.triage[0] || encrypt_wanted(c))
		return;
	w = guard_share(sizeof(*w));
	if (!w)
		return;
	w->dirfd = dirfd;
	if (guard_call(read_log, w, budget_any_s(&c->budget, LIMIT_S), "triage of the log", &e) ==
	    0)
		memcpy(c->record.triage, w->json, sizeof(c->record.triage));
	else
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
	guard_unshare(w, sizeof(*w));
}
