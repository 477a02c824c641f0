/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ukdumpctl: one file per verb. A verb parses its own options, does its work and returns the exit
 * code; facts go to stdout, complaints to stderr.
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "ctl/json.h"
#include "util/error.h"
#include "util/file.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_ARMED = 3,	 /* status only */
	EXIT_ARMED_PROBLEMS = 4, /* status only */
};

struct verb {
	const char *name;
	const char *summary;		   /* one line for `ukdumpctl --help` */
	int (*run)(int argc, char **argv); /* argv[0]: for getopt(3) */
	const char *usage; /* the text of `ukdumpctl VERB --help`, at most 80 columns */
};

extern const struct verb verb_build, verb_sign, verb_attach, verb_verify, verb_inspect;
extern const struct verb verb_seal, verb_addon, verb_luks;
extern const struct verb verb_start, verb_stop, verb_reload, verb_status, verb_check, verb_info;
extern const struct verb verb_list, verb_dmesg, verb_verify_dump, verb_clean;
extern const struct verb verb_report, verb_refresh, verb_restart, verb_rebuild;
extern const struct verb verb_import_config, verb_propagate;
extern const struct verb verb_rehearse, verb_test;
extern const struct verb verb_reserve, verb_reset_crashkernel;
extern const struct verb verb_estimate, verb_showmem, verb_get_default_crashkernel;

/* Options whose short forms would be arbitrary have codes from here on. */
#define OPT_LONG 256

/* Prints the verb's help on stdout. Returns EXIT_DONE. */
int verb_help(const struct verb *v);

/* Prints one line and the way to the help on stderr. fmt may be NULL: getopt has complained. */
int verb_misuse(const struct verb *v, const char *fmt, ...) _printf_(2, 3);

/* The same about an argument that the verb does not take. */
int verb_too_many(const struct verb *v, const char *argument);

/*
 * Options of a verb that takes --json, --help and no arguments. Returns -1 to go on, else the exit
 * code.
 */
int verb_parse_simple(const struct verb *v, int argc, char **argv, bool *ret_json);

/* Prints the error on stderr. Returns EXIT_FAILED. */
int verb_failed(const struct ukd_error *e);

/*
 * What others wrote must not drive a terminal, nor break our JSON: bytes other than printable ASCII
 * and tab become "?". In place; returns s.
 */
char *text_clean(char *s);

/* Bytes that are no UTF-8 become "?", in place. */
void text_utf8(char *s);

/*
 * Tells somebody who waits at a terminal how far what takes long has come: nothing in the first two
 * seconds, then a line every two seconds. The first call starts the clock.
 */
void show_progress(const char *fmt, ...) _printf_(1, 2);
