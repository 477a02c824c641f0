/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of other kdump integrations as ours: kdump.conf and sysconfig of Fedora and RHEL,
 * /etc/default/kdump-tools of Debian and Ubuntu, sysconfig of SUSE. Their files are parsed, never
 * executed. Every option ends as one of three: translated, the same as our default, or named as not
 * carried over, with the reason. What the options mean: kdump.conf(5) and gen-kdump-sysconfig.sh of
 * kdump-utils 1.0.61, kdump-tools.conf(5) 1.8.1 to 1.10.9, SUSE's kdump(5) 0.9 to 2.1.9.
 *
 * Refusals carry the check "import.syntax" (with file and line) or "import.settings".
 */
#pragma once

#include "conf/conf.h"

enum import_dialect {
	IMPORT_FEDORA,
	IMPORT_DEBIAN,
	IMPORT_SUSE,
	IMPORT_DIALECTS,
};

extern const char *const import_dialect_names[IMPORT_DIALECTS]; /* as --from takes them */

/* How a file is to be read. */
enum import_grammar {
	IMPORT_KDUMP_CONF, /* "option value" */
	IMPORT_SHELL,	   /* assignments of a shell */
};

enum import_fate {
	IMPORT_DROPPED, /* not carried over */
	IMPORT_DEFAULT, /* as it came with its package, or what ukdump does anyway */
	IMPORT_TRANSLATED,
};

struct import_setting {
	const char *section, *key; /* constants */
	char *value;
};

/* One option that was set. */
struct import_line {
	const char *file;
	unsigned int line; /* 0: a file that was found in a directory of hooks */
	char *name, *value;
	bool secret; /* value is not to be shown */
	enum import_fate fate;
	struct import_setting *made;
	size_t n_made;
	char *why; /* dropped, default: the reason; translated: a remark or NULL */
};

struct import {
	enum import_dialect dialect;
	struct strings files;
	struct import_line *v; /* in the order of the files */
	size_t n;
};

void import_free(struct import *im);
#define _import_ _cleanup_(import_free)

/* Adds what one file sets; name is what messages and comments call it. im->dialect is set. */
int import_read(struct import *im, enum import_grammar grammar, struct bytes text, const char *name,
		struct ukd_error *e) _must_check_;

/* Adds a program found in a directory of hooks, kind "pre.d", "post.d" or "emergency.d". */
int import_add_hook(struct import *im, const char *kind, const char *path,
		    struct ukd_error *e) _must_check_;

/* Decides about every line: fate, made, why. Once, when all files are read. */
int import_translate(struct import *im, struct ukd_error *e) _must_check_;

/*
 * The settings as the text of a drop-in of ukdump.conf, on the heap: each below a comment that says
 * where it is from, what is not carried over at the end as comments, too. The text was read back by
 * settings_parse() and settings_check().
 */
int import_text(const struct import *im, char **ret, struct ukd_error *e) _must_check_;

/* The value as it may be shown, on one line: "***" for a secret. Up to size bytes; returns ret. */
const char *import_shown(const struct import_line *l, char *ret, size_t size);
