// SPDX-License-Identifier: GPL-2.0-or-later
/* Verdicts about dumps: see dump_verdict.h. */
#include "ctl/dumps/dump_verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/dumps/ask_info.h"
#include "ctl/dumps/result.h"
#include "util/cleanup.h"

#define LIMIT_S 86400 /* every page of terabytes */

static void judge(struct json_object *facts, bool full, struct dump_verdict *v)
{
	struct json_object *manifest = NULL, *bytes = NULL, *size = NULL, *check = NULL,
			   *same = NULL;
	char state[RESULT_MAX];

	if (!json_object_object_get_ex(facts, "manifest", &manifest)) {
		v->quality = DUMP_IS_UNKNOWN;
		(void)snprintf(v->reason, sizeof(v->reason), "there is no manifest");
		return;
	}
	if (strcmp(result_member(manifest, "state", state), "complete") != 0) {
		(void)snprintf(v->reason, sizeof(v->reason),
			       "no complete dump: its state is '%.32s'", state);
		return;
	}
	if (json_object_object_get_ex(manifest, "bytes", &bytes) &&
	    json_object_object_get_ex(facts, "size", &size) &&
	    json_object_get_int64(bytes) != json_object_get_int64(size)) {
		(void)snprintf(v->reason, sizeof(v->reason),
			       "has %" PRId64 " bytes, the manifest says %" PRId64,
			       json_object_get_int64(size), json_object_get_int64(bytes));
		return;
	}
	(void)json_object_object_get_ex(facts, full ? "full" : "checksum", &check);
	if (!json_object_object_get_ex(check, "sha256_matches", &same)) {
		v->quality = DUMP_IS_UNKNOWN;
		(void)snprintf(v->reason, sizeof(v->reason), "no checksum was recorded");
	} else if (json_object_get_boolean(same)) {
		v->quality = DUMP_IS_GOOD;
	}
}

/* Whoever prints the reason has named the dump. */
static const char *behind(const char *path, const char *complaint)
{
	size_t n = strlen(path);

	return !strncmp(complaint, path, n) && !strncmp(complaint + n, ": ", 2) ?
		       complaint + n + 2 :
		       complaint;
}

void dump_verify(const char *path, bool full, struct dump_verdict *ret)
{
	_json_ struct json_object *facts = NULL;
	struct dump_verdict v = {.quality = DUMP_IS_BAD};
	struct said said = {0};
	struct ukd_error e;

	if (ask_info(path, full ? "--full" : "--checksum", LIMIT_S, &said, &e) < 0) {
		(void)snprintf(v.reason, sizeof(v.reason), "%s", e.text);
	} else {
		facts = said.facts;
		if (facts)
			judge(facts, full, &v);
	}
	/* What `info` complains about is bad, whatever its manifest says, or if it has none. */
	if (said.code)
		v.quality = DUMP_IS_BAD;
	if (said.code && said.complaint[0])
		(void)snprintf(v.reason, sizeof(v.reason), "%s", behind(path, said.complaint));
	*ret = v;
}

const char *dump_quality_name(enum dump_quality quality)
{
	static const char *const names[] = {
		[DUMP_IS_BAD] = "bad",
		[DUMP_IS_UNKNOWN] = "unknown",
		[DUMP_IS_GOOD] = "good",
	};

	return names[quality];
}
