// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks `ukdumpctl info` about a dump: see ask_info.h. */
#include "ctl/dumps/ask_info.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/process.h"

#define OUTPUT_MAX MIB(1)

/* The first complaint without the program's name in front of it. */
static void read_complaint(int fd, char *ret, size_t size)
{
	static const char program[] = "ukdumpctl: ";
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;
	const char *text;

	if (lseek(fd, 0, SEEK_SET) < 0 || file_read_fd(fd, "stderr", KIB(64), &b, &ignored) < 0)
		return;
	text = (const char *)b.data;
	if (!strncmp(text, program, strlen(program)))
		text += strlen(program);
	(void)snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
}

int ask_info(const char *dir, const char *check, unsigned int limit_s, struct said *ret,
	     struct ukd_error *e)
{
	const char *argv[] = {
		"/proc/self/exe", "info", "--json", "--lines=0", "--", dir, NULL, NULL};
	_buffer_ struct buffer output = {0};
	_close_ int complaints = -1;
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &output,
			    .output_max = OUTPUT_MAX};
	int r = memfd_open(&complaints, e);

	if (r < 0)
		return r;
	if (check) {
		argv[4] = check;
		argv[5] = "--";
		argv[6] = dir;
	}
	p.stderr_fd = complaints;
	p.timeout_s = limit_s;
	r = process_run(&p, e);
	if (r < 0)
		return r;
	ret->code = r;
	ret->facts = output.data ? json_tokener_parse((const char *)output.data) : NULL;
	read_complaint(complaints, ret->complaint, sizeof(ret->complaint));
	return 0;
}
