/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A crash of this machine as `report --boot` knows it. All texts but the path are cleaned:
 * printable ASCII, one line; empty is what is not known.
 */
#pragma once

#include <limits.h>

#include "conf/settings.h"
#include "ctl/ctl.h"
#include "ctl/report/journal.h"
#include "triage/triage.h"
#include "store/store.h"
#include "util/root.h"

#define CRASH_FIELDS 9

struct crash {
	char name[128];	       /* 20261121T183822Z-<machine>, what its directories share */
	char dump[PATH_MAX];   /* the directory, inside the root */
	enum store_state kept; /* in that directory */
	char state[16];	       /* complete, partial, log-only, failed, or unfinished */
	char verified[8];      /* yes, no, unknown; of a complete dump, else empty */
	char kernel[128];
	char panic[TRIAGE_PANIC_MAX];
	char kind[24]; /* panic, oops, ... (triage/triage.h) */
	char signature[TRIAGE_SIGNATURE];
	char reason[512]; /* why there is no verified, complete dump */
	bool left;	  /* the result in the EFI variable tells of it */
};

struct crashes {
	struct crash *v;
	size_t n;
};

void crashes_free(struct crashes *c);
#define _crashes_ _cleanup_(crashes_free)

/* A new one at the end, all empty; NULL: out of memory. */
struct crash *crashes_add(struct crashes *c);

/* By time; what has none, last: it may be what went worst. */
void crashes_sort(struct crashes *c);

/* Sets one of a crash's texts, cleaned and cut to fit; an empty text changes nothing. */
void crash_set(char *text, size_t size, const char *value);
#define CRASH_SET(text, value) crash_set(text, sizeof(text), value)

/*
 * All crashes of this machine below the targets that are directories here now, oldest first; of
 * several directories of one crash that with the most in it. By any of the machine's names: its
 * own, firmware's (images of a fleet), and none. Directories of other users than the one who runs
 * us are not believed. name, dump, kept are set.
 */
int crashes_find(const struct root *root, const struct strings *targets, struct crashes *ret,
		 struct ukd_error *e) _must_check_;

/*
 * Looks at the directory by `ukdumpctl info` in a process of its own, which is killed after
 * limit_s seconds; sets the rest. A complete dump is verified: its checksum is that of the
 * manifest, and it opens.
 */
void crash_examine(const struct root *root, struct crash *c, unsigned int limit_s);

/* True if there is a complete dump here that nothing is known against. */
bool crash_is_good(const struct crash *c);

/* One sentence for people. ret holds CRASH_SENTENCE bytes; returns ret. */
#define CRASH_SENTENCE (PATH_MAX + 1024)
char *crash_sentence(const struct crash *c, char ret[CRASH_SENTENCE]);

/* The facts by the names that journal and programs of notify.d know them by; values are borrowed. */
void crash_fields(const struct crash *c, struct journal_field ret[CRASH_FIELDS]);

/* The same as members of an object. */
void crash_json(struct json_object *o, const struct crash *c);
