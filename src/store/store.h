/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of crashes: what this machine has there, and what of it goes when room is needed
 * (Keep=, MaxUse= and KeepFree= of ukdump.conf(5)). Everything in it is foreign and hostile: only
 * directories that are named as ours are looked into, only files that are named as ours are counted
 * and removed, no symbolic link is followed, no other file system entered, and every loop ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/file.h"

#define STORE_NAMES_MAX	  65536 /* looked at in a directory; what comes later is not seen */
#define STORE_ENTRIES_MAX 1024	/* crashes of this machine; more are left alone */

enum store_state {
	STORE_UNFINISHED, /* no manifest, no complete dump: the capture was cut off, or is at work */
	STORE_LOG_ONLY,
	STORE_PARTIAL,
	STORE_COMPLETE, /* by the file's name, which it gets last; an empty file is no dump */
};

/* One crash: the directory 20261121T183822Z-<machine>[-N]. */
struct store_entry {
	char name[128];
	unsigned int base;   /* length of the name without -N: what one crash's directories share */
	unsigned int number; /* N, 0: none */
	enum store_state state;
	uint64_t used; /* bytes on the disk, of files of ours */
	uint64_t dump; /* size of the complete dump, else 0 */
	bool unsure;   /* could not be read to its end, where a dump may be: never removed */
	bool remove;   /* decided, see below */
};

struct store {
	unsigned int n;
	bool more;				 /* there is more than fits in here */
	bool full;				 /* private */
	struct store_entry v[STORE_ENTRIES_MAX]; /* oldest first */
};

/*
 * Reads what machine has in the directory. In a sticky one, which everybody may write to, that is
 * what belongs to us or to the directory's owner. ret holds no pointers: it may be shared memory.
 */
int store_scan(int dirfd, const char *machine, struct store *ret, struct ukd_error *e) _must_check_;

/*
 * Gives each crash of machine, as store_scan() understands it (NULL: of every machine, by anybody;
 * base and number are not set then), to each(), in no order, until that returns a negative errno,
 * which is passed on. *ret_more: there is more than is looked at.
 */
int store_each(int dirfd, const char *machine,
	       int (*each)(void *ctx, const struct store_entry *entry), void *ctx, bool *ret_more,
	       struct ukd_error *e) _must_check_;

/*
 * Is name a directory of the user who runs us? Where everybody may make directories (/var/crash of
 * Ubuntu), those of others are not believed.
 */
bool store_is_own(int dirfd, const char *name);

/*
 * Opens a regular file in a crash's directory, whose owner must not lead us to other files: refuses
 * (check "file.type") links and all else. Devices, which opening may set off, are not opened.
 */
int store_open_file(int dirfd, const char *name, int *ret_fd, struct ukd_error *e) _must_check_;

/* Reads one of at most max bytes. */
int store_read_file(int dirfd, const char *name, size_t max, struct buffer *ret,
		    struct ukd_error *e) _must_check_;

/* "complete", "partial", "log-only", "unfinished" */
const char *store_state_name(enum store_state state);

/*
 * Is this the name of a crash of any machine? Then *ret_machine is where the machine's begins, with
 * -N at its end.
 */
bool store_is_crash(const char *name, const char **ret_machine);

/*
 * Bytes that the next dump is expected to need: 1.5 times the largest complete one that is there,
 * at most core (the size of /proc/vmcore, 0: unknown), which stands in where there is none.
 */
uint64_t store_expect(const struct store *s, uint64_t core);

/*
 * Pure: marks what goes so that room bytes, and those of what is marked already, grow to need.
 * First captures that were cut off, then dumps, each oldest first; dumps only where a complete one
 * stays. Never the newest complete one, the crash before this one, or a directory of this crash
 * (current is the name of one).
 */
void store_make_room(struct store *s, const char *current, uint64_t room, uint64_t need);

/*
 * Pure: marks what exceeds keep complete dumps, keep crashes without one, and max_use bytes in all
 * (0: no limit), oldest first; never the newest complete dump or a directory of this crash.
 */
void store_retire(struct store *s, const char *current, unsigned int keep, uint64_t max_use);

/*
 * Removes a crash's files, the dump first and the manifest last, and the directory if nothing
 * foreign is in it; what somebody else removes meanwhile is gone, too. Not synced.
 */
int store_remove(int dirfd, const char *name, struct ukd_error *e) _must_check_;
