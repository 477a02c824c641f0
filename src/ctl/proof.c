// SPDX-License-Identifier: GPL-2.0-or-later
/* See proof.h. Root's own files; read with bounds all the same. */
#include "ctl/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/loader.h"
#include "ctl/result.h"
#include "util/cleanup.h"
#include "util/lockfile.h"

#define DIRECTORY   "var/lib/ukdump"
#define TEST	    DIRECTORY "/test"
#define HISTORY	    DIRECTORY "/history"
#define FILE_MAX    KIB(64)
#define HISTORY_LEN MIB(4)

#define LOCK_FILE    "run/ukdump/proof.lock"
#define LOCK_LIMIT_S 10 /* of one that is added to a file of 200 lines */

/* One text of a struct, in its file as "key=text". */
struct member {
	const char *key;
	size_t offset, size;
};

#define MEMBER(type, name)                                                              \
	{                                                                               \
#name, offsetof(struct type, name), sizeof(((struct type *)NULL)->name) \
	}

/* A file and the struct, all texts, that it holds. */
struct record {
	const char *path; /* absolute, in the root */
	size_t size;
	const struct member *v;
	size_t n;
};

static const struct member rehearsal_members[] = {
	MEMBER(rehearsal, time),     MEMBER(rehearsal, image),	  MEMBER(rehearsal, path),
	MEMBER(rehearsal, kernel),   MEMBER(rehearsal, result),	  MEMBER(rehearsal, reason),
	MEMBER(rehearsal, phases),   MEMBER(rehearsal, seconds),  MEMBER(rehearsal, peak),
	MEMBER(rehearsal, total),    MEMBER(rehearsal, reserved), MEMBER(rehearsal, accelerator),
	MEMBER(rehearsal, unproved),
};

static const struct member test_members[] = {
	MEMBER(crash_test, id),	  MEMBER(crash_test, time),   MEMBER(crash_test, image),
	MEMBER(crash_test, path), MEMBER(crash_test, kernel), MEMBER(crash_test, boot),
};

static const struct record rehearsal_record = {"/" DIRECTORY "/rehearsal", sizeof(struct rehearsal),
					       rehearsal_members, ARRAY_SIZE(rehearsal_members)};
static const struct record test_record = {"/" TEST, sizeof(struct crash_test), test_members,
					  ARRAY_SIZE(test_members)};

void proof_now(char ret[PROOF_TIME_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(ret, PROOF_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static int read_record(const struct root *root, const struct record *record, void *ret,
		       struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	char *line, *rest, *value;
	int r = root_read(root, record->path, FILE_MAX, &b, e);

	if (r < 0)
		return r;
	memset(ret, 0, record->size);
	rest = (char *)b.data;
	while ((line = strsep(&rest, "\n"))) {
		value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = 0;
		for (const struct member *m = record->v; m < record->v + record->n; m++)
			if (!strcmp(line, m->key))
				(void)snprintf((char *)ret + m->offset, m->size, "%s",
					       text_clean(value));
	}
	return 0;
}

static int replace(const struct root *root, const char *path, struct bytes text,
		   struct ukd_error *e)
{
	int r = root_check_plain(root, "/" DIRECTORY, e);

	if (r >= 0)
		r = make_directories(root->fd, DIRECTORY, 0700, e);
	return r < 0 ? r : file_replace(root->fd, path, 0600, text, e);
}

static int write_record(const struct root *root, const struct record *record, const void *from,
			struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return ukd_oom(e);
	for (const struct member *m = record->v; m < record->v + record->n; m++) {
		char value[PATH_MAX];

		(void)snprintf(value, sizeof(value), "%s", (const char *)from + m->offset);
		(void)fprintf(out, "%s=%s\n", m->key, text_clean(value));
	}
	if (fclose(out) != 0)
		return ukd_oom(e);
	return replace(root, record->path + 1, (struct bytes){(const uint8_t *)text, size}, e);
}

int rehearsal_read(const struct root *root, struct rehearsal *ret, struct ukd_error *e)
{
	return read_record(root, &rehearsal_record, ret, e);
}

/* Is image the one that the kernel holds, by ukdump-load's word? */
static bool is_armed(const struct root *root, const char *image)
{
	_buffer_ struct buffer state = {0};
	struct ukd_error ignored;
	_free_ char *id = NULL;

	if (root_read(root, "/run/ukdump/armed", FILE_MAX, &state, &ignored) < 0)
		return false;
	id = loader_value(&state, "image");
	return id && !strcmp(id, image);
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
		n = write_record(root, &rehearsal_record, r, e);
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
	return read_record(root, &test_record, ret, e);
}

int crash_test_write(const struct root *root, const struct crash_test *t, struct ukd_error *e)
{
	return write_record(root, &test_record, t, e);
}

int crash_test_remove(const struct root *root, struct ukd_error *e)
{
	int r = root_check_plain(root, "/" DIRECTORY, e);

	if (r < 0)
		return r;
	if (unlinkat(root->fd, TEST, 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "/" TEST);
	return 0;
}

/* Where the last max lines begin. */
static const char *tail(const char *text, size_t len, unsigned int max)
{
	const char *at = text + len;

	while (at > text) {
		const char *before = memrchr(text, '\n', (size_t)(at - text) - 1);

		if (!max--)
			return at;
		at = before ? before + 1 : text;
	}
	return at;
}

int proof_history_add(const struct root *root, struct json_object *o, struct ukd_error *e)
{
	_json_ struct json_object *owner = o;
	_buffer_ struct buffer old = {0};
	_free_ char *text = NULL;
	_close_ int lock = -1;
	const char *keep;
	int r = lockfile_take(root, LOCK_FILE, "an ukdumpctl that writes /" HISTORY, LOCK_LIMIT_S,
			      &lock, e);

	if (r >= 0)
		r = root_read(root, "/" HISTORY, HISTORY_LEN, &old, e);
	if (r < 0 && r != -ENOENT)
		return r;
	keep = old.len ? tail((const char *)old.data, old.len, PROOF_HISTORY_MAX - 1) : "";
	r = asprintf(&text, "%s%s\n", keep,
		     json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	if (r < 0)
		return ukd_oom(e);
	return replace(root, HISTORY, (struct bytes){(const uint8_t *)text, (size_t)r}, e);
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
	int r = root_read(root, "/" HISTORY, HISTORY_LEN, &b, e);

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
