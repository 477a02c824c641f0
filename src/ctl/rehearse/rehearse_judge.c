// SPDX-License-Identifier: GPL-2.0-or-later
/* What a rehearsal came to: from the guest's console and the manifest to one sentence. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/rehearse/rehearse.h"
#include "util/parse.h"

#define SET(text, ...) (void)snprintf(text, sizeof(text), __VA_ARGS__)

static void add_phase(struct rehearsal *record, const char *name, double seconds)
{
	size_t used = strlen(record->phases);

	(void)snprintf(record->phases + used, sizeof(record->phases) - used, "%s%.32s=%.1f",
		       used ? " " : "", name, seconds > 0 ? seconds : 0);
}

/* Adds the manifest's stages to the record; NULL: only their sum matters, which it returns. */
static double add_stages(struct json_object *manifest, struct rehearsal *record)
{
	struct json_object *list = json_member(manifest, "stages", json_type_array), *name,
			   *seconds;
	double sum = 0;

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!json_object_object_get_ex(o, "name", &name) ||
		    !json_object_object_get_ex(o, "seconds", &seconds))
			continue;
		sum += json_object_get_double(seconds);
		if (record)
			add_phase(record, json_object_get_string(name),
				  json_object_get_double(seconds));
	}
	return sum;
}

/*
 * boot, arm, start (from the crash to the capture program), its stages, restart. Where the image
 * has no serial console, the restart is part of "start".
 */
static void set_phases(struct rehearse *r)
{
	const struct guest_result *g = &r->guest;
	double end = g->last_word > 0 ? g->last_word : g->at[GUEST_ENDED];

	if (g->step >= GUEST_ARMS)
		add_phase(&r->record, "boot", g->at[GUEST_ARMS]);
	if (g->step >= GUEST_ARMED)
		add_phase(&r->record, "arm", g->at[GUEST_ARMED] - g->at[GUEST_ARMS]);
	if (r->dump.manifest) {
		double stages = add_stages(r->dump.manifest, NULL);

		add_phase(&r->record, "start", end - g->at[GUEST_ARMED] - stages);
		(void)add_stages(r->dump.manifest, &r->record);
	}
	if (g->last_word > 0 && g->at[GUEST_ENDED] > 0)
		add_phase(&r->record, "restart", g->at[GUEST_ENDED] - g->last_word);
	if (g->at[GUEST_ENDED] > 0 && g->step >= GUEST_ARMED)
		SET(r->record.seconds, "%.1f", g->at[GUEST_ENDED] - g->at[GUEST_ARMED]);
	if (r->dump.memory_total) {
		SET(r->record.peak, "%" PRIu64, r->dump.memory_peak);
		SET(r->record.total, "%" PRIu64, r->dump.memory_total);
	}
}

static void result(struct rehearse *r, const char *word, const char *fmt, ...) _printf_(3, 4);
static void result(struct rehearse *r, const char *word, const char *fmt, ...)
{
	va_list ap;

	SET(r->record.result, "%s", word);
	va_start(ap, fmt);
	(void)vsnprintf(r->record.reason, sizeof(r->record.reason), fmt, ap);
	va_end(ap);
}

/* It did not come to a crash. */
static void judge_first_kernel(struct rehearse *r)
{
	const struct guest_result *g = &r->guest;

	if (g->step == GUEST_BOOTS)
		result(r, REHEARSAL_NONE, "the guest did not start: %s",
		       g->trouble[0] ? g->trouble :
		       g->timed_out  ? "no word from it within the time limit" :
				       "it ended at once");
	else
		result(r, REHEARSAL_FAILED, "the image was not armed in the guest: %s",
		       g->trouble[0] ? g->trouble : "no answer from the kernel");
}

/* The best source there is for why no manifest was written. */
static void judge_silence(struct rehearse *r)
{
	const struct guest_result *g = &r->guest;

	if (g->panic[0])
		result(r, REHEARSAL_FAILED, "the capture kernel itself panicked: %s%s", g->panic,
		       strstr(g->panic, "emory") ? "; 'ukdumpctl estimate' tells what it needs" :
						   "");
	else if (g->reason[0])
		result(r, REHEARSAL_FAILED, "%s", g->reason);
	else if (g->failed[0])
		result(r, REHEARSAL_FAILED, "%s", g->failed);
	else if (g->timed_out)
		result(r, REHEARSAL_FAILED, "no dump and no end within %u s", r->timeout_s);
	else
		result(r, REHEARSAL_FAILED,
		       "no dump came out, and the capture environment said nothing: it did not "
		       "start, or died, most often of too little crash memory ('ukdumpctl "
		       "estimate')");
}

static bool stays_on(const struct settings *s)
{
	return s->action.on_success == ACTION_HALT || s->action.on_success == ACTION_SHELL;
}

static void judge_dump(struct rehearse *r)
{
	const struct rehearse_dump *d = &r->dump;

	if (strcmp(d->state, "complete") != 0)
		result(r, REHEARSAL_FAILED, "%s: %s", d->state[0] ? d->state : "no dump",
		       d->reason[0] ? d->reason : "no reason was recorded");
	else if (!d->encrypted && !d->verified)
		result(r, REHEARSAL_FAILED, "the dump does not verify: %s", d->fault);
	else if (!d->encrypted && !d->has_mark)
		result(r, REHEARSAL_FAILED, "the saved kernel log is not that of the crash");
	else if (r->guest.timed_out && !stays_on(&r->image.settings))
		result(r, REHEARSAL_FAILED,
		       "the dump is complete, and the machine had not "
		       "restarted after %u s",
		       r->timeout_s);
	else
		result(r, REHEARSAL_OK, "%s", "");
}

void rehearse_judge(struct rehearse *r)
{
	set_phases(r);
	if (r->guest.step < GUEST_ARMED)
		judge_first_kernel(r);
	else if (r->dump.manifest)
		judge_dump(r);
	else
		judge_silence(r);
}
