/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ukdumpctl info` has found out about a dump, and how it is shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "dump/dump.h"
#include "triage/triage.h"
#include "util/error.h"
#include "util/file.h"

#define INFO_PATTERN_MAX 256 /* bytes */
#define INFO_SHA256_HEX	 65  /* characters, with the NUL */

struct info_options {
	const char *path;
	const char *identity;	   /* file that opens an encrypted dump, or NULL */
	bool full, checksum, json; /* full: every page and the checksum */
	uint64_t lines;		   /* of the log, at most */
	uint8_t pattern[INFO_PATTERN_MAX];
	size_t pattern_len; /* 0: --find was not given */
};

struct info {
	char path[4096];		 /* of the vmcore */
	int fd;				 /* the same, as it lies there; -1: there is none */
	uint64_t file_size, file_stored; /* bytes; of them on disk */
	bool encrypted;			 /* and then open only with an identity */
	bool is_directory;
	struct json_object *manifest; /* NULL: a bare vmcore, or a directory without one */
	struct ukd_error manifest_error;
	struct dump *dump;	     /* NULL: only the log was saved, encrypted, or dump_error */
	struct ukd_error dump_error; /* code != 0: there is a file, and why it is not a dump */
	struct buffer log;
	const char *log_source; /* "dump", a file's name, or NULL: there is none */
	uint64_t log_lost;
	struct ukd_error log_error; /* code != 0: the dump's own log was not read */
	struct triage triage;
	bool stack_wanted; /* the log does not tell where it crashed, so memory is asked */
	struct dump_stack stack;
	struct ukd_error stack_error; /* code != 0: memory does not tell, either */
	struct dump_walk walk;	      /* with --full */
	char sha256[INFO_SHA256_HEX]; /* with --full or --checksum, else empty */
	uint64_t found, found_at;     /* with --find */
};

/*
 * Opens what o->path names: a vmcore, or a directory with vmcore, manifest and log; reads log and
 * manifest. i is zeroed but for fd, -1; what it then holds the caller releases, also on failure.
 */
int info_open(struct info *i, const struct info_options *o, struct ukd_error *e) _must_check_;

void info_free(struct info *i);

/* A string or number of the manifest as text, cleaned, or NULL. The caller frees it. */
char *info_manifest_text(const struct info *i, const char *key);

/* Compares the file's hash with expected: "matches", "does not match", "not checked", ... */
const char *info_hash_verdict(const struct info *i, const char *expected);

/* A line "KEY    TEXT". */
void info_row(const char *key, const char *fmt, ...) _printf_(2, 3);

/* What the log tells of the crash, line by line; nothing where it tells of none. */
void info_print_triage(const struct triage *t);

/* Asks memory where the log tells of no crash, or of one without a place in the code. */
void info_read_stack(struct info *i);

/* What that has found, as rows, and as member "stack" (NULL: not asked). */
void info_print_stack(const struct info *i);
struct json_object *info_stack_object(const struct info *i);

void info_print_text(const struct info *i, const struct info_options *o);
void info_print_json(const struct info *i, const struct info_options *o);
