// SPDX-License-Identifier: GPL-2.0-or-later
/* What was proved: the last rehearsal and the last crash test, of the image that is armed? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/report/proof.h"
#include "ctl/dumps/result.h"
#include "ctl/status/status.h"
#include "util/parse.h"

/* A record with a result that is none is no record. */
static void keep(struct proof *ret, const char *time, const char *image, const char *result,
		 const char *reason)
{
	static const char *const results[] = {"failed", REHEARSAL_OK, REHEARSAL_NONE, "unknown"};

	for (size_t i = 0; *time && i < ARRAY_SIZE(results); i++) {
		if (strcmp(result, results[i]) != 0)
			continue;
		(void)snprintf(ret->time, sizeof(ret->time), "%s", time);
		(void)snprintf(ret->image, sizeof(ret->image), "%s", image);
		(void)snprintf(ret->result, sizeof(ret->result), "%s", result);
		(void)snprintf(ret->reason, sizeof(ret->reason), "%.500s", reason);
	}
}

static bool is_armed(const struct status *s, const char *image)
{
	return s->image && !strcmp(s->image, image);
}

static void rehearsed(struct status *s, const struct rehearsal *r)
{
	uint64_t reserved = strtoull(r->reserved, NULL, 10);
	char size[FORMAT_SIZE_MAX], now[FORMAT_SIZE_MAX];
	struct finding *f;

	if (s->reserved && s->reserved < reserved) {
		f = finding_add(&s->findings, "proof.rehearsal", VERDICT_UNKNOWN,
				"%s rehearsed with %s of crash memory, %s are reserved now",
				r->time, format_size(reserved, size),
				format_size(s->reserved, now));
		finding_mend(f, "ukdumpctl rehearse");
		return;
	}
	(void)finding_add(&s->findings, "proof.rehearsal", VERDICT_OK,
			  "%s rehearsed: restarted after %s s, %s of memory at the most%s%s",
			  r->time, r->seconds, format_size(strtoull(r->peak, NULL, 10), size),
			  r->reason[0] ? "; " : "", r->reason);
}

static void rehearsal_failed(struct status *s, const struct rehearsal *r)
{
	struct finding *f = finding_add(&s->findings, "proof.rehearsal", VERDICT_FAILED, "%s: %s",
					r->time, r->reason);

	finding_needed(f, "a dump comes out in the virtual machine");
	finding_mend(f, "mend it, then ukdumpctl rehearse");
	finding_problem(f, "the rehearsal of the armed image (%s) failed: %.300s", r->time,
			r->reason);
}

static void check_rehearsal(const struct root *root, struct status *s)
{
	struct rehearsal r = {0};
	struct ukd_error e;
	int n = rehearsal_read(root, &r, &e);
	struct finding *f;

	if (n >= 0)
		keep(&s->rehearsal, r.time, r.image, r.result, r.reason);
	if (!s->image) {
		(void)finding_add(&s->findings, "proof.rehearsal", VERDICT_UNKNOWN,
				  "there is no armed image to be rehearsed");
		return;
	}
	if (n >= 0 && is_armed(s, r.image) && !strcmp(r.result, REHEARSAL_OK)) {
		rehearsed(s, &r);
		return;
	}
	if (n >= 0 && is_armed(s, r.image) && !strcmp(r.result, REHEARSAL_FAILED)) {
		rehearsal_failed(s, &r);
		return;
	}
	if (n < 0 && n != -ENOENT)
		f = finding_add(&s->findings, "proof.rehearsal", VERDICT_UNKNOWN, "%s", e.text);
	else if (n >= 0 && is_armed(s, r.image))
		f = finding_add(&s->findings, "proof.rehearsal", VERDICT_UNKNOWN, "%s: %s", r.time,
				r.reason);
	else
		f = finding_add(&s->findings, "proof.rehearsal", VERDICT_UNKNOWN,
				"the armed image was never rehearsed%s%s",
				n >= 0 ? "; another one was at " : "", n >= 0 ? r.time : "");
	finding_mend(f, n == -EACCES ? MEND_AS_ROOT : "ukdumpctl rehearse");
}

/* With another image than the armed one it is history, and no problem. */
static void test_failed(struct status *s, struct json_object *o)
{
	bool same = is_armed(s, proof_text(o, "image"));
	struct finding *f = finding_add(&s->findings, "proof.test",
					same ? VERDICT_FAILED : VERDICT_WARNING, "%s: %s%s",
					proof_text(o, "time"), proof_text(o, "reason"),
					same ? "" : " (with another image)");

	finding_needed(f, "the dump of the crash test");
	finding_mend(f, "mend it, then ukdumpctl test");
	if (same)
		finding_problem(f, "the last crash test (%s) failed: %.300s", proof_text(o, "time"),
				proof_text(o, "reason"));
}

static void check_last_test(struct status *s, struct json_object *o)
{
	const char *result = proof_text(o, "result"), *seconds = proof_text(o, "capture_seconds");

	keep(&s->test, proof_text(o, "time"), proof_text(o, "image"), result,
	     proof_text(o, "reason"));
	if (!strcmp(result, "failed"))
		test_failed(s, o);
	else if (!strcmp(result, "ok"))
		(void)finding_add(&s->findings, "proof.test", VERDICT_OK,
				  "%s crash test: a dump%s%s%s%s", proof_text(o, "time"),
				  *seconds ? " within " : "", seconds, *seconds ? " s" : "",
				  is_armed(s, proof_text(o, "image")) ? "" :
									" (with another image)");
	else
		(void)finding_add(&s->findings, "proof.test", VERDICT_UNKNOWN, "%s: %s",
				  proof_text(o, "time"), proof_text(o, "reason"));
}

static void check_test(const struct root *root, struct status *s)
{
	_json_ struct json_object *list = NULL;
	struct ukd_error e;
	struct finding *f;

	int r = proof_history_read(root, "test", &list, &e);

	if (r < 0) {
		f = finding_add(&s->findings, "proof.test", VERDICT_UNKNOWN, "%s", e.text);
		if (r == -EACCES)
			finding_mend(f, MEND_AS_ROOT);
		return;
	}
	if (json_object_array_length(list)) {
		check_last_test(s, json_object_array_get_idx(list,
							     json_object_array_length(list) - 1));
		return;
	}
	f = finding_add(&s->findings, "proof.test", VERDICT_UNKNOWN,
			"this machine was never crashed on purpose");
	finding_mend(f, "ukdumpctl test");
}

void check_proof(const struct root *root, struct status *s)
{
	check_rehearsal(root, s);
	check_test(root, s);
}
