/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target, and the table of operations that each kind of target has. The sequence (sequence.c)
 * knows only this table: it calls the operations in this order, records each as a stage and goes to
 * the next target when one fails.
 *
 * A new kind of target adds one table to target_find(). Kinds that end in a mounted directory (nfs)
 * have only connect and disconnect of their own and take directory_*() for the rest; kinds that
 * send a stream (ssh, https) bring all of their own.
 */
#pragma once

#include <stdbool.h>

#include "capture/capture.h"

struct target_ops;
struct stream_ops;

/* One attempt at one target. */
struct attempt {
	struct capture *c;
	const char *place; /* the target as resolved at build time; borrowed */
	const struct target_ops *ops;
	struct target_record *record;

	char mount_point[4096];		 /* empty: nothing mounted */
	int dirfd;			 /* the crash's own directory; -1: none yet */
	char name[128];			 /* its name */
	const struct stream_ops *stream; /* stream targets: see stream.h */
	char base[1024]; /* theirs: where the crash's directory is, as the kind has it */
	char note[256];	 /* a remark on what was done, for the operator */
	bool log_saved;
};

struct target_ops {
	/* Is place one of this kind? */
	bool (*handles)(const char *place);
	/* Makes the target reachable and makes the crash's directory on it. */
	int (*connect)(struct attempt *a, struct ukd_error *e);
	int (*save_log)(struct attempt *a, struct ukd_error *e);
	/* Removes old dumps where the next needs their room; true if any. NULL: kind has none. */
	bool (*make_room)(struct attempt *a);
	/* Is there room for anything at all? */
	int (*check_space)(struct attempt *a, struct ukd_error *e);
	/*
	 * Dumps, by whatever plans the kind has, and checks what was written; records the stages
	 * "dump" and "check" itself. Returns the state: failed, partial or complete.
	 */
	enum dump_state (*save_dump)(struct attempt *a);
	/* Writes the manifest and gives a complete dump its final name, durably. */
	int (*publish)(struct attempt *a, struct ukd_error *e);
	/* Removes what is more than Keep= and MaxUse= allow. NULL: kind has none. */
	void (*retire)(struct attempt *a);
	/* Undoes connect, as far as it came. */
	int (*disconnect)(struct attempt *a, struct ukd_error *e);
};

/* The operations for a place; NULL: this program has none. */
const struct target_ops *target_find(const char *place);

/*
 * Directory targets. directory_enter() opens path (from base, no symbolic links, no mount points
 * crossed), makes what is missing and the crash's own directory in it, with mode 0700.
 */
int directory_enter(struct attempt *a, int base, const char *path,
		    struct ukd_error *e) _must_check_;
int directory_save_log(struct attempt *a, struct ukd_error *e) _must_check_;
bool directory_make_room(struct attempt *a);
int directory_check_space(struct attempt *a, struct ukd_error *e) _must_check_;
enum dump_state directory_save_dump(struct attempt *a);
int directory_publish(struct attempt *a, struct ukd_error *e) _must_check_;
void directory_retire(struct attempt *a);
void directory_leave(struct attempt *a);

#define DIRECTORY_OPERATIONS                                                    \
	.save_log = directory_save_log, .make_room = directory_make_room,       \
	.check_space = directory_check_space, .save_dump = directory_save_dump, \
	.publish = directory_publish, .retire = directory_retire

/*
 * 20261121T183822Z-<machine>: what a crash is called, by its own clock where that is known; number,
 * below CRASH_NAMES, goes behind it ("-1") unless it is 0. A name that is taken (a clock that was
 * set back) is followed by the next.
 */
#define CRASH_NAMES 100
void crash_name(const struct capture *c, unsigned int number, char *ret, size_t size);

/* Bytes that may be written to the directory's file system: what is free, less KeepFree=. */
int directory_room(const struct attempt *a, uint64_t *ret, struct ukd_error *e) _must_check_;

/* The kinds of target. */
extern const struct target_ops virtiofs_target;
extern const struct target_ops local_target;	 /* a file system on a block device */
extern const struct target_ops directory_target; /* file:/DIR on what is mounted already */
extern const struct target_ops upload_target;	 /* https:// and s3:// */
extern const struct target_ops exec_target;	 /* a program that takes what is saved */
extern const struct target_ops nfs_target;
extern const struct target_ops ssh_target;
