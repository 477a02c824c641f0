/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps of this machine or of many, and the record of each: its manifest. Everything in a store is
 * hostile: names and files are looked at as store/store.h does, manifests have a limit.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"
#include "store/store.h"
#include "util/root.h"

struct record_entry {
	char name[128];
	unsigned int place; /* in records.places */
	enum store_state state;
	uint64_t size; /* bytes of all files of ours */
	bool manifest; /* of a place in the network: there is one */
};

struct records {
	struct strings places; /* directories, or URLs with s3:// */
	struct record_entry *v;
	size_t n;
	bool more; /* a place has more than is looked at */
};

void records_free(struct records *r);
#define _records_ _cleanup_(records_free)

/* An entry at the end, all empty; NULL: out of memory. */
struct record_entry *records_add(struct records *r);

/* The targets of the settings that are directories here now. None is no error. */
int records_own_places(const struct root *root, struct strings *ret,
		       struct ukd_error *e) _must_check_;

/*
 * All crashes in places (taken over, also on failure), oldest first. s3:// is asked through
 * ukdump-upload with the settings' [Network]; https:// cannot be listed and is refused.
 */
int records_find(struct strings *places, struct records *ret, struct ukd_error *e) _must_check_;

/*
 * The record of one: the manifest with "path" or "uri" added, and "triage" computed from dmesg.txt
 * where the manifest of a directory has none. Where there is no manifest: what its name tells. The
 * caller puts it. NULL: out of memory.
 */
struct json_object *record_read(const struct records *r, const struct record_entry *entry);

/* A member of a record, or of its member triage, that is a string; else "". Borrowed, not cleaned. */
const char *record_text(struct json_object *o, const char *key);
const char *record_triage(struct json_object *o, const char *key);

/* A manifest's text as an object; NULL if it is none. */
struct json_object *record_parse(const char *text);

/* Places in the network (records_remote.c). */
int remote_find(struct records *r, unsigned int place, struct ukd_error *e) _must_check_;
struct json_object *remote_manifest(const char *place, const char *name);
