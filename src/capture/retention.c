// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Old dumps make room (Keep=, MaxUse=, KeepFree=): what goes is decided in store/, here it is
 * measured, removed within limits and recorded. A stage "retention" appears only where something
 * goes, or cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/guard.h"
#include "capture/target.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define LIMIT_S 60

/* Shared with the children that may hang in the file system. */
struct work {
	int dirfd; /* where the crashes are */
	const char *machine;
	struct store store;
	unsigned int removed;
	uint64_t freed;
	char names[RECORD_REASON / 2]; /* of what was removed, as many as fit */
	struct ukd_error error;	       /* the first that could not be removed */
};

static int do_scan(void *ctx)
{
	struct work *w = ctx;

	return store_scan(w->dirfd, w->machine, &w->store, &w->error);
}

static void note_removed(struct work *w, const struct store_entry *entry)
{
	size_t used = strlen(w->names);
	const char *comma = used ? ", " : "";

	w->removed++;
	w->freed += entry->used;
	if (used + strlen(comma) + strlen(entry->name) < sizeof(w->names) - strlen(", ..."))
		(void)snprintf(w->names + used, sizeof(w->names) - used, "%s%s", comma,
			       entry->name);
	else if (!strstr(w->names, ", ..."))
		(void)snprintf(w->names + used, sizeof(w->names) - used, ", ...");
}

static int do_remove(void *ctx)
{
	struct work *w = ctx;

	for (unsigned int i = 0; i < w->store.n; i++) {
		struct ukd_error e;

		if (!w->store.v[i].remove)
			continue;
		if (store_remove(w->dirfd, w->store.v[i].name, &e) == 0)
			note_removed(w, &w->store.v[i]);
		else if (!w->error.code)
			w->error = e;
	}
	/* btrfs frees extents with the commit, and what is asked for next is the free space. */
	return syncfs(w->dirfd) < 0 ? -errno : 0;
}

static bool anything_to_do(const struct store *s)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].remove)
			return true;
	return false;
}

/* Removes what is marked, as a stage. */
static void remove_marked(struct attempt *a, struct work *w)
{
	struct stage *stage = record_begin(&a->c->record, "retention");
	char size[FORMAT_SIZE_MAX], text[RECORD_REASON];
	struct ukd_error e;
	int r = guard_call(do_remove, w, budget_any_s(&a->c->budget, LIMIT_S), "removing old dumps",
			   &e);

	if (r == 0 && w->error.code)
		e = w->error;
	(void)snprintf(text, sizeof(text), "removed %u (%s)%s%s%s%.180s", w->removed,
		       format_size(w->freed, size), w->names[0] ? ": " : "", w->names,
		       r < 0 || w->error.code ? "; " : "", r < 0 || w->error.code ? e.text : "");
	capture_end_stage(a->c, stage, r < 0 || w->error.code ? OUTCOME_WARNING : OUTCOME_OK, text);
	/* What was removed is for the record in any case. */
	(void)snprintf(stage->reason, sizeof(stage->reason), "%s", text);
}

static void scan_failed(struct attempt *a, const char *why)
{
	capture_end_stage(a->c, record_begin(&a->c->record, "retention"), OUTCOME_WARNING, why);
}

/* Opens and reads the directory that this crash's directory is in. False: nothing to decide. */
static bool look_around(struct attempt *a, struct work *w)
{
	struct ukd_error e;
	int r;

	w->dirfd = openat(a->dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dirfd < 0) {
		scan_failed(a, "cannot open the directory of crashes");
		return false;
	}
	w->machine = a->c->facts.machine;
	r = guard_call(do_scan, w, budget_any_s(&a->c->budget, LIMIT_S), "looking for old dumps",
		       &e);
	if (r < 0)
		scan_failed(a, e.text);
	return r == 0;
}

/* Memory for one round; NULL where nothing may be decided. */
static struct work *begin(struct attempt *a)
{
	struct work *w;

	/* Machines that cannot tell themselves apart must not remove each other's dumps. */
	if (!strcmp(a->c->facts.machine, MACHINE_UNKNOWN))
		return NULL;
	w = guard_share(sizeof(*w));
	if (w)
		w->dirfd = -1;
	return w;
}

static void end(struct work *w)
{
	if (w && w->dirfd >= 0)
		(void)close(w->dirfd);
	guard_unshare(w, sizeof(*w));
}

bool directory_make_room(struct attempt *a)
{
	struct work *w = begin(a);
	bool removed = false;
	struct ukd_error e;
	uint64_t room;

	if (w && directory_room(a, &room, &e) == 0 && look_around(a, w)) {
		store_make_room(&w->store, a->name, room,
				store_expect(&w->store, a->c->crash.size));
		if (anything_to_do(&w->store))
			remove_marked(a, w);
		removed = w->removed;
	}
	end(w);
	return removed;
}

void directory_retire(struct attempt *a)
{
	struct work *w = begin(a);

	if (w && look_around(a, w)) {
		store_retire(&w->store, a->name, a->c->settings.store.keep,
			     a->c->settings.store.max_use);
		if (anything_to_do(&w->store))
			remove_marked(a, w);
	}
	end(w);
}
