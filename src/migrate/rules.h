/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the dialects share: tables of options, and what their functions may say about a line. */
#pragma once

#include "migrate/migrate.h"

#define IMPORT_LINES_MAX 1024
#define IMPORT_VALUE_MAX 8192 /* bytes of one value */

/* What becomes of an option. Neither section nor translate: it is dropped, and why says it all. */
struct rule {
	const char *name;
	const char *section, *key; /* the value as it stands becomes this setting */
	/* Calls import_set() or import_drop(). */
	int (*translate)(struct import *im, struct import_line *l, struct ukd_error *e);
	/* Why it is not carried over, else a remark about what it became, or NULL. */
	const char *why;
	/* Values that came with a package, NULL-terminated: nobody chose them. NULL: none. */
	const char *const *standard;
	bool secret;
};

#define STANDARD(...) ((const char *const[]){__VA_ARGS__, NULL})

struct rules {
	const struct rule *v;
	size_t n;
};

extern const struct rules fedora_rules, debian_rules, suse_rules;

/* Adds a line; names and values are copied. */
int import_add(struct import *im, const char *file, unsigned int line, const char *name,
	       const char *value, struct ukd_error *e) _must_check_;

/* The parsers of the two grammars; each calls import_add(). */
int import_parse_shell(struct import *im, struct bytes text, const char *file,
		       struct ukd_error *e) _must_check_;
int import_parse_kdump_conf(struct import *im, struct bytes text, const char *file,
			    struct ukd_error *e) _must_check_;

/* What an option was set to at last; NULL if it is not set or empty. */
const char *import_value(const struct import *im, const char *name);

/*
 * The line becomes this setting (another one, if it is called again). A value that our own parser
 * does not take drops the line instead, with the parser's reason, and all later ones of this line
 * do nothing; 0 is returned then, too. section and key are constants.
 */
int import_set(struct import *im, struct import_line *l, const char *section, const char *key,
	       const char *value, struct ukd_error *e) _must_check_;

/* Text of a comment: no control characters, no backslash at its end, which would continue it. */
void import_clean(char *text);

/* Fate and reason; a fate that was decided before is replaced. */
int import_drop(struct import_line *l, struct ukd_error *e, const char *fmt, ...) _printf_(3, 4);
int import_default(struct import_line *l, struct ukd_error *e, const char *fmt, ...) _printf_(3, 4);

/* Adds a remark; several are separated by "; ". */
int import_remark(struct import_line *l, struct ukd_error *e, const char *fmt, ...) _printf_(3, 4);

/* OnSuccess= or OnFailure= as it is written there; shell brings AllowShell=yes. */
int import_action(struct import *im, struct import_line *l, const char *key, const char *action,
		  struct ukd_error *e) _must_check_;

/* The program is an absolute path without arguments, else the line is dropped. */
int import_program(struct import *im, struct import_line *l, const char *key,
		   struct ukd_error *e) _must_check_;

/*
 * DumpLevel=, Compress=, Threads= from options of makedumpfile(8); what has no counterpart is named
 * in a remark. all: these are all the options that it gets, so that what is missing has
 * makedumpfile's default: no compression, level 0.
 */
int import_makedumpfile(struct import *im, struct import_line *l, const char *options, bool all,
			struct ukd_error *e) _must_check_;

/* CommandLine=, with what is set to the option NAME_APPEND behind it. */
int import_cmdline(struct import *im, struct import_line *l, struct ukd_error *e) _must_check_;
/*
 * An option NAME_APPEND: CommandLineAppend= without the words that packages put there, see
 * cmdline.c; nothing of its own where the option NAME is set.
 */
int import_cmdline_append(struct import *im, struct import_line *l,
			  struct ukd_error *e) _must_check_;

/* Target= of a directory on this machine; one with blanks in its name drops the line. */
int import_file(struct import *im, struct import_line *l, const char *dir,
		struct ukd_error *e) _must_check_;

/* Target= of a URL on a server; url_parse() looks closer at it than the settings' parser. */
int import_url(struct import *im, struct import_line *l, const char *url,
	       struct ukd_error *e) _must_check_;

/* A server in "HOST:PATH" or "[V6]:PATH", and DIR below it, as nfs://; import_set() of Target=. */
int import_nfs(struct import *im, struct import_line *l, const char *dir,
	       struct ukd_error *e) _must_check_;

/* "USER@HOST" and DIR as ssh://; an IPv6 address gets its brackets. */
int import_ssh(struct import *im, struct import_line *l, const char *who, const char *dir,
	       struct ukd_error *e) _must_check_;
