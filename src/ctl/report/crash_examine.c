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

#include "ctl/dumps/ask_info.h"
#include "ctl/report/crash.h"
#include "ctl/dumps/result.h"
#include "util/cleanup.h"

/* The files' names tell what there is; only whether even the log failed is the manifest's word. */
static void set_state(struct crash *c, const char *claimed)
{
	CRASH_SET(c->state, store_state_name(c->kept));
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
	r = limit_s ? ask_info(dir, complete ? "--checksum" : NULL, limit_s, &said, &e) :
		      ukd_fail(&e, -ETIMEDOUT, "no time was left");
	owner = said.facts;
	(void)json_object_object_get_ex(said.facts, "manifest", &manifest);
	set_state(c, json_member_text(manifest, "state"));
	CRASH_SET(c->kernel, json_member_text(manifest, "kernel"));
	CRASH_SET(c->kernel, json_member_text(said.facts, "kernel"));
	CRASH_SET(c->panic, json_member_text(said.facts, "panic"));
	(void)json_object_object_get_ex(said.facts, "triage", &triage);
	CRASH_SET(c->kind, json_member_text(triage, "kind"));
	CRASH_SET(c->signature, json_member_text(triage, "signature"));
	if (!complete) {
		CRASH_SET(c->reason, json_member_text(manifest, "reason"));
		if (!c->reason[0] && r >= 0 && said.code)
			CRASH_SET(c->reason, said.complaint);
	} else if (r < 0) {
		CRASH_SET(c->verified, "unknown");
		CRASH_SET(c->reason, r == -ETIMEDOUT ? "not verified, for want of time" : e.text);
	} else {
		verify(c, &said);
	}
}
