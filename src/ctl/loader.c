// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs ukdump-load: see loader.h. Its output is trusted. */
#include "ctl/loader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/program.h"
#include "ctl/text_record.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/process.h"

#define LOADER_LIMIT_S 330 /* the lock's 240 s, and the load itself; less than TimeoutStopSec= */
#define PROGRAM	       "ukdump-load"

/* Passes on what it wrote; the last line becomes the text of e. */
static int pass_messages(int fd, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	const char *last;
	int r = program_messages(fd, PROGRAM, &text, &last, e);

	if (r < 0)
		return r;
	(void)fprintf(stderr, "%s%s", (const char *)text.data, text.len ? "\n" : "");
	(void)ukd_fail(e, -EREMOTEIO, "%s", last);
	return 0;
}

int loader_run(const char *verb, const char *profile, const char *image, struct buffer *ret,
	       struct ukd_error *e)
{
	_free_ char *option = NULL;
	_close_ int messages = -1;
	char program[PATH_MAX];
	const char *argv[6] = {program, verb};
	unsigned int n = 2;
	struct process p = {
		PROCESS_DEFAULTS,      .argv = argv,	     .output = ret,
		.output_max = KIB(64), .keep_running = true, /* killed in the system call it would
								leave us unarmed */
	};
	int r, failed;

	if (profile) {
		if (asprintf(&option, "--profile=%s", profile) < 0)
			return ukd_oom(e);
		argv[n++] = option;
	}
	if (image) {
		argv[n++] = "--"; /* its name may begin with a dash */
		argv[n] = image;
	}
	r = memfd_open(&messages, e);
	if (r < 0)
		return r;
	p.stderr_fd = messages;
	p.timeout_s = LOADER_LIMIT_S;
	program_find(PROGRAM, program, sizeof(program));
	r = process_run(&p, e);
	if (r < 0)
		return r;
	failed = pass_messages(messages, e);
	return failed < 0 ? failed : r;
}

char *loader_value(const struct buffer *output, const char *key)
{
	const char *line = (const char *)output->data;
	size_t n = strlen(key);

	while (line && *line) {
		if (!strncmp(line, key, n) && line[n] == '=')
			return strndup(line + n + 1, strcspn(line + n + 1, "\n"));
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

uint64_t loader_number(const struct buffer *output, const char *key)
{
	_free_ char *text = loader_value(output, key);
	uint64_t v = 0;

	return text && parse_u64(text, &v) ? v : 0;
}

int armed_record_read(const struct root *root, struct armed_record *ret, struct ukd_error *e)
{
	static const struct text_member members[] = {
		TEXT_MEMBER(armed_record, image),
		TEXT_MEMBER(armed_record, path),
		TEXT_MEMBER(armed_record, kernel),
	};
	static const struct text_record record = {
		.path = ARMED_FILE,
		.v = members,
		.n = ARRAY_SIZE(members),
	};
	int r;

	*ret = (struct armed_record){0};
	r = text_record_read(root, &record, ret, e);
	if (r >= 0 && (!ret->image[0] || !ret->path[0]))
		return ukd_fail(e, -ENODATA, ARMED_FILE " names no image");
	return r;
}
