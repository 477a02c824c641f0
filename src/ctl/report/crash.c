// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds crashes and tells about them: see crash.h. Directories of crashes are hostile. */
#include "ctl/report/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/target.h"
#include "store/machine.h"
#include "util/cleanup.h"

void crashes_free(struct crashes *c)
{
	free(c->v);
	*c = (struct crashes){0};
}

struct crash *crashes_add(struct crashes *c)
{
	struct crash *v = realloc(c->v, (c->n + 1) * sizeof(*v));

	if (!v)
		return NULL;
	c->v = v;
	v[c->n] = (struct crash){0};
	return &v[c->n++];
}

void crash_set(char *text, size_t size, const char *value)
{
	if (!value[0])
		return;
	(void)snprintf(text, size, "%s", value);
	(void)text_clean(text);
}

static int by_time(const void *a, const void *b)
{
	const struct crash *x = a, *y = b;

	if (!x->name[0] != !y->name[0])
		return x->name[0] ? -1 : 1;
	return strcmp(x->name, y->name);
}

void crashes_sort(struct crashes *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof(c->v[0]), by_time);
}

static struct crash *find_name(const struct crashes *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].name, name))
			return &c->v[i];
	return NULL;
}

static int add_entry(struct crashes *c, const char *path, const struct store_entry *entry)
{
	char name[sizeof(entry->name)], dump[PATH_MAX];
	struct crash *crash;
	int n = snprintf(dump, sizeof(dump), "%s/%s", path[1] ? path : "", entry->name);

	if (n < 0 || (size_t)n >= sizeof(dump))
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)entry->base, entry->name);
	crash = find_name(c, name);
	if (crash && crash->kept >= entry->state)
		return 0;
	if (!crash)
		crash = crashes_add(c);
	if (!crash)
		return -ENOMEM;
	crash->kept = entry->state;
	CRASH_SET(crash->name, name);
	memcpy(crash->dump, dump, sizeof(dump));
	return 0;
}

static int find_in(const struct root *root, const char *path, const char *machine,
		   struct crashes *c, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	_free_ struct store *store = malloc(sizeof(*store));
	struct ukd_error ignored;
	int r = 0;

	if (!store)
		return ukd_oom(e);
	/* Not mounted, not made yet, or dead: nothing to be found. */
	if (fd < 0 || store_scan(fd, machine, store, &ignored) < 0)
		return 0;
	for (unsigned int i = 0; r >= 0 && i < store->n; i++)
		if (store_is_own(fd, store->v[i].name))
			r = add_entry(c, path, &store->v[i]);
	return r < 0 ? ukd_oom(e) : 0;
}

int crashes_find(const struct root *root, const struct strings *targets, struct crashes *ret,
		 struct ukd_error *e)
{
	_crashes_ struct crashes c = {0};
	char machines[MACHINE_NAMES][MACHINE_MAX], path[PATH_MAX];
	unsigned int n = machine_names(root, machines);
	struct ukd_error ignored;
	int r = 0;

	for (unsigned int i = 0; i < targets->n; i++) {
		if (!place_is_disk(targets->v[i]) ||
		    place_directory(root, targets->v[i], path, &ignored) < 0 || !path[0])
			continue;
		for (unsigned int k = 0; r >= 0 && k < n; k++)
			r = find_in(root, path, machines[k], &c, e);
	}
	if (r < 0)
		return r;
	crashes_sort(&c);
	*ret = c;
	c = (struct crashes){0};
	return 0;
}

bool crash_is_good(const struct crash *c)
{
	return !strcmp(c->state, "complete") && c->dump[0] && strcmp(c->verified, "no") != 0;
}

/* "complete, verified" */
static const char *judgement(const struct crash *c)
{
	if (!strcmp(c->verified, "yes"))
		return ", verified";
	if (!strcmp(c->verified, "no"))
		return ", damaged";
	return c->verified[0] ? ", not verified" : "";
}

char *crash_sentence(const struct crash *c, char ret[CRASH_SENTENCE])
{
	const char *name = c->name[0] ? c->name : "at an unknown time";
	int n = snprintf(ret, CRASH_SENTENCE, "crash %s: %s%s", name, c->state, judgement(c));

	if (c->dump[0])
		n += snprintf(ret + n, CRASH_SENTENCE - (size_t)n, ", %s", c->dump);
	if (c->panic[0])
		n += snprintf(ret + n, CRASH_SENTENCE - (size_t)n, "; %s", c->panic);
	if (c->reason[0])
		(void)snprintf(ret + n, CRASH_SENTENCE - (size_t)n, "; %s", c->reason);
	return text_clean(ret);
}

void crash_fields(const struct crash *c, struct journal_field ret[CRASH_FIELDS])
{
	const struct journal_field fields[CRASH_FIELDS] = {
		{"UKDUMP_CRASH", c->name},	    {"UKDUMP_STATE", c->state},
		{"UKDUMP_DUMP", c->dump},	    {"UKDUMP_KERNEL", c->kernel},
		{"UKDUMP_PANIC", c->panic},	    {"UKDUMP_REASON", c->reason},
		{"UKDUMP_VERIFIED", c->verified},   {"UKDUMP_KIND", c->kind},
		{"UKDUMP_SIGNATURE", c->signature},
	};

	memcpy(ret, fields, sizeof(fields));
}

void crash_json(struct json_object *o, const struct crash *c)
{
	json_text_or_null(o, "crash", c->name);
	json_text(o, "state", c->state);
	json_text_or_null(o, "verified", c->verified);
	json_text_or_null(o, "dump", c->dump);
	json_text_or_null(o, "kernel", c->kernel);
	json_text_or_null(o, "panic", c->panic);
	json_text_or_null(o, "kind", c->kind);
	json_text_or_null(o, "signature", c->signature);
	json_text_or_null(o, "reason", c->reason);
}
