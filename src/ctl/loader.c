// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs ukdump-load: see loader.h. Its output is trusted. */
#include "ctl/loader.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/parse.h"
#include "util/process.h"

#define LOADER_LIMIT_S 300 /* verifying under emulation takes seconds, the lock 30 s at most */

static void find_program(char *ret, size_t size)
{
	char self[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	(void)snprintf(ret, size, "ukdump-load");
	if (n < 0)
		return;
	self[n] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return;
	*slash = 0;
	char beside[PATH_MAX];
	(void)snprintf(beside, sizeof(beside), "%s/ukdump-load", self);
	if (access(beside, X_OK) == 0)
		(void)snprintf(ret, size, "%s", beside);
}

int loader_run(const char *verb, const char *profile, const char *image, struct buffer *ret,
	       struct ukd_error *e)
{
	_free_ char *option = NULL;
	char program[PATH_MAX];
	const char *argv[6] = {program, verb};
	unsigned int n = 2;
	struct process p = {
		PROCESS_DEFAULTS,      .argv = argv,	     .output = ret,
		.output_max = KIB(64), .keep_running = true, /* killed in the system call it would
								leave us unarmed */
	};

	if (profile) {
		if (asprintf(&option, "--profile=%s", profile) < 0)
			return ukd_oom(e);
		argv[n++] = option;
	}
	if (image) {
		argv[n++] = "--"; /* its name may begin with a dash */
		argv[n] = image;
	}
	p.timeout_s = LOADER_LIMIT_S;
	find_program(program, sizeof(program));
	return process_run(&p, e);
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
