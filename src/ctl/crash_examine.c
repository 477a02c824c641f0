// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Examines one crash by `ukdumpctl info --json`: a process that a hostile or huge dump can end or
 * hold up without harm. See crash.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/crash.h"
#include "ctl/result.h"
#include "util/cleanup.h"
#include "util/process.h"

#define OUTPUT_MAX MIB(1)

/* What `info` has said. */
struct said {
	int code;		   /* exit code, or a negative errno: it did not come to its end */
	struct json_object *facts; /* NULL: none */
	char complaint[512];
};

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

static int ask_info(const char *dir, bool checksum, unsigned int limit_s, struct said *ret,
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
	if (checksum) {
		argv[4] = "--checksum";
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

/* A member of o that is a string, else "". */
static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

/* The files' names tell what there is; only whether even the log failed is the manifest's word. */
static void set_state(struct crash *c, const char *claimed)
{
	static const char *const names[] = {
		[STORE_UNFINISHED] = "unfinished",
		[STORE_LOG_ONLY] = "log-only",
		[STORE_PARTIAL] = "partial",
		[STORE_COMPLETE] = "complete",
	};

	CRASH_SET(c->state, names[c->kept]);
	if (c->kept == STORE_LOG_ONLY && !strcmp(claimed, "failed"))
		CRASH_SET(c->state, claimed);
	if (c->kept == STORE_UNFINISHED)
		CRASH_SET(c->reason, "the capture was cut off");
}

static void verify(struct crash *c, const struct said *said)
{
	struct json_object *checksum = NULL, *matches = NULL;

	(void)json_object_object_get_ex(said->facts, "checksum", &checksum);
	(void)json_object_object_get_ex(checksum, "sha256_matches", &matches);
	if (said->code) {
		CRASH_SET(c->verified, "no");
		CRASH_SET(c->reason, said->complaint);
	} else if (matches) { /* else it had complained */
		CRASH_SET(c->verified, "yes");
	} else {
		CRASH_SET(c->verified, "unknown");
		CRASH_SET(c->reason, "no checksum was recorded");
	}
}

void crash_examine(const struct root *root, struct crash *c, unsigned int limit_s)
{
	bool complete = c->kept == STORE_COMPLETE;
	struct json_object *manifest = NULL, *triage = NULL;
	_json_ struct json_object *owner = NULL;
	struct said said = {0};
	struct ukd_error e;
	char dir[2 * PATH_MAX];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s%s", root->path, c->dump);
	r = limit_s ? ask_info(dir, complete, limit_s, &said, &e) :
		      ukd_fail(&e, -ETIMEDOUT, "no time was left");
	owner = said.facts;
	(void)json_object_object_get_ex(said.facts, "manifest", &manifest);
	set_state(c, text_of(manifest, "state"));
	CRASH_SET(c->kernel, text_of(manifest, "kernel"));
	CRASH_SET(c->kernel, text_of(said.facts, "kernel"));
	CRASH_SET(c->panic, text_of(said.facts, "panic"));
	(void)json_object_object_get_ex(said.facts, "triage", &triage);
	CRASH_SET(c->kind, text_of(triage, "kind"));
	CRASH_SET(c->signature, text_of(triage, "signature"));
	if (!complete) {
		CRASH_SET(c->reason, text_of(manifest, "reason"));
	} else if (r < 0) {
		CRASH_SET(c->verified, "unknown");
		CRASH_SET(c->reason, r == -ETIMEDOUT ? "not verified, for want of time" : e.text);
	} else {
		verify(c, &said);
	}
}
