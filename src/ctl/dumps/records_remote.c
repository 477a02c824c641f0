// SPDX-License-Identifier: GPL-2.0-or-later
/* Dumps below an s3:// prefix, by ukdump-upload ls and get-many: see records.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/dumps/records.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define URL_MAX	    4096
#define OBJECTS_MAX 1000000u /* of a list; what comes later is not seen */
#define TELL_EACH   500

/* s3://BUCKET/PREFIX: its length, without slashes at its end and what begins with '?'. */
static size_t base_length(const char *place)
{
	size_t len = strcspn(place, "?");

	while (len && place[len - 1] == '/')
		len--;
	return len;
}

/* What the keys of a place begin with: "PREFIX/", or nothing. */
static void key_prefix(const char *place, char ret[URL_MAX])
{
	const char *bucket = place + strlen("s3://");
	size_t name = strcspn(bucket, "/?"), all = base_length(place);
	size_t skip = (size_t)(bucket - place) + name + 1;

	ret[0] = 0;
	if (skip < all)
		(void)snprintf(ret, URL_MAX, "%.*s/", (int)(all - skip), place + skip);
}

/* An object PREFIX/NAME/FILE. Those of one crash come one behind another, sorted by name. */
static int add_object(struct records *r, unsigned int place, const char *prefix, uint64_t size,
		      char *key)
{
	struct record_entry *last = r->n ? &r->v[r->n - 1] : NULL;
	char *name = key + strlen(prefix), *file;
	const char *machine;

	if (strncmp(key, prefix, strlen(prefix)) != 0)
		return 0;
	file = strchr(name, '/');
	if (!file || strchr(file + 1, '/'))
		return 0;
	*file++ = 0;
	if (!store_is_crash(name, &machine))
		return 0;
	if (!last || last->place != place || strcmp(last->name, name) != 0) {
		last = records_add(r);
		if (!last)
			return -ENOMEM;
		(void)snprintf(last->name, sizeof(last->name), "%s", name);
		last->place = place;
	}
	if (add_overflows(last->size, size, &last->size))
		last->size = UINT64_MAX;
	/* Stored last, it marks completion; what of, it says itself. */
	last->manifest |= !strcmp(file, "manifest.json") && size <= MANIFEST_MAX;
	return 0;
}

static int read_list(struct records *r, unsigned int place, struct remote_reader *list,
		     struct ukd_error *e)
{
	char line[REMOTE_LINE_MAX], prefix[URL_MAX];
	size_t before = r->n;
	int code;

	key_prefix(r->places.v[place], prefix);
	for (unsigned int i = 0; (code = remote_line(list, line, e)) > 0; i++) {
		char *tab = strchr(line, '\t');
		uint64_t size;

		if (i == OBJECTS_MAX || r->n - before > STORE_NAMES_MAX) {
			r->more = true;
			return 0;
		}
		if (i % TELL_EACH == 0)
			show_progress("%s: %u objects, %zu dumps", list->place, i, r->n - before);
		if (!tab)
			continue;
		*tab = 0;
		if (parse_u64(line, &size) && add_object(r, place, prefix, size, tab + 1) < 0)
			return ukd_oom(e);
	}
	return code < 0 ? code : remote_end(list, e);
}

int remote_find(struct records *r, unsigned int place, struct ukd_error *e)
{
	const char *where = r->places.v[place];
	_remote_ struct remote_reader *list = NULL;
	char url[URL_MAX];
	int code;

	(void)snprintf(url, sizeof(url), "%.*s/%s", (int)base_length(where), where,
		       where + strcspn(where, "?"));
	code = remote_start(r->root, "ls", url, -1, &list, e);
	return code < 0 ? code : read_list(r, place, list, e);
}

/* The keys of a place's manifests, in the order in which the records will be read. */
static int write_keys(const struct records *r, unsigned int place, int fd, struct ukd_error *e)
{
	char prefix[URL_MAX];
	_fclose_ FILE *f = fdopen(dup(fd), "w");

	if (!f)
		return ukd_oom(e);
	key_prefix(r->places.v[place], prefix);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].place == place && r->v[i].manifest)
			(void)fprintf(f, "%s%s/manifest.json\n", prefix, r->v[i].name);
	if (fflush(f) != 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ukd_fail_errno(e, -errno, "the list of manifests");
	return 0;
}

int remote_open(struct records *r, unsigned int place, struct ukd_error *e)
{
	_close_ int keys = -1;
	int code = memfd_open(&keys, e);

	if (code >= 0)
		code = write_keys(r, place, keys, e);
	if (code < 0)
		return code;
	return remote_start(r->root, "get-many", r->places.v[place], keys, &r->readers[place], e);
}

/* "SIZE<tab>KEY" and the content, or "-<tab>KEY"; that it is this crash's key is looked at. */
int remote_manifest(struct records *r, const struct record_entry *entry, struct buffer *ret,
		    struct ukd_error *e)
{
	struct remote_reader *reader = r->readers[entry->place];
	char line[REMOTE_LINE_MAX], *tab;
	uint64_t size;
	int code = remote_line(reader, line, e);

	if (code == 0)
		code = remote_end(reader, e);
	if (code == 0)
		return ukd_fail(e, -EPROTO, "%s: not all manifests came", reader->place);
	if (code < 0)
		return code;
	tab = strchr(line, '\t');
	if (!tab || !strstr(tab, entry->name))
		return ukd_fail(e, -EPROTO, "%s: another manifest came", reader->place);
	*tab = 0;
	if (!strcmp(line, "-"))
		return 0;
	if (!parse_u64(line, &size) || size > MANIFEST_MAX)
		return ukd_fail(e, -EPROTO, "%s: a manifest of %s bytes", reader->place, line);
	ret->data = malloc(size + 1);
	if (!ret->data)
		return ukd_oom(e);
	ret->data[size] = 0;
	ret->len = size;
	return remote_bytes(reader, ret->data, size, e);
}
