// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl status: is this machine armed, with what, and what is wrong with it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/freshness.h"
#include "build/makedumpfile.h"
#include "ctl/host_state.h"
#include "ctl/loader.h"
#include "ctl/report_state.h"
#include "ctl/target_check.h"
#include "util/cleanup.h"
#include "util/efivarfs.h"
#include "util/parse.h"

static const char usage[] =
	"Usage: ukdumpctl status [--json]\n\n"
	"Tell whether a capture image is armed, which one, who signed it, how much memory\n"
	"is reserved and needed, whether the targets can be reached (for 4 seconds), and\n"
	"every problem with what to do about it.\n\n"
	"      --json  facts as JSON (schema 1)\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 armed, 1 failed, 2 usage, 3 not armed, 4 armed with problems.\n";

#define MAX_PROBLEMS	16
#define MAX_STALE_SHOWN 8

struct state {
	bool armed, enforced;
	bool locked; /* the kernel takes no other image until the next boot */
	bool result; /* left by a capture that reached no target */
	char *image, *path, *signer, *time, *kernel, *kind, *lockdown, *missing, *recorded;
	char *keyring, *key; /* NULL: the kernel was not asked, or does not enforce signatures */
	bool secure_boot;
	uint64_t reserved, needed, comfort, call_ms, profile, addons;
	struct panic_parameter sysctl[PANIC_PARAMETERS];
	struct targets targets;
	struct report_state report;
	struct strings stale; /* what of the armed image has changed */
	bool has_record;      /* it is known what went into it */
	struct outcome last;  /* refresh; time empty: there was none */
	const char *note;     /* a literal: what could be better, but is no problem */
	char problem[MAX_PROBLEMS][512];
	unsigned int n_problems;
};

static void state_free(struct state *s)
{
	char *strings[] = {s->image,	s->path,    s->signer,	 s->time,    s->kernel, s->kind,
			   s->lockdown, s->missing, s->recorded, s->keyring, s->key};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	targets_free(&s->targets);
	report_state_free(&s->report);
	strings_free(&s->stale);
}

static void problem(struct state *s, const char *fmt, ...) _printf_(2, 3);
static void problem(struct state *s, const char *fmt, ...)
{
	va_list ap;

	if (s->n_problems == MAX_PROBLEMS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(s->problem[s->n_problems++], sizeof(s->problem[0]), fmt, ap);
	va_end(ap);
}

static bool is_plain(const struct state *s)
{
	return s->kind && !strcmp(s->kind, "plain");
}

static void read_facts(const struct buffer *facts, struct state *s)
{
	s->armed = loader_number(facts, "loaded") == 1;
	s->enforced = loader_number(facts, "enforced") == 1;
	s->locked = loader_number(facts, "load_disabled") == 1;
	s->secure_boot = loader_number(facts, "secure_boot") == 1;
	s->image = loader_value(facts, "image");
	s->path = loader_value(facts, "path");
	s->signer = loader_value(facts, "signer");
	s->keyring = loader_value(facts, "keyring");
	s->key = loader_value(facts, "key");
	s->time = loader_value(facts, "time");
	s->kernel = loader_value(facts, "kernel");
	s->kind = loader_value(facts, "kind");
	s->profile = loader_number(facts, "profile");
	s->addons = loader_number(facts, "addons");
	s->lockdown = loader_value(facts, "lockdown");
	s->missing = loader_value(facts, "missing_option");
	s->recorded = loader_value(facts, "problem");
	s->reserved = loader_number(facts, "crash_memory");
	s->needed = loader_number(facts, "needed");
	s->comfort = loader_number(facts, "comfort");
	s->call_ms = loader_number(facts, "call_ms");
}

static void find_problems(struct state *s)
{
	char have[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];

	s->result = access(EFIVARFS_DIR "/" RESULT_VARIABLE, F_OK) == 0;
	if (s->result)
		problem(s, "a crash was captured, and no target took the record of it; 'ukdumpctl "
			   "report' tells more and ends this problem");
	if (!s->reserved)
		problem(s,
			"no crash memory is reserved (crashkernel=); run 'ukdumpctl reserve' and reboot");
	if (s->missing && s->missing[0])
		problem(s, "the running kernel was built without %s", s->missing);
	if (!s->armed)
		return;
	if (!s->image)
		problem(s, "the armed image was not loaded by ukdump; run 'ukdumpctl start'");
	else if (s->path && access(s->path, F_OK) < 0)
		problem(s, "the armed image's file %s is gone; run 'ukdumpctl build'", s->path);
	if (s->recorded)
		problem(s, "%s", s->recorded);
	if (s->reserved < s->comfort)
		problem(s, "%s of crash memory are reserved, %s are known to suffice",
			format_size(s->reserved, have), format_size(s->comfort, want));
	if (!s->enforced)
		problem(s, "Secure Boot and lockdown are off: the kernel does not enforce the "
			   "image's signature");
}

static void read_host_state(const struct root *root, struct state *s)
{
	const char *rival = enabled_rival(root);

	panic_parameters_read(root, s->sysctl);
	if (rival)
		problem(s,
			"%s is enabled, too, and arms an image of its own: run 'systemctl "
			"disable --now %s'",
			rival, rival);
}

/* Is the armed image what a build would make now? */
static void find_stale(const struct root *root, struct state *s)
{
	struct ukd_error e = {0};
	int r = s->path ? image_changes(root, &s->targets.settings, s->path, &s->stale, &e) :
			  -ENOENT;

	s->has_record = r >= 0;
	if (r < 0 && r != -ENOENT)
		problem(s, "%s", e.text);
	if (s->stale.n)
		problem(s, "the armed image is stale: %s%s; run 'ukdumpctl refresh'", s->stale.v[0],
			s->stale.n > 1 ? " and more have changed" : " has changed");
}

/* How the last refresh ended. */
static void find_outcome(const struct root *root, struct state *s)
{
	if (!outcome_read(root, &s->last))
		return;
	if (!strcmp(s->last.result, OUTCOME_FAILED))
		problem(s, "the last refresh (%s) failed: %s", s->last.time, s->last.reason);
	if (!strcmp(s->last.result, OUTCOME_WAITS) && image_waits(root, s->last.image))
		problem(s, "%s waits for its signature: see 'ukdumpctl attach --help'",
			s->last.image);
}

/* Where dumps would go, and what would write them. */
static void find_capture_problems(const struct root *root, struct state *s)
{
	struct ukd_error e = {0};
	const char *bad_pair = NULL;
	bool fails = false;
	char release[128];

	if (targets_check(root, &s->targets, &e) < 0)
		problem(s, "%s", e.text);
	else
		find_stale(root, s);
	for (unsigned int i = 0; i < s->targets.n; i++)
		if (s->targets.v[i].problem[0])
			problem(s, "target %s: %s", s->targets.v[i].uri, s->targets.v[i].problem);
	if (s->targets.recipients.code)
		problem(s, "%s", s->targets.recipients.text);
	if (root_kernel_release(root, release, sizeof(release), &e) >= 0)
		bad_pair = makedumpfile_check(root, release, &fails);
	if (bad_pair && fails)
		problem(s, "%s", bad_pair);
	else
		s->note = bad_pair;
}

static void print_sysctl(const struct state *s)
{
	printf("sysctl   ");
	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++)
		if (s->sysctl[i].known)
			printf(" %s=%lld", s->sysctl[i].name, (long long)s->sysctl[i].value);
	printf("\n");
}

/* What the last crash left. */
static void find_report_problems(const struct root *root, struct state *s)
{
	char text[sizeof(s->problem[0])];
	struct ukd_error e;
	int r = report_state_read(root, &s->report, &e);

	if (r < 0)
		problem(s, "%s", e.text);
	else if (report_state_problem(&s->report, text, sizeof(text)))
		problem(s, "%s", text);
}

static void print_stale(const struct state *s)
{
	for (unsigned int i = 0; i < s->stale.n && i < MAX_STALE_SHOWN; i++)
		printf("stale     %s\n", s->stale.v[i]);
	if (s->stale.n > MAX_STALE_SHOWN)
		printf("stale     and %u more, see --json\n", s->stale.n - MAX_STALE_SHOWN);
}

static void print_text(const struct state *s)
{
	char size[FORMAT_SIZE_MAX], sentence[CRASH_SENTENCE];

	printf("state     %s\n",
	       s->armed ? s->n_problems ? "armed, with problems" : "armed" : "not armed");
	if (s->armed && s->image) {
		printf("image     %s\n", s->path ? s->path : "?");
		printf("image id  %s\n", s->image);
		printf("signer    %s\n", s->signer ? s->signer : "?");
		if (s->key)
			printf("by key    %s%s%s\n", s->key,
			       s->keyring && *s->keyring ? " in " : "",
			       s->keyring ? s->keyring : "");
		printf("since     %s, the call took %llu ms\n", s->time ? s->time : "?",
		       (unsigned long long)s->call_ms);
		printf("kernel    %s\n", s->kernel ? s->kernel : "?");
	}
	if (s->armed && is_plain(s))
		printf("kind      plain, profile %llu, addons %llu: the kernel verifies .linux "
		       "alone, root could load it with another initrd\n",
		       (unsigned long long)s->profile, (unsigned long long)s->addons);
	printf("reserved  %s\n", format_size(s->reserved, size));
	if (s->comfort)
		printf("needed    %s\n", format_size(s->comfort, size));
	printf("lockdown  %s, Secure Boot %s\n", s->lockdown ? s->lockdown : "unknown",
	       s->secure_boot ? "on" : "off");
	if (s->locked)
		printf("locked    until the next boot the kernel takes no other image\n");
	print_sysctl(s);
	for (unsigned int i = 0; i < s->targets.n; i++)
		printf("target    %s, %s\n", s->targets.v[i].uri,
		       s->targets.v[i].problem[0] ? "with a problem" : "ok");
	if (s->report.last.state[0])
		printf("last      %s\n", crash_sentence(&s->report.last, sentence));
	print_stale(s);
	for (unsigned int i = 0; i < s->n_problems; i++)
		printf("problem   %s\n", s->problem[i]);
	if (s->note)
		printf("note      %s\n", s->note);
}

static void add_targets(struct json_object *o, const struct targets *targets)
{
	struct json_object *list = json_array_checked();

	for (unsigned int i = 0; i < targets->n; i++) {
		struct json_object *t = json_object_checked();
		const struct target_report *report = &targets->v[i];

		json_text(t, "uri", report->uri);
		json_flag(t, "ok", !report->problem[0]);
		json_text(t, "problem", report->problem[0] ? report->problem : NULL);
		json_append(list, t);
	}
	json_add(o, "targets", list);
}

static void add_sysctl(struct json_object *o, const struct state *s)
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
	json_text(r, "reason", last->reason[0] ? last->reason : NULL);
	json_text(r, "image", last->image[0] ? last->image : NULL);
}

static void print_json(const struct state *s)
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
	if (is_plain(s)) {
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
	for (unsigned int i = 0; i < s->n_problems; i++)
		json_append(problems, json_string(s->problem[i]));
	json_add(o, "problems", problems);
	json_text(o, "note", s->note);
	json_print(o);
}

static int status(bool json)
{
	_cleanup_(state_free) struct state s = {0};
	_buffer_ struct buffer facts = {0};
	_root_ struct root root = ROOT_NONE;
	struct ukd_error e = {0};
	int r = root_open(NULL, &root, &e);

	if (r >= 0)
		r = loader_run("status", NULL, NULL, &facts, &e);
	if (r < 0)
		return verb_failed(&e);
	if (r != EXIT_DONE && r != EXIT_NOT_ARMED)
		return EXIT_FAILED; /* ukdump-load has said why */
	read_facts(&facts, &s);
	find_problems(&s);
	read_host_state(&root, &s);
	find_capture_problems(&root, &s);
	find_report_problems(&root, &s);
	find_outcome(&root, &s);
	if (json)
		print_json(&s);
	else
		print_text(&s);
	return !s.armed ? EXIT_NOT_ARMED : s.n_problems ? EXIT_ARMED_PROBLEMS : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_status, argc, argv, 0, &json);

	return r >= 0 ? r : status(json);
}

const struct verb verb_status = {
	.name = "status",
	.summary = "armed or not, with what, and what is wrong",
	.run = run,
	.usage = usage,
};
