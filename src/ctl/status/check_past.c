// SPDX-License-Identifier: GPL-2.0-or-later
/* What has happened: the last refresh, the last crash, what a capture has left. */
#include <string.h>
#include <unistd.h>

#include "ctl/status/status.h"
#include "util/efivarfs.h"

/* How the last refresh ended. */
static void check_refresh(const struct root *root, struct status *s)
{
	const struct outcome *o = &s->last;
	struct finding *f;

	if (!o->time[0] && geteuid() != 0 && root_exists(root, OUTCOME_FILE)) {
		f = finding_add(&s->findings, "refresh.last", VERDICT_UNKNOWN,
				OUTCOME_FILE " is for root to read");
		finding_mend(f, MEND_AS_ROOT);
	} else if (!o->time[0]) {
		(void)finding_add(&s->findings, "refresh.last", VERDICT_UNKNOWN,
				  "no refresh is known of");
	} else if (!strcmp(o->result, OUTCOME_FAILED)) {
		f = finding_add(&s->findings, "refresh.last", VERDICT_FAILED, "%s: %s", o->time,
				o->reason);
		finding_mend(f, "ukdumpctl refresh");
		finding_problem(f, "the last refresh (%s) failed: %s", o->time, o->reason);
	} else if (!strcmp(o->result, OUTCOME_WAITS) && image_waits(root, o->image)) {
		f = finding_add(&s->findings, "refresh.last", VERDICT_WARNING,
				"%s waits for its signature", o->image);
		finding_mend(f, "ukdumpctl attach, then ukdumpctl refresh");
		finding_problem(f, "%s waits for its signature: see 'ukdumpctl attach --help'",
				o->image);
	} else if (status_waits_for_boot(s)) {
		f = finding_add(&s->findings, "refresh.last", VERDICT_OK,
				"%s waits for the next boot (LockAfterArm=)", o->image);
		finding_mend(f, "reboot");
	} else {
		(void)finding_add(&s->findings, "refresh.last", VERDICT_OK, "%s", o->time);
	}
}

/* What the last crash left. */
static void check_crash(const struct root *root, struct status *s)
{
	char text[sizeof(((struct finding *)NULL)->problem)], sentence[CRASH_SENTENCE];
	struct ukd_error e = {0};
	struct finding *f;

	if (report_state_read(root, &s->report, &e) < 0) {
		f = finding_add(&s->findings, "crash.last", VERDICT_UNKNOWN, "%s", e.text);
		if (geteuid() == 0)
			finding_problem(f, "%s", e.text);
		else
			finding_mend(f, MEND_AS_ROOT);
	} else if (!s->report.last.state[0]) {
		(void)finding_add(&s->findings, "crash.last", VERDICT_OK, "no crash is known of");
	} else if (report_state_problem(&s->report, text, sizeof(text))) {
		f = finding_add(&s->findings, "crash.last", VERDICT_FAILED, "%s",
				crash_sentence(&s->report.last, sentence));
		finding_needed(f, "a complete dump that verifies");
		finding_mend(f, "look into it, then ukdumpctl report --clear");
		finding_problem(f, "%s", text);
	} else {
		(void)finding_add(&s->findings, "crash.last", VERDICT_OK, "%s",
				  crash_sentence(&s->report.last, sentence));
	}
}

/* The result that a capture leaves where no target takes it. */
static void check_result(const struct root *root, struct status *s)
{
	struct finding *f;

	s->result = root_exists(root, EFIVARFS_DIR "/" RESULT_VARIABLE);
	if (!s->result) {
		(void)finding_add(&s->findings, "crash.result", VERDICT_OK,
				  "no capture has left a result");
		return;
	}
	f = finding_add(&s->findings, "crash.result", VERDICT_FAILED,
			"a crash was captured, and no target took the record of it");
	finding_mend(f, "ukdumpctl report");
	finding_problem(f, "a crash was captured, and no target took the record of it; 'ukdumpctl "
			   "report' tells more and ends this problem");
}

void check_past(const struct root *root, struct status *s)
{
	check_refresh(root, s);
	check_crash(root, s);
	check_result(root, s);
}
