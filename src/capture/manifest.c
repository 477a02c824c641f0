// SPDX-License-Identifier: GPL-2.0-or-later
/* manifest.json, schema 1 (ukdump-capture(8)). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/json.h"
#include "capture/record.h"
#include "util/cleanup.h"
#include "util/file.h"

static struct json_object *text(const char *s)
{
	return json_new_text(s, SIZE_MAX);
}

static struct json_object *text_or_null(const char *s)
{
	return s[0] ? text(s) : NULL;
}

/* json_object_object_add() takes the value over whatever happens; NULL is JSON's null. */
static void add(struct json_object *o, const char *key, struct json_object *value)
{
	(void)json_object_object_add(o, key, value);
}

static void add_bytes(struct json_object *o, const char *key, uint64_t v)
{
	add(o, key, json_object_new_int64(v > INT64_MAX ? INT64_MAX : (int64_t)v));
}

/* Those that have ended: "publish" writes this itself. */
static struct json_object *stages(const struct record *r)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];
		struct json_object *o;
		char seconds[32];

		if (!s->ended)
			continue;
		o = json_object_new_object();
		(void)snprintf(seconds, sizeof(seconds), "%llu.%03llu",
			       (unsigned long long)(s->ms / 1000),
			       (unsigned long long)(s->ms % 1000));
		add(o, "name", text(s->name));
		add(o, "result", text(outcome_name(s->outcome)));
		add(o, "seconds", json_object_new_double_s((double)s->ms / 1000, seconds));
		if (s->reason[0])
			add(o, "reason", text(s->reason));
		if (s->program[0]) {
			add(o, "program", text(s->program));
			add(o, "output", text_or_null(s->output));
		}
		(void)json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *targets(const struct record *r)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < r->n_targets; i++) {
		const struct target_record *t = &r->targets[i];
		struct json_object *o = json_object_new_object();

		add(o, "uri", text(t->uri));
		add(o, "result", text(dump_state_name(t->state)));
		add(o, "reason", text_or_null(t->reason));
		add(o, "device", text_or_null(t->device));
		(void)json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *collector(const struct record *r)
{
	struct json_object *o = json_object_new_object(), *argv = json_object_new_array();
	int code = r->collector.exit;

	for (unsigned int i = 0; i < r->collector.n_args; i++)
		(void)json_object_array_add(argv, text(r->collector.args[i]));
	add(o, "argv", argv);
	add(o, "exit", code < 0 ? NULL : json_object_new_int(code));
	add(o, "attempts", json_object_new_int((int)r->collector.attempts));
	return o;
}

static struct json_object *warnings(const struct record *r)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < r->n_warnings; i++)
		(void)json_object_array_add(list, text(r->warnings[i]));
	return list;
}

static struct json_object *memory(const struct record *r)
{
	struct json_object *o = json_object_new_object();

	add_bytes(o, "total", r->memory_total);
	add_bytes(o, "peak", r->memory_peak);
	return o;
}

static struct json_object *checked(enum dump_checked c)
{
	return c == CHECKED_NOT ? NULL : text(c == CHECKED_FULL ? "full" : "header");
}

/* The name of what there is of a dump. */
static struct json_object *file(const struct record *r)
{
	if (r->state == STATE_COMPLETE)
		return text_or_null(r->file);
	return r->state == STATE_PARTIAL ? text_or_null(r->file_part) : NULL;
}

static struct json_object *recipients(const struct record *r)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < r->n_recipients; i++)
		(void)json_object_array_add(list, text(r->recipients[i]));
	return list;
}

char *manifest_text(const struct record *r)
{
	struct json_object *o = json_object_new_object();
	const char *s;
	char *copy = NULL;

	if (!o)
		return NULL;
	add(o, "schema", json_object_new_int(1));
	add(o, "state", text(dump_state_name(r->state)));
	add(o, "image", text_or_null(r->image));
	add(o, "machine", text_or_null(r->machine));
	add(o, "kernel", text_or_null(r->kernel));
	add(o, "crash_time", json_time(r->crash_time));
	add(o, "stages", stages(r));
	add(o, "targets", targets(r));
	add(o, "collector", collector(r));
	add(o, "file", file(r));
	add(o, "format", r->format && r->state >= STATE_PARTIAL ? text(r->format) : NULL);
	add_bytes(o, "bytes", r->bytes);
	add(o, "sha256", text_or_null(r->sha256));
	add(o, "checked", checked(r->checked));
	add(o, "memory", memory(r));
	add(o, "encrypted_to", recipients(r));
	add(o, "warnings", warnings(r));
	add(o, "triage", r->triage[0] ? json_tokener_parse(r->triage) : NULL);
	s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s && asprintf(&copy, "%s\n", s) < 0)
		copy = NULL;
	(void)json_object_put(o);
	return copy;
}

int manifest_write(const struct record *r, int dirfd, struct ukd_error *e)
{
	_free_ char *s = manifest_text(r);

	if (!s)
		return ukd_oom(e);
	return file_replace(dirfd, "manifest.json", 0600,
			    (struct bytes){(const uint8_t *)s, strlen(s)}, e);
}
