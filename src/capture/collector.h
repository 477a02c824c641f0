/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the tools that read /proc/vmcore: vmcore-dmesg, makedumpfile, and the copy that stands in
 * for them. All of them run inside the crash's own directory, with a time limit, without a shell,
 * and their exit status is what counts.
 */
#pragma once

#include "capture/target.h"
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
 * Runs argv in the attempt's directory with output (stdout too if out_fd is -1) kept, of which the
 * last lines become the error text. watch: sample memory, print progress, and stop when nothing
 * moves or KeepFree= is reached. Returns 0 or a negative errno; *ret_exit, if not NULL, is the exit
 * status or -1.
 */
int tool_run(struct attempt *a, const char *const *argv, int out_fd, unsigned int limit_s,
	     bool watch, int *ret_exit, struct ukd_error *e) _must_check_;

/* The absolute path of /proc/vmcore in the root. */
void vmcore_path(const struct capture *c, char *ret, size_t size);

/* Plans: write DUMP_UNFINISHED. 0, or why not. */
int plan_makedumpfile(struct attempt *a, struct ukd_error *e) _must_check_;
int plan_copy(struct attempt *a, struct ukd_error *e) _must_check_;	 /* all of /proc/vmcore */
int plan_copy_part(struct attempt *a, struct ukd_error *e) _must_check_; /* what fits */
