// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `status --metrics`: Prometheus' text format 0.0.4, for node_exporter's textfile collector. Names
 * by Prometheus' conventions: base units, all gauges; what is not known is left out.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/status/status.h"
#include "util/cleanup.h"

static void family(FILE *out, const char *name, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void number(FILE *out, const char *name, const char *help, uint64_t value)
{
	family(out, name, help);
	(void)fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* first: no comma in front. A value may hold anything but bytes that are no UTF-8. */
static void label(FILE *out, bool first, const char *name, const char *value)
{
	struct json_object *clean = json_string(value ? value : "");

	(void)fprintf(out, "%s%s=\"", first ? "{" : ",", name);
	for (const char *p = json_object_get_string(clean); *p; p++)
		if (*p == '\n')
			(void)fputs("\\n", out);
		else
			(void)fprintf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
	(void)fputc('"', out);
	json_object_put(clean);
}

/* A time in that format of strptime(3); nothing if it is none. */
static void when(FILE *out, const char *name, const char *help, const char *text,
		 const char *format)
{
	struct tm tm = {0};
	time_t t = text && strptime(text, format, &tm) ? timegm(&tm) : -1;

	if (t > 0)
		number(out, name, help, (uint64_t)t);
}

static void print_image(FILE *out, const struct status *s)
{
	if (!s->image)
		return;
	family(out, "ukdump_image_info", "The armed capture image.");
	(void)fputs("ukdump_image_info", out);
	label(out, true, "image", s->image);
	label(out, false, "path", s->path);
	label(out, false, "signer", s->signer);
	label(out, false, "kernel", s->kernel);
	label(out, false, "kind", s->kind);
	(void)fputs("} 1\n", out);
	when(out, "ukdump_armed_time_seconds", "When it was armed, since the epoch.", s->time,
	     "%Y-%m-%dT%H:%M:%SZ");
	family(out, "ukdump_arm_call_seconds", "Duration of the system call that armed it.");
	(void)fprintf(out, "ukdump_arm_call_seconds %" PRIu64 ".%03u\n", s->call_ms / 1000,
		      (unsigned int)(s->call_ms % 1000));
	number(out, "ukdump_needed_bytes", "Crash memory that is known to suffice for it.",
	       s->comfort);
	if (!s->has_record)
		return;
	number(out, "ukdump_image_stale", "1: something that went into it has changed.",
	       s->stale.n > 0);
}

static void print_state(FILE *out, const struct status *s)
{
	number(out, "ukdump_state_known", "0: the kernel's state cannot be told.", s->known);
	if (!s->known)
		return;
	number(out, "ukdump_armed", "1: the kernel holds a capture image.", s->armed);
	number(out, "ukdump_reserved_bytes", "Crash memory that is reserved.", s->reserved);
	number(out, "ukdump_secure_boot", "1: Secure Boot is on.", s->secure_boot);
	number(out, "ukdump_signature_enforced", "1: the kernel takes nothing unsigned.",
	       s->enforced);
	number(out, "ukdump_locked", "1: the kernel takes no other image until the next boot.",
	       s->locked);
	print_image(out, s);
}

/* The number keeps two equal entries of Target= apart. */
static void print_targets(FILE *out, const struct targets *targets)
{
	char index[16];

	if (targets->n)
		family(out, "ukdump_target_ok", "1: nothing is known against the target.");
	for (unsigned int i = 0; i < targets->n; i++) {
		(void)snprintf(index, sizeof(index), "%u", i + 1);
		(void)fputs("ukdump_target_ok", out);
		label(out, true, "index", index);
		label(out, false, "target", targets->v[i].uri);
		(void)fprintf(out, "} %d\n", !targets->v[i].problem[0]);
	}
}

static void print_proofs(FILE *out, const struct status *s)
{
	static const char format[] = "%Y-%m-%dT%H:%M:%SZ";

	when(out, "ukdump_last_rehearsal_time_seconds", "The last rehearsal, since the epoch.",
	     s->rehearsal.time, format);
	if (s->rehearsal.time[0])
		number(out, "ukdump_last_rehearsal_ok", "1: a dump came out.",
		       !strcmp(s->rehearsal.result, "ok"));
	when(out, "ukdump_last_test_time_seconds", "The last crash test, since the epoch.",
	     s->test.time, format);
	if (s->test.time[0])
		number(out, "ukdump_last_test_ok", "1: its dump came out.",
		       !strcmp(s->test.result, "ok"));
}

static void print_past(FILE *out, const struct status *s)
{
	const struct crash *c = &s->report.last;

	when(out, "ukdump_last_refresh_time_seconds", "When refresh last ended, since the epoch.",
	     s->last.time, "%Y-%m-%dT%H:%M:%SZ");
	if (s->last.time[0])
		number(out, "ukdump_last_refresh_ok", "0: it failed.",
		       strcmp(s->last.result, OUTCOME_FAILED) != 0);
	when(out, "ukdump_last_crash_time_seconds", "The last crash known of, since the epoch.",
	     c->name, "%Y%m%dT%H%M%SZ");
	if (c->state[0])
		number(out, "ukdump_last_crash_dump_ok",
		       "1: a complete dump that nothing is known against.", crash_is_good(c));
	number(out, "ukdump_unread_result", "1: a capture has left a result for ukdumpctl report.",
	       s->result);
}

/* One of each four is 1, so that a verdict that changes ends no series. */
static void print_findings(FILE *out, const struct findings *l)
{
	number(out, "ukdump_problems", "Findings that status calls problems.",
	       findings_problems(l));
	family(out, "ukdump_finding", "Preconditions of a dump, as ukdumpctl check names them.");
	for (unsigned int i = 0; i < l->n; i++)
		for (enum verdict v = VERDICT_UNKNOWN; v <= VERDICT_FAILED; v++) {
			(void)fputs("ukdump_finding", out);
			label(out, true, "name", l->v[i].name);
			label(out, false, "verdict", verdict_name(v));
			(void)fprintf(out, "} %d\n", l->v[i].verdict == v);
		}
}

static void print_all(FILE *out, const struct status *s)
{
	family(out, "ukdump_build_info", "The version of ukdump.");
	(void)fputs("ukdump_build_info{version=\"" UKDUMP_VERSION "\"} 1\n", out);
	print_state(out, s);
	print_targets(out, &s->targets);
	print_past(out, s);
	print_proofs(out, s);
	print_findings(out, &s->findings);
}

int status_write_metrics(const struct status *s, const char *path, struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return ukd_oom(e);
	print_all(out, s);
	if (fclose(out) != 0)
		return ukd_oom(e);
	if (path) /* for the collector, which runs as another user */
		return file_replace(AT_FDCWD, path, 0644,
				    (struct bytes){(const uint8_t *)text, size}, e);
	printf("%s", text);
	return 0;
}
