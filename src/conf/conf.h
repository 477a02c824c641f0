/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The strict line parser and the value types under settings.h. Text is what systemd's files look
 * like: [Section], Key=value, comments with # or ; at the start of a line. Everything else is an
 * error that names file and line: unknown names, values out of range, a line continued with '\',
 * a NUL byte, CRLF, a line longer than CONF_LINE_MAX.
 *
 * Refusals carry the checks "conf.syntax", "conf.section", "conf.key" or "conf.value".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "util/error.h"

#define CONF_LINE_MAX	65536 /* bytes, without the newline */
#define CONF_FILE_MAX	MIB(1)
#define CONF_VALUE_SHOW 80 /* bytes of a bad value that a message repeats */

/* A list of strings; NULL-terminated when n > 0. */
struct strings {
	char **v;
	unsigned int n;
};

/* Appends a copy of s. -ENOMEM leaves the list as it was. */
int strings_add(struct strings *list, const char *s) _must_check_;
void strings_free(struct strings *list);
#define _strings_ _cleanup_(strings_free)

struct conf_value {
	const char *key;
	const char *text; /* without blanks at either end; may be empty */
	bool first;	  /* the first assignment of this key in this file */
};

/*
 * How the values of a key are read and written. field points at the setting inside the target, arg
 * is the key's own. On an error parse leaves the field as it was, fills e (without file and line)
 * and returns negative. print writes the whole "Key=value" line (or lines, or none) from which
 * parse makes the same value.
 */
struct conf_type {
	int (*parse)(const struct conf_value *v, const void *arg, void *field, struct ukd_error *e);
	void (*print)(const char *key, const void *arg, const void *field, FILE *out);
};

struct conf_key {
	const char *section;
	const char *name;
	const struct conf_type *type;
	size_t offset; /* of the field inside the target */
	const void *arg;
};

struct conf_table {
	const struct conf_key *keys; /* keys of one section are neighbours */
	size_t n;
};

/* Reads one text on top of *target; name is for messages. */
int conf_parse(const struct conf_table *table, struct bytes text, const char *name, void *target,
	       struct ukd_error *e) _must_check_;

/* The value types. */

/* char *; an empty value sets NULL. arg: NULL, or a conf_check for the whole text. */
extern const struct conf_type conf_string;
/* struct strings, blank-separated; arg: NULL, or a conf_check for each item. */
extern const struct conf_type conf_words;
/* struct strings, one item per assignment, blanks belong to it; arg as above. */
extern const struct conf_type conf_lines;
/* bool */
extern const struct conf_type conf_bool;
/* unsigned int holding an index into arg, a struct conf_names. */
extern const struct conf_type conf_enum;
/* unsigned int; arg: struct conf_range */
extern const struct conf_type conf_uint;
/* uint64_t bytes with K, M, G or T; arg: struct conf_range */
extern const struct conf_type conf_size;
/* uint64_t seconds: 600, 10min, "1h 30min"; arg: struct conf_range */
extern const struct conf_type conf_time;

/*
 * Judges a text. Returns NULL, or what is allowed, for "... is not allowed here: <that>".
 * The struct is there because a function pointer does not fit into const void *.
 */
struct conf_check {
	const char *(*why)(const char *text);
};

struct conf_names {
	const char *const *v;
	unsigned int n;
};

struct conf_range {
	uint64_t min, max;
	const char *zero; /* a word that stands for 0, or NULL */
};

/* "600", "10min", "1h 30min" to seconds. Units s, sec, min, m, h, d. */
bool conf_parse_time(const char *s, uint64_t *ret) _must_check_;
