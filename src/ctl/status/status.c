// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects the state of this machine: see status.h. */
#include "ctl/status/status.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/loader.h"
#include "util/cleanup.h"

void status_free(struct status *s)
{
	char *strings[] = {s->image,	s->path,    s->signer,	 s->time,    s->kernel, s->kind,
			   s->lockdown, s->missing, s->recorded, s->keyring, s->key};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	targets_free(&s->targets);
	report_state_free(&s->report);
	strings_free(&s->stale);
	findings_free(&s->findings);
}

bool status_is_plain(const struct status *s)
{
	return s->kind && !strcmp(s->kind, "plain");
}

bool status_waits_for_boot(const struct status *s)
{
	return s->locked && !strcmp(s->last.result, OUTCOME_NEXT_BOOT);
}

/* The record of what is armed is a file; it must drive no terminal. */
static char *text_value(const struct buffer *facts, const char *key)
{
	char *value = loader_value(facts, key);

	if (value) {
		text_printable(value);
		text_utf8(value);
	}
	return value;
}

static void read_facts(const struct buffer *facts, struct status *s)
{
	s->armed = loader_number(facts, "loaded") == 1;
	s->enforced = loader_number(facts, "enforced") == 1;
	s->locked = loader_number(facts, "load_disabled") == 1;
	s->secure_boot = loader_number(facts, "secure_boot") == 1;
	s->image = text_value(facts, "image");
	s->path = text_value(facts, "path");
	s->signer = text_value(facts, "signer");
	s->keyring = text_value(facts, "keyring");
	s->key = text_value(facts, "key");
	s->time = text_value(facts, "time");
	s->kernel = text_value(facts, "kernel");
	s->kind = text_value(facts, "kind");
	s->profile = loader_number(facts, "profile");
	s->addons = loader_number(facts, "addons");
	s->lockdown = text_value(facts, "lockdown");
	s->missing = text_value(facts, "missing_option");
	s->recorded = text_value(facts, "problem");
	s->reserved = loader_number(facts, "crash_memory");
	s->needed = loader_number(facts, "needed");
	s->comfort = loader_number(facts, "comfort");
	s->call_ms = loader_number(facts, "call_ms");
}

static void ask_loader(struct status *s)
{
	_buffer_ struct buffer facts = {0};
	struct ukd_error e = {0};
	int r = loader_run("status", NULL, NULL, &facts, &e);

	s->known = r == EXIT_DONE || r == EXIT_NOT_ARMED;
	if (s->known) {
		read_facts(&facts, s);
		return;
	}
	if (r < 0)
		(void)verb_failed(&e); /* else ukdump-load has said why */
	finding_needed(finding_add(&s->findings, "kernel.kexec", VERDICT_FAILED, "%s",
				   e.text[0] ? e.text : "ukdump-load cannot tell the state"),
		       "a kernel that can capture crashes");
}

void status_collect(const struct root *root, struct status *s)
{
	ask_loader(s);
	(void)!targets_check(root, &s->targets, &s->settings_error);
	(void)!outcome_read(root, &s->last);
	check_kernel(root, s);
	check_image(root, s);
	check_signature(root, s);
	check_capture(root, s);
	check_command_line(root, s);
	check_machine(root, s);
	check_past(root, s);
	check_proof(root, s);
}
