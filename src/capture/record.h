/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, as it goes into manifest.json: stages with their times and reasons, targets, the
 * collector, the dump. Plain data with fixed limits, so that recording cannot fail for want of
 * memory; what exceeds a limit is cut or left out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "triage/triage.h"
#include "util/error.h"

#define RECORD_STAGES	128
#define RECORD_TARGETS	16
#define RECORD_ARGS	24
#define RECORD_REASON	512
#define RECORD_WARNINGS 4

#define RECORD_RECIPIENTS 16

/* What one target, or the whole run, came to; a larger value is better. */
enum dump_state {
	STATE_FAILED,
	STATE_LOG_ONLY,
	STATE_PARTIAL,
	STATE_COMPLETE,
};

/* How far the dump was checked. */
enum dump_checked {
	CHECKED_NOT,
	CHECKED_HEADER, /* its structure */
	CHECKED_FULL,	/* and every byte was read back */
};

enum outcome {
	OUTCOME_OK,
	OUTCOME_WARNING, /* done, with something to know */
	OUTCOME_FAILED,
	OUTCOME_SKIPPED,
};

struct stage {
	const char *name; /* a literal */
	enum outcome outcome;
	uint64_t start_ms;
	uint64_t ms; /* how long it took */
	bool ended;
	char reason[RECORD_REASON]; /* why it is not OUTCOME_OK, else empty */
	/* Of hooks; else empty. */
	char program[128];
	char output[256]; /* the end of what it printed */
};

struct target_record {
	char uri[RECORD_REASON]; /* as configured */
	char device[256];	 /* what it was found to be, or empty */
	enum dump_state state;
	char reason[RECORD_REASON]; /* the failure that decided, or empty */
};

struct record {
	enum dump_state state; /* of the target in work */
	char image[128];
	char machine[72];
	char kernel[72];
	uint64_t crash_time; /* seconds since 1970, 0: unknown */

	bool recorded;		      /* a target holds a manifest */
	bool pre_hooked;	      /* Pre= was run */
	char triage[TRIAGE_JSON_MAX]; /* what the log tells, as JSON; empty: not known. See triage.h
				       */
	char panic[200];	      /* the line of the kernel log that tells why; see panic.h */

	struct stage stages[RECORD_STAGES];
	unsigned int n_stages;
	struct target_record targets[RECORD_TARGETS];
	unsigned int n_targets;

	struct {
		char args[RECORD_ARGS][256];
		unsigned int n_args;
		int exit;	       /* exit status; -1: killed or not started */
		unsigned int attempts; /* on the target in work, all plans */
	} collector;

	/* The dump's name when it is complete, and as long as it is not. */
	char file[32];
	char file_part[32];
	const char *format; /* a literal: kdump, flattened, elf; NULL: none */
	uint64_t bytes;	    /* of the dump as it is stored */
	char sha256[65];    /* of that; empty: not known */
	enum dump_checked checked;

	char recipients[RECORD_RECIPIENTS][128]; /* of an encrypted dump; long ones are cut */
	unsigned int n_recipients;

	/* What whoever handles the dump has to know. */
	char warnings[RECORD_WARNINGS][256];
	unsigned int n_warnings;

	uint64_t memory_total; /* bytes */
	uint64_t memory_peak;  /* bytes */
};

/*
 * Begins and ends a stage. record_begin() never returns NULL: beyond RECORD_STAGES the last entry
 * is used again. reason is copied; NULL means none.
 */
struct stage *record_begin(struct record *r, const char *name);
void record_end(struct stage *s, enum outcome outcome, const char *reason);

/* Adds a target in state failed. Never returns NULL, as above. */
struct target_record *record_target(struct record *r, const char *uri);

/* Forgets what is known about the collector and the dump: the next target begins. */
void record_reset_dump(struct record *r);

/* Adds to what the manifest says in "warnings"; beyond RECORD_WARNINGS nothing is added. */
void record_warn(struct record *r, const char *text);

/* The collector's dump level (makedumpfile's -d); 0 if all memory was copied. */
unsigned int record_level(const struct record *r);

/* Copies a NULL-terminated argument vector. */
void record_collector(struct record *r, const char *const *argv);

const char *dump_state_name(enum dump_state state);
const char *outcome_name(enum outcome outcome);

/* The record as JSON text, to be freed by the caller. NULL if out of memory. */
char *manifest_text(const struct record *r);

/* Writes manifest.json into dirfd atomically (mode 0600, synced). */
int manifest_write(const struct record *r, int dirfd, struct ukd_error *e) _must_check_;
