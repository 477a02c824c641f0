// SPDX-License-Identifier: GPL-2.0-or-later
/* Preconditions of the capture image: armed, there, fresh. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/status/status.h"

static void check_armed(struct status *s)
{
	struct finding *f;

	if (!s->armed) {
		f = finding_add(&s->findings, "armed", VERDICT_FAILED,
				"no capture image is loaded");
		finding_mend(f, "ukdumpctl refresh");
	} else if (!s->image) {
		f = finding_add(&s->findings, "armed", VERDICT_FAILED,
				"an image is loaded, but not by ukdump");
		finding_mend(f, "ukdumpctl start");
		finding_problem(f, "the armed image was not loaded by ukdump; run 'ukdumpctl "
				   "start'");
	} else {
		f = finding_add(&s->findings, "armed", VERDICT_OK, "since %s, kernel %s",
				s->time ? s->time : "?", s->kernel ? s->kernel : "?");
	}
	finding_needed(f, "a capture image of ukdump's");
}

/* What arming could not do besides, such as a value of Sysctl=. */
static void check_recorded(struct status *s)
{
	struct finding *f;

	if (!s->armed || !s->recorded)
		return;
	f = finding_add(&s->findings, "arming", VERDICT_WARNING, "%s", s->recorded);
	finding_mend(f, "ukdumpctl reload");
	finding_problem(f, "%s", s->recorded);
}

/* Is the file that was armed still there, for the next boot? */
static void check_file(struct status *s)
{
	struct finding *f;
	int r = access(s->path, F_OK) < 0 ? errno : 0;

	if (!r) {
		(void)finding_add(&s->findings, "image.file", VERDICT_OK, "%s", s->path);
	} else if (r == EACCES) {
		f = finding_add(&s->findings, "image.file", VERDICT_UNKNOWN,
				"%s cannot be looked at by this user", s->path);
		finding_mend(f, MEND_AS_ROOT);
	} else {
		f = finding_add(&s->findings, "image.file", VERDICT_FAILED, "%s: %s", s->path,
				strerror(r));
		finding_mend(f, "ukdumpctl build");
		finding_problem(f, "the armed image's file %s is gone; run 'ukdumpctl build'",
				s->path);
	}
}

/* Is it what a build would make now? */
static void check_fresh(const struct root *root, struct status *s)
{
	struct ukd_error e = {0};
	struct finding *f;
	int r = image_changes(root, &s->targets.settings, s->path, &s->stale, &e);

	s->has_record = r >= 0;
	if (r < 0) {
		f = finding_add(&s->findings, "image.fresh", VERDICT_UNKNOWN, "%s", e.text);
		if (r == -EACCES)
			finding_mend(f, MEND_AS_ROOT);
		else if (r != -ENOENT)
			finding_problem(f, "%s", e.text);
		return;
	}
	f = finding_add(&s->findings, "image.fresh", s->stale.n ? VERDICT_WARNING : VERDICT_OK,
			"%u of what went into the image changed since%s%s", s->stale.n,
			s->stale.n ? ": " : "", s->stale.n ? s->stale.v[0] : "");
	finding_needed(f, "nothing changed");
	if (!s->stale.n)
		return;
	if (status_waits_for_boot(s)) {
		finding_mend(f, "reboot");
		return;
	}
	finding_mend(f, "ukdumpctl refresh");
	finding_problem(f, "the armed image is stale: %s%s; run 'ukdumpctl refresh'", s->stale.v[0],
			s->stale.n > 1 ? " and more have changed" : " has changed");
}

void check_image(const struct root *root, struct status *s)
{
	if (s->known)
		check_armed(s);
	check_recorded(s);
	if (!s->armed || !s->path)
		return;
	check_file(s);
	if (!s->settings_error.code)
		check_fresh(root, s);
}
