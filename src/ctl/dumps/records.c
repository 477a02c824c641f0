// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds dumps and reads their records: see records.h. */
#include "ctl/dumps/records.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/target.h"
#include "conf/settings.h"
#include "ctl/dumps/triage_object.h"
#include "util/cleanup.h"

#define LOG_MAX MIB(64)

/* What reading all logs together may cost, in bytes of long lines: seconds. */
#define LOGS_MAX  (8 * (uint64_t)MIB(1024))
#define LINE_COST 128 /* of a line, besides its bytes */

void records_free(struct records *r)
{
	for (unsigned int i = 0; r->readers && i < r->places.n; i++)
		remote_stop(r->readers[i]);
	free(r->readers);
	if (r->place_fd >= 0)
		(void)close(r->place_fd);
	strings_free(&r->places);
	free(r->v);
	*r = (struct records)RECORDS_NONE;
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
		r = root_check_plain(root, path, e);
		/* where there was no crash yet, there is no directory */
		if (r >= 0 && access(full, F_OK) == 0 && strings_add(ret, full) < 0)
			r = ukd_oom(e);
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

static bool is_remote(const char *place)
{
	return !strncmp(place, "s3://", 5);
}

static int find_in(struct records *r, unsigned int i, struct ukd_error *e)
{
	const char *place = r->places.v[i];

	if (!strncmp(place, "https://", 8) || !strncmp(place, "http://", 7))
		return ukd_fail(e, -EINVAL,
				"%s: a web server tells no list; name an s3:// prefix, or a "
				"directory",
				place);
	return is_remote(place) ? remote_find(r, i, e) : find_in_directory(r, i, e);
}

int records_find(const struct root *root, struct strings *places, struct records *ret,
		 struct ukd_error *e)
{
	_records_ struct records r = {.places = *places, .root = root, .place_fd = -1};
	int code = 0;

	*places = (struct strings){0};
	for (unsigned int i = 0; code >= 0 && i < r.places.n; i++)
		code = find_in(&r, i, e);
	if (code < 0)
		return code;
	if (r.n)
		qsort(r.v, r.n, sizeof(r.v[0]), by_time);
	r.readers = calloc(r.places.n + 1, sizeof(struct remote_reader *));
	if (!r.readers)
		return ukd_oom(e);
	for (unsigned int i = 0; code >= 0 && i < r.places.n; i++)
		if (is_remote(r.places.v[i]))
			code = remote_open(&r, i, e);
	if (code < 0)
		return code;
	*ret = r;
	r = (struct records)RECORDS_NONE;
	return 0;
}

int records_end(struct records *r, struct ukd_error *e)
{
	int code = 0;

	for (unsigned int i = 0; code >= 0 && i < r->places.n; i++)
		if (r->readers[i])
			code = remote_end(r->readers[i], e);
	return code;
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

static struct json_object *parse(int dirfd)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;

	if (store_read_file(dirfd, "manifest.json", MANIFEST_MAX, &text, &ignored) < 0)
		return NULL;
	return json_parse_object(&text);
}

static uint64_t lines_cost(const struct buffer *log)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < log->len; i++)
		lines += log->data[i] == '\n';
	return lines * LINE_COST;
}

static void add_triage(struct records *r, struct json_object *o, int dirfd)
{
	_buffer_ struct buffer log = {0};
	struct ukd_error ignored;
	struct json_object *v;
	struct triage t;
	uint64_t lines;

	if (json_object_object_get_ex(o, "triage", &v) && v)
		return;
	/* Logs without end in a shared directory shall not keep others from their list. */
	if (r->logs > LOGS_MAX - LOG_MAX ||
	    store_read_file(dirfd, "dmesg.txt", LOG_MAX, &log, &ignored) < 0)
		return;
	r->logs += log.len;
	lines = lines_cost(&log);
	if (lines > LOGS_MAX - r->logs)
		return;
	r->logs += lines;
	triage_log(buffer_bytes(&log), &t);
	json_add(o, "triage", triage_object(&t));
}

/* The descriptor of a place; it stays open for the next record. */
static int open_place(struct records *r, unsigned int place)
{
	if (r->place_fd >= 0 && r->place_open == place)
		return r->place_fd;
	if (r->place_fd >= 0)
		(void)close(r->place_fd);
	r->place_open = place;
	r->place_fd = open(r->places.v[place], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->place_fd;
}

static struct json_object *read_directory(struct records *r, const struct record_entry *entry)
{
	int above = open_place(r, entry->place);
	_close_ int fd = above < 0 ? -1 :
				     openat(above, entry->name,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct json_object *o = fd < 0 ? NULL : parse(fd);

	if (!o)
		o = record_of_name(entry);
	if (fd >= 0)
		add_triage(r, o, fd);
	return o;
}

static int read_remote(struct records *r, const struct record_entry *entry,
		       struct json_object **ret, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	int code = entry->manifest ? remote_manifest(r, entry, &text, e) : 0;

	if (code < 0)
		return code;
	*ret = text.len ? json_parse_object(&text) : NULL;
	if (!*ret)
		*ret = record_of_name(entry);
	return 0;
}

void record_where(const struct records *r, const struct record_entry *entry, char *ret, size_t size)
{
	const char *place = r->places.v[entry->place];
	size_t len = is_remote(place) ? strcspn(place, "?") : strlen(place);

	while (len > 1 && place[len - 1] == '/')
		len--;
	(void)snprintf(ret, size, "%.*s/%s", (int)len, place, entry->name);
}

int record_read(struct records *r, const struct record_entry *entry, struct json_object **ret,
		struct ukd_error *e)
{
	bool remote = r->readers[entry->place];
	char where[2 * PATH_MAX];
	int code = 0;

	if (remote)
		code = read_remote(r, entry, ret, e);
	else
		*ret = read_directory(r, entry);
	if (code < 0)
		return code;
	record_where(r, entry, where, sizeof(where));
	/* Where it lies it does not say itself. */
	json_object_object_del(*ret, remote ? "path" : "uri");
	json_text(*ret, remote ? "uri" : "path", where);
	return 0;
}

const char *record_triage(struct json_object *o, const char *key)
{
	return json_member_text(json_member(o, "triage", json_type_object), key);
}
