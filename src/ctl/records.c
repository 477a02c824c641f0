// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds dumps and reads their records: see records.h. */
#include "ctl/records.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/target.h"
#include "conf/settings.h"
#include "ctl/result.h"
#include "ctl/triage_object.h"
#include "util/cleanup.h"

#define MANIFEST_MAX KIB(256)
#define LOG_MAX	     MIB(64)

void records_free(struct records *r)
{
	strings_free(&r->places);
	free(r->v);
	*r = (struct records){0};
}

struct record_entry *records_add(struct records *r)
{
	/* Twice as much room whenever n is a power of two. */
	if (!(r->n & (r->n - 1))) {
		struct record_entry *v = realloc(r->v, (r->n ? 2 * r->n : 1) * sizeof(*v));

		if (!v)
			return NULL;
		r->v = v;
	}
	r->v[r->n] = (struct record_entry){0};
	return &r->v[r->n++];
}

int records_own_places(const struct root *root, struct strings *ret, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	char path[PATH_MAX], full[2 * PATH_MAX];
	struct ukd_error ignored;
	int r = settings_load(root, NULL, &settings, e);

	for (unsigned int i = 0; r >= 0 && i < settings.dump.target.n; i++) {
		const char *target = settings.dump.target.v[i];

		if (!place_is_disk(target) || place_directory(root, target, path, &ignored) < 0 ||
		    !path[0])
			continue;
		(void)snprintf(full, sizeof(full), "%s%s", root->path, path);
		if (access(full, F_OK) < 0)
			continue; /* no crash yet */
		if (strings_add(ret, full) < 0)
			return ukd_oom(e);
	}
	return r;
}

struct adding {
	struct records *r;
	unsigned int place;
};

static int add_entry(void *ctx, const struct store_entry *entry)
{
	const struct adding *a = ctx;
	struct record_entry *v = records_add(a->r);

	if (!v)
		return -ENOMEM;
	memcpy(v->name, entry->name, sizeof(v->name));
	v->place = a->place;
	v->state = entry->state;
	v->size = entry->used;
	return 0;
}

static int find_in_directory(struct records *r, unsigned int place, struct ukd_error *e)
{
	const char *path = r->places.v[place];
	_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct adding a = {r, place};
	bool more = false;
	int code;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	code = store_each(fd, NULL, add_entry, &a, &more, e);
	r->more |= more;
	return code < 0 ? ukd_prefix(e, "%s", path) : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct record_entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->place > y->place) - (x->place < y->place);
}

int records_find(struct strings *places, struct records *ret, struct ukd_error *e)
{
	_records_ struct records r = {.places = *places};
	int code = 0;

	*places = (struct strings){0};
	for (unsigned int i = 0; code >= 0 && i < r.places.n; i++) {
		const char *place = r.places.v[i];

		if (!strncmp(place, "https://", 8) || !strncmp(place, "http://", 7))
			code = ukd_fail(e, -EINVAL,
					"%s: a web server tells no list; name an s3:// "
					"prefix, or a directory",
					place);
		else if (!strncmp(place, "s3://", 5))
			code = remote_find(&r, i, e);
		else
			code = find_in_directory(&r, i, e);
	}
	if (code < 0)
		return code;
	if (r.n)
		qsort(r.v, r.n, sizeof(r.v[0]), by_time);
	*ret = r;
	r = (struct records){0};
	return 0;
}

/* "20261121T183822Z-..." says when; the rest is the machine, and -N, which nobody can tell from it.
 */
static struct json_object *record_of_name(const struct record_entry *entry)
{
	struct json_object *o = json_object_checked();
	const char *n = entry->name;
	char time[32];

	(void)snprintf(time, sizeof(time), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", n, n + 4, n + 6, n + 9,
		       n + 11, n + 13);
	json_number(o, "schema", 1);
	json_text(o, "state", store_state_name(entry->state));
	json_text(o, "machine", n + 17);
	json_text(o, "crash_time", time);
	return o;
}

struct json_object *record_parse(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *read_manifest(int dirfd)
{
	_close_ int fd =
		openat(dirfd, "manifest.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;

	if (fd < 0 || file_read_fd(fd, "manifest.json", MANIFEST_MAX, &text, &ignored) < 0)
		return NULL;
	return record_parse((const char *)text.data);
}

static void add_triage(struct json_object *o, int dirfd)
{
	_close_ int fd = openat(dirfd, "dmesg.txt", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_buffer_ struct buffer log = {0};
	struct ukd_error ignored;
	struct json_object *v;
	struct triage t;

	if (json_object_object_get_ex(o, "triage", &v) && v)
		return;
	if (fd < 0 || file_read_fd(fd, "dmesg.txt", LOG_MAX, &log, &ignored) < 0)
		return;
	triage_log(buffer_bytes(&log), &t);
	json_add(o, "triage", triage_object(&t));
}

static struct json_object *read_directory(const char *place, const struct record_entry *entry)
{
	_close_ int above = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_close_ int fd = above < 0 ? -1 :
				     openat(above, entry->name,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct json_object *o = fd < 0 ? NULL : read_manifest(fd);

	if (!o)
		o = record_of_name(entry);
	if (fd >= 0)
		add_triage(o, fd);
	return o;
}

struct json_object *record_read(const struct records *r, const struct record_entry *entry)
{
	const char *place = r->places.v[entry->place];
	bool remote = !strncmp(place, "s3://", 5);
	struct json_object *o;
	char where[2 * PATH_MAX];
	size_t len = remote ? strcspn(place, "?") : strlen(place);

	if (remote)
		o = entry->manifest ? remote_manifest(place, entry->name) : NULL;
	else
		o = read_directory(place, entry);
	if (!o)
		o = record_of_name(entry);
	while (len > 1 && place[len - 1] == '/')
		len--;
	(void)snprintf(where, sizeof(where), "%.*s/%s", (int)len, place, entry->name);
	json_text(o, remote ? "uri" : "path", where);
	return o;
}

const char *record_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

const char *record_triage(struct json_object *o, const char *key)
{
	struct json_object *t;

	return json_object_object_get_ex(o, "triage", &t) ? record_text(t, key) : "";
}
