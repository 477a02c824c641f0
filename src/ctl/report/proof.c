// SPDX-License-Identifier: GPL-2.0-or-later
/* See proof.h. Root's own files; read with bounds all the same. */
#include "ctl/report/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/loader.h"
#include "util/cleanup.h"
#include "util/lockfile.h"
#include "util/parse.h"

#define DIRECTORY   "/var/lib/ukdump"
#define TEST	    DIRECTORY "/test"
#define HISTORY	    DIRECTORY "/history"
#define HISTORY_LEN MIB(4)

#define LOCK_FILE    "run/ukdump/proof.lock"
#define LOCK_LIMIT_S 10 /* of one that is added to a file of 200 lines */

static const struct text_member rehearsal_members[] = {
	TEXT_MEMBER(rehearsal, time),	  TEXT_MEMBER(rehearsal, image),
	TEXT_MEMBER(rehearsal, path),	  TEXT_MEMBER(rehearsal, kernel),
	TEXT_MEMBER(rehearsal, result),	  TEXT_MEMBER(rehearsal, reason),
	TEXT_MEMBER(rehearsal, phases),	  TEXT_MEMBER(rehearsal, seconds),
	TEXT_MEMBER(rehearsal, peak),	  TEXT_MEMBER(rehearsal, total),
	TEXT_MEMBER(rehearsal, reserved), TEXT_MEMBER(rehearsal, accelerator),
	TEXT_MEMBER(rehearsal, unproved),
};

static const struct text_member test_members[] = {
	TEXT_MEMBER(crash_test, id),	 TEXT_MEMBER(crash_test, time),
	TEXT_MEMBER(crash_test, image),	 TEXT_MEMBER(crash_test, path),
	TEXT_MEMBER(crash_test, kernel), TEXT_MEMBER(crash_test, boot),
};

static const struct text_record rehearsal_record = {
	.path = DIRECTORY "/rehearsal",
	.dir_mode = 0700,
	.v = rehearsal_members,
	.n = ARRAY_SIZE(rehearsal_members),
};

static const struct text_record test_record = {
	.path = TEST,
	.dir_mode = 0700,
	.v = test_members,
	.n = ARRAY_SIZE(test_members),
};

int rehearsal_read(const struct root *root, struct rehearsal *ret, struct ukd_error *e)
{
	*ret = (struct rehearsal){0};
	return text_record_read(root, &rehearsal_record, ret, e);
}

/* Is image the one that the kernel holds, by ukdump-load's word? */
static bool is_armed(const struct root *root, const char *image)
{
	struct armed_record armed;
	struct ukd_error ignored;

	return armed_record_read(root, &armed, &ignored) >= 0 && !strcmp(armed.image, image);
}

/* Is a record there that says more, or of an image that matters more? */
static bool is_known(const struct root *root, const struct rehearsal *r)
{
	struct rehearsal old;
	struct ukd_error ignored;

	if (rehearsal_read(root, &old, &ignored) < 0)
		return false;
	if (strcmp(old.image, r->image) != 0)
		return is_armed(root, old.image);
	return !strcmp(r->result, REHEARSAL_NONE);
}

int rehearsal_write(const struct root *root, const struct rehearsal *r, struct ukd_error *e)
{
	struct json_object *o;
	int n = 0;

	if (!is_known(root, r))
		n = text_record_write(root, &rehearsal_record, r, e);
	if (n < 0)
		return n;
	o = json_object_checked();
	json_text(o, "type", "rehearsal");
	rehearsal_json(o, r);
	return proof_history_add(root, o, e);
}

static void add_phases(struct json_object *o, const char *phases)
{
	struct json_object *list = json_array_checked();
	_free_ char *copy = strdup(phases);
	char *word, *rest = copy, *value;

	while (copy && (word = strsep(&rest, " "))) {
		struct json_object *phase;

		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = 0;
		phase = json_object_checked();
		json_text(phase, "name", word);
		json_add(phase, "seconds", json_object_new_double_s(strtod(value, NULL), value));
		json_append(list, phase);
	}
	json_add(o, "phases", list);
}

static void add_number(struct json_object *o, const char *key, const char *text)
{
	if (text[0])
		json_number(o, key, strtoull(text, NULL, 10));
	else
		json_text(o, key, NULL);
}

void rehearsal_json(struct json_object *o, const struct rehearsal *r)
{
	json_text(o, "time", r->time);
	json_text(o, "result", r->result);
	json_text_or_null(o, "reason", r->reason);
	json_text_or_null(o, "image", r->image);
	json_text_or_null(o, "path", r->path);
	json_text_or_null(o, "kernel", r->kernel);
	add_phases(o, r->phases);
	json_add(o, "seconds",
		 r->seconds[0] ? json_object_new_double_s(strtod(r->seconds, NULL), r->seconds) :
				 NULL);
	add_number(o, "peak", r->peak);
	add_number(o, "total", r->total);
	add_number(o, "reserved", r->reserved);
	json_text_or_null(o, "accelerator", r->accelerator);
	json_text_or_null(o, "unproved", r->unproved);
}

int crash_test_read(const struct root *root, struct crash_test *ret, struct ukd_error *e)
{
	*ret = (struct crash_test){0};
	return text_record_read(root, &test_record, ret, e);
}

int crash_test_write(const struct root *root, const struct crash_test *t, struct ukd_error *e)
{
	return text_record_write(root, &test_record, t, e);
}

int crash_test_remove(const struct root *root, struct ukd_error *e)
{
	int r = root_check_plain(root, DIRECTORY, e);

	if (r < 0)
		return r;
	if (unlinkat(root->fd, &TEST[1], 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, TEST);
	return 0;
}

int proof_history_add(const struct root *root, struct json_object *o, struct ukd_error *e)
{
	_json_ struct json_object *owner = o;
	_buffer_ struct buffer old = {0};
	_free_ char *text = NULL;
	_close_ int lock = -1;
	const char *keep;
	int r = lockfile_take(root, LOCK_FILE, "an ukdumpctl that writes " HISTORY, LOCK_LIMIT_S,
			      &lock, e);

	if (r >= 0)
		r = root_read(root, HISTORY, HISTORY_LEN, &old, e);
	if (r < 0 && r != -ENOENT)
		return r;
	keep = old.len ? text_tail(buffer_bytes(&old), PROOF_HISTORY_MAX - 1) : "";
	r = asprintf(&text, "%s%s\n", keep,
		     json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	if (r < 0)
		return ukd_oom(e);
	return state_file_replace(root, HISTORY, 0700,
				  (struct bytes){(const uint8_t *)text, (size_t)r}, e);
}

static bool is_of(struct json_object *o, const char *type)
{
	return json_object_is_type(o, json_type_object) &&
	       (!type || !strcmp(json_member_text(o, "type"), type));
}

int proof_history_read(const struct root *root, const char *type, struct json_object **ret,
		       struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	struct json_object *list;
	char *line, *rest;
	int r = root_read(root, HISTORY, HISTORY_LEN, &b, e);

	if (r < 0 && r != -ENOENT)
		return r;
	list = json_array_checked();
	rest = (char *)b.data;
	while ((line = strsep(&rest, "\n"))) {
		struct json_object *o = json_tokener_parse(line);

		if (is_of(o, type))
			json_append(list, o);
		else
			(void)json_object_put(o);
	}
	*ret = list;
	return 0;
}

const char *proof_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && v ? json_object_get_string(v) : "";
}

char *proof_sentence(struct json_object *o, char ret[PROOF_LINE_MAX])
{
	bool test = !strcmp(proof_text(o, "type"), "test");
	const char *seconds = proof_text(o, test ? "capture_seconds" : "seconds");
	const char *id = proof_text(o, test ? "id" : "image"), *reason = proof_text(o, "reason");

	(void)snprintf(ret, PROOF_LINE_MAX, "%s %-9s %.16s %s%s%s%s%s%s", proof_text(o, "time"),
		       proof_text(o, "type"), id, proof_text(o, "result"), *seconds ? ", " : "",
		       seconds, *seconds ? " s" : "", *reason ? ": " : "", reason);
	return text_clean(ret);
}
