/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tools that read /proc/vmcore: vmcore-dmesg, makedumpfile, and the copy that stands in for
 * them. All of them run with a time limit, without a shell, and their exit status is what counts.
 */
#pragma once

#include "capture/flow.h"
#include "capture/plans.h"
#include "capture/progress.h"
#include "capture/stream.h"
#include "util/file.h"

#define DUMP_UNFINISHED "vmcore-incomplete"

/* What makedumpfile can do here, from `makedumpfile -v`. */
struct makedumpfile {
	unsigned int version; /* 1.7.8 is 10708; 0: not there or unknown */
	bool lzo;
	bool snappy;
	bool zstd;
};

/* Pure: reads the output of `makedumpfile -v`. */
void makedumpfile_parse(const char *text, struct makedumpfile *ret);

/*
 * Pure: the option for Compress=, or for what comes nearest to it; NULL for none. *ret_exact tells
 * whether it is what was asked for.
 */
const char *makedumpfile_compression(const struct makedumpfile *m, const char *compress,
				     bool *ret_exact);

/*
 * The command line of a plan. room: bytes for the dump in DUMP_UNFINISHED in the working directory;
 * 0: a flattened dump to stdout. Fails if makedumpfile cannot be asked for its version.
 */
int makedumpfile_command(const struct attempt *a, const struct plan *plan, uint64_t room,
			 struct arguments *ret, struct ukd_error *e) _must_check_;

/*
 * Runs argv in the attempt's directory with output (stdout too if out_fd is -1) kept, of which the
 * last lines become the error text. watch: sample memory, print progress, and stop when nothing
 * moves or KeepFree= is reached. Returns 0 or a negative errno: -ECHILD a signal, -ECANCELED
 * stopped (*ret_why, if not NULL, then says which of both); *ret_exit, if not NULL, is the exit
 * status or -1.
 */
int tool_run(struct attempt *a, const char *const *argv, int out_fd, unsigned int limit_s,
	     bool watch, int *ret_exit, enum failure *ret_why, struct ukd_error *e) _must_check_;

/* How long nothing may move. */
unsigned int stall_limit_s(const struct capture *c);

/* The absolute path of /proc/vmcore in the root. */
void vmcore_path(const struct capture *c, char *ret, size_t size);

/*
 * The plain copy as a flow: all of /proc/vmcore, in *ret_fd, which the caller closes. And how much
 * a complete one is at least.
 */
int copy_prepare(const struct attempt *a, struct flow *f, int *ret_fd,
		 struct ukd_error *e) _must_check_;
int copy_check(const struct capture *c, uint64_t taken, struct ukd_error *e) _must_check_;

/* What the end of a flow means for the next plan. */
enum failure flow_failure(const struct flow_result *r, const struct ukd_error *e);

/* For flow.tick; ctx is a struct progress that flow_progress_begin() has set. */
struct flow_progress {
	struct progress progress;
	uint64_t total; /* bytes that the source will give, 0: it says percentages */
};
void flow_progress(void *ctx, const struct flow_state *state);

/*
 * The kernel log into LOG_NAME of the attempt's directory, at most max bytes. What a failure left
 * is called LOG_PART.
 */
#define LOG_NAME "dmesg.txt"
#define LOG_PART "dmesg-incomplete.txt"
int kernel_log(struct attempt *a, uint64_t max, struct ukd_error *e) _must_check_;
