/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves bytes from a source through an optional filter to a sink: programs joined by pipes that we
 * pump ourselves (a source or a sink may also be a file). Every pipe has us at one end, so a
 * program that stops reading or dies is told from its neighbours, every exit status is looked at,
 * and what passes is counted and hashed. SIGPIPE must be ignored by the caller's process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/flattened.h"
#include "util/error.h"

enum flow_part {
	FLOW_SOURCE,
	FLOW_FILTER,
	FLOW_SINK,
	FLOW_PARTS,
};

/* Why a flow ended early. The first cause counts. */
enum flow_end {
	FLOW_DONE,
	FLOW_PROGRAM, /* a program failed */
	FLOW_START,   /* it could not be started */
	FLOW_FILE,    /* a file could not be read or written */
	FLOW_STALL,   /* nothing moved for too long */
	FLOW_LIMIT,   /* more bytes than the sink may get */
	FLOW_TIME,
};

/* How far it is; for the tick. */
struct flow_state {
	uint64_t taken;	  /* bytes that came from the source */
	uint64_t stored;  /* bytes that the sink took */
	int source_words; /* a file with what the source said so far, see words.h */
	unsigned int seconds;
};

struct flow {
	const char *what; /* goes through it, for messages */
	/* Programs, NULL-terminated. No source or sink: a file. No filter: none. */
	const char *const *argv[FLOW_PARTS];
	int source_fd; /* from its current position */
	int sink_fd;
	uint64_t limit;	      /* bytes for the sink; a little more may reach it */
	uint64_t end_ms;      /* on clock_ms() */
	unsigned int stall_s; /* how long nothing may move */
	bool secret;	      /* what source and filter print must not go into a text */
	/* Not NULL: called about once a second, and at the end. */
	void (*tick)(void *ctx, const struct flow_state *state);
	void *tick_ctx;
};

struct flow_result {
	uint64_t taken;
	uint64_t stored;
	char sha256[65];	    /* of what the sink took */
	struct flattened flattened; /* what came from the source, read as that format */
	int exit[FLOW_PARTS];	    /* exit status; -1: killed, not started, or no program */
	enum flow_end end;
	enum flow_part culprit; /* if end is not FLOW_DONE */
	bool signalled;		/* the culprit was ended by a signal that was not ours */
	bool sink_ok;		/* the sink has all that passed, even if the source failed */
};

/*
 * Runs the flow to its end. If the source fails or a limit is reached, filter and sink may finish
 * what has passed (some seconds more than end_ms); if one of these fails, all are killed. *ret is
 * always filled. Returns 0 when everything ended well; else e names the culprit, why, and the
 * last lines it printed: -EREMOTEIO (exit status), -ECHILD (signal), -ETIMEDOUT (stall, time),
 * -ENOSPC (limit, or a file that is full), -EPIPE (a program that stopped reading), other negative
 * errnos of files.
 */
int flow_run(const struct flow *f, struct flow_result *ret, struct ukd_error *e) _must_check_;
