// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs ukdump-upload and reads from it: see remote_reader.h. */
#include "ctl/dumps/remote_reader.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "ctl/ctl.h"
#include "ctl/program.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* Somebody may wait for us: less patience than for a dump. */
#define UPLOAD_LIMITS "--timeout", "3600", "--stall", "20", "--retries", "3"
#define SILENCE_MAX_S 600 /* longer than a page of a list can take with all repeats */
#define END_LIMIT_MS  10000
#define PROGRAM	      "ukdump-upload"
#define ARGS_MAX      24

struct arguments {
	const char *v[ARGS_MAX];
	unsigned int n;
	char ca_file[2 * PATH_MAX], s3_credentials[2 * PATH_MAX];
};

static void add(struct arguments *a, const char *option, const char *value)
{
	if (!value)
		return;
	a->v[a->n++] = option;
	a->v[a->n++] = value;
}

/* A file that the settings name lies in the root. */
static void add_file(struct arguments *a, const char *option, const struct root *root,
		     const char *path, char full[2 * PATH_MAX])
{
	(void)snprintf(full, 2 * PATH_MAX, "%s%s", root->path, path ? path : "");
	add(a, option, path ? full : NULL);
}

static int start(const struct root *root, const char *verb, const char *url, int stdin_fd,
		 struct remote_reader *r, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	struct buffer out = {0}; /* that it is collected; nothing is put there */
	char program[PATH_MAX];
	struct arguments a = {.v = {program, UPLOAD_LIMITS}, .n = 7};
	struct process p = {PROCESS_DEFAULTS, .argv = a.v, .output = &out};
	int code = settings_load(root, NULL, &settings, e);

	if (code >= 0)
		code = memfd_open(&r->messages, e);
	if (code < 0)
		return code;
	program_find(PROGRAM, program, sizeof(program));
	if (!strchr(program, '/'))
		(void)snprintf(program, sizeof(program), "/usr/lib/ukdump/" PROGRAM);
	add_file(&a, "--ca-file", root, settings.network.ca_file, a.ca_file);
	add_file(&a, "--s3-credentials", root, settings.network.s3_credentials, a.s3_credentials);
	add(&a, "--proxy", settings.network.proxy);
	add(&a, verb, url);
	p.stdin_fd = stdin_fd;
	p.stderr_fd = r->messages;
	return process_start(&p, &r->child, e);
}

int remote_start(const struct root *root, const char *verb, const char *url, int stdin_fd,
		 struct remote_reader **ret, struct ukd_error *e)
{
	struct remote_reader *r = malloc(sizeof(*r));
	int code;

	if (!r)
		return ukd_oom(e);
	r->child = (struct child)CHILD_NONE;
	r->messages = -1;
	r->at = r->end = 0;
	(void)snprintf(r->place, sizeof(r->place), "%.*s", (int)strcspn(url, "?"), url);
	code = start(root, verb, url, stdin_fd, r, e);
	if (code < 0)
		remote_stop(r);
	else
		*ret = r;
	return code;
}

/* More data behind what is there. Returns 1; 0 at the end of the output; or negative. */
static int fill(struct remote_reader *r, struct ukd_error *e)
{
	struct pollfd p = {.fd = r->child.out, .events = POLLIN};
	uint64_t until = clock_ms() + SILENCE_MAX_S * 1000;
	ssize_t n;
	int ready;

	memmove(r->data, r->data + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	while ((ready = poll(&p, 1, 500)) <= 0) {
		if (ready < 0 && errno != EINTR)
			return ukd_fail_errno(e, -errno, "%s: poll", r->place);
		if (clock_ms() >= until)
			return ukd_fail(e, -ETIMEDOUT, "%s: nothing came for %u s", r->place,
					SILENCE_MAX_S);
		show_progress("%s: waiting", r->place);
	}
	n = read(r->child.out, r->data + r->end, sizeof(r->data) - r->end);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot read", r->place);
	r->end += (size_t)n;
	return n > 0;
}

int remote_line(struct remote_reader *r, char ret[REMOTE_LINE_MAX], struct ukd_error *e)
{
	for (;;) {
		const uint8_t *line = r->data + r->at, *nl = memchr(line, '\n', r->end - r->at);
		size_t len = nl ? (size_t)(nl - line) : r->end - r->at;
		int code;

		if (len >= REMOTE_LINE_MAX)
			return ukd_fail(e, -EPROTO, "%s: a line of more than %d bytes", r->place,
					REMOTE_LINE_MAX);
		if (nl) {
			memcpy(ret, line, len);
			ret[len] = 0;
			r->at += len + 1;
			return 1;
		}
		code = fill(r, e);
		if (code <= 0)
			return code;
	}
}

int remote_bytes(struct remote_reader *r, void *ret, size_t len, struct ukd_error *e)
{
	for (size_t done = 0, n; done < len; done += n) {
		int code = r->at < r->end ? 1 : fill(r, e);

		if (code <= 0)
			return code < 0 ? code : ukd_fail(e, -ENODATA, "%s: cut off", r->place);
		n = r->end - r->at < len - done ? r->end - r->at : len - done;
		memcpy((uint8_t *)ret + done, r->data + r->at, n);
		r->at += n;
	}
	return 0;
}

/* Passes on what it said; all but the last line if that goes into e, since it failed. */
static int pass_messages(struct remote_reader *r, bool failed, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	const char *last, *line;
	int code = program_messages(r->messages, PROGRAM, &text, &last, e);

	if (code < 0)
		return code;
	if (!failed) {
		(void)fprintf(stderr, "%s%s", (const char *)text.data, text.len ? "\n" : "");
		return 0;
	}
	line = strrchr((char *)text.data, '\n');
	if (line)
		(void)fwrite(text.data, 1, (size_t)(line + 1 - (char *)text.data), stderr);
	return ukd_fail(e, -EREMOTEIO, "%s", *last ? last : PROGRAM " failed without a word");
}

int remote_end(struct remote_reader *r, struct ukd_error *e)
{
	struct pollfd p = {.fd = r->child.pidfd, .events = POLLIN};
	int code;

	if (poll(&p, 1, END_LIMIT_MS) <= 0)
		return ukd_fail(e, -ETIMEDOUT, "%s: ukdump-upload does not end", r->place);
	code = process_reap(&r->child, e);
	return code < 0 ? code : pass_messages(r, code > 0, e);
}

void remote_stop(struct remote_reader *r)
{
	if (!r)
		return;
	(void)process_kill(&r->child);
	if (r->messages >= 0)
		(void)close(r->messages);
	free(r);
}
