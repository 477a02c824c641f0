/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps of this machine or of many, and the record of each: its manifest. Everything in a store is
 * hostile: names and files are looked at as store/store.h does, manifests have a limit.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"
#include "ctl/dumps/remote_reader.h"
#include "store/store.h"
#include "util/root.h"

#define MANIFEST_MAX KIB(256)

struct record_entry {
	char name[128];
	unsigned int place; /* in records.places */
	enum store_state state;
	uint64_t size; /* bytes of all files of ours */
	bool manifest; /* of a place in the network: there is one, of a size that is read */
};

struct records {
	struct strings places; /* directories, or URLs with s3:// */
	struct record_entry *v;
	size_t n;
	bool more;			/* a place has more than is looked at */
	uint64_t logs;			/* what reading logs has cost so far */
	const struct root *root;	/* whose settings count; borrowed */
	struct remote_reader **readers; /* of manifests, one for each place, NULL: a directory */
	int place_fd;			/* of the directory that was read last, or -1 */
	unsigned int place_open;	/* which one that is */
};

#define RECORDS_NONE            \
	{                       \
		.place_fd = -1, \
	}

void records_free(struct records *r);
#define _records_ _cleanup_(records_free)

/* An entry at the end, all empty; NULL: out of memory. */
struct record_entry *records_add(struct records *r);

/*
 * The targets of the settings that are directories here now. None is no error; one that is reached
 * through a symbolic link, which may lead out of the root, is refused (check "root.link").
 */
int records_own_places(const struct root *root, struct strings *ret,
		       struct ukd_error *e) _must_check_;

/*
 * All crashes in places (taken over, also on failure), oldest first. s3:// is asked through
 * ukdump-upload with the [Network] of root's settings, root being borrowed until records_free();
 * https:// cannot be listed and is refused.
 */
int records_find(const struct root *root, struct strings *places, struct records *ret,
		 struct ukd_error *e) _must_check_;

/*
 * The record of one: the manifest with "path" or "uri" added, and "triage" computed from dmesg.txt
 * where the manifest of a directory has none. Where there is no manifest that is one: what the
 * crash's name tells. The caller puts it. To be called for each entry once, in their order; fails
 * only if a server does.
 */
int record_read(struct records *r, const struct record_entry *entry, struct json_object **ret,
		struct ukd_error *e) _must_check_;

/* After the last one: do the servers agree that this was all? */
int records_end(struct records *r, struct ukd_error *e) _must_check_;

/* PLACE/NAME: where it lies, whatever its record says. */
void record_where(const struct records *r, const struct record_entry *entry, char *ret,
		  size_t size);

/* json_member_text() of a record's member triage. */
const char *record_triage(struct json_object *o, const char *key);

/*
 * Places in the network (records_remote.c): the entries of one; after they are in order, a reader
 * of its manifests; the manifest that comes next, which is the entry's (empty: not to be had).
 */
int remote_find(struct records *r, unsigned int place, struct ukd_error *e) _must_check_;
int remote_open(struct records *r, unsigned int place, struct ukd_error *e) _must_check_;
int remote_manifest(struct records *r, const struct record_entry *entry, struct buffer *ret,
		    struct ukd_error *e) _must_check_;
