// SPDX-License-Identifier: GPL-2.0-or-later
/* `status --json`; docs/schema/status.json describes it. */
#include "ctl/status/status.h"

static void add_targets(struct json_object *o, const struct targets *targets)
{
	struct json_object *list = json_array_checked();

	for (unsigned int i = 0; i < targets->n; i++) {
		struct json_object *t = json_object_checked();
		const struct target_report *report = &targets->v[i];

		json_text(t, "uri", report->uri);
		json_flag(t, "ok", !report->problem[0]);
		json_text_or_null(t, "problem", report->problem);
		json_append(list, t);
	}
	json_add(o, "targets", list);
}

static void add_sysctl(struct json_object *o, const struct status *s)
{
	struct json_object *values = json_object_checked();

	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++)
		json_add(values, s->sysctl[i].name,
			 s->sysctl[i].known ? json_object_new_int64(s->sysctl[i].value) : NULL);
	json_add(o, "sysctl", values);
}

static void add_refresh(struct json_object *o, const struct outcome *last)
{
	struct json_object *r = last->time[0] ? json_object_checked() : NULL;

	json_add(o, "refresh", r);
	if (!r)
		return;
	json_text(r, "time", last->time);
	json_text(r, "result", last->result);
	json_text_or_null(r, "reason", last->reason);
	json_text_or_null(r, "image", last->image);
}

static void add_proof(struct json_object *o, const char *name, const struct proof *p)
{
	struct json_object *proof = p->time[0] ? json_object_checked() : NULL;

	json_add(o, name, proof);
	if (!proof)
		return;
	json_text(proof, "time", p->time);
	json_text_or_null(proof, "image", p->image);
	json_text(proof, "result", p->result);
	json_text_or_null(proof, "reason", p->reason);
}

void status_print_json(const struct status *s)
{
	struct json_object *o = json_object_checked(), *problems = json_array_checked();

	json_number(o, "schema", 1);
	json_flag(o, "armed", s->armed);
	json_text(o, "image", s->image);
	json_text(o, "path", s->path);
	json_text(o, "signer", s->signer);
	json_text(o, "keyring", s->keyring && *s->keyring ? s->keyring : NULL);
	json_text(o, "key", s->key);
	json_text(o, "time", s->time);
	json_text(o, "kernel", s->kernel);
	json_text(o, "kind", s->kind);
	if (status_is_plain(s)) {
		json_number(o, "profile", s->profile);
		json_number(o, "addons", s->addons);
	}
	json_number(o, "reserved_bytes", s->reserved);
	json_number(o, "minimum_bytes", s->needed);
	json_number(o, "needed_bytes", s->comfort);
	json_text(o, "lockdown", s->lockdown);
	json_flag(o, "secure_boot", s->secure_boot);
	json_flag(o, "enforced", s->enforced);
	json_flag(o, "unread_result", s->result);
	json_number(o, "call_ms", s->call_ms);
	json_flag(o, "locked", s->locked);
	add_sysctl(o, s);
	json_add(o, "last_crash", report_state_json(&s->report));
	add_targets(o, &s->targets);
	json_add(o, "stale", s->has_record ? json_strings(&s->stale) : NULL);
	add_refresh(o, &s->last);
	add_proof(o, "rehearsal", &s->rehearsal);
	add_proof(o, "test", &s->test);
	for (unsigned int i = 0; i < s->findings.n; i++)
		if (s->findings.v[i].problem[0])
			json_append(problems, json_string(s->findings.v[i].problem));
	json_add(o, "problems", problems);
	json_text(o, "note", s->note);
	json_add(o, "findings", findings_json(&s->findings));
	json_print(o);
}
