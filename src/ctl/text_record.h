/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files of root's own below /run and /var/lib/ukdump: the texts of a struct, each as a line
 * "key=text". Read with bounds all the same; no text makes a second line, or drives a terminal.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "util/root.h"

struct text_member {
	const char *key;
	size_t offset, size; /* of the struct's char array */
};

#define TEXT_MEMBER_AS(key, type, member)                                                 \
	{                                                                                 \
		key, offsetof(struct type, member), sizeof(((struct type *)NULL)->member) \
	}
#define TEXT_MEMBER(type, member) TEXT_MEMBER_AS(#member, type, member)

struct text_record {
	const char *path; /* absolute, in the root */
	mode_t dir_mode;  /* of its directory, if that is made */
	const struct text_member *v;
	size_t n;
	/* What is no text of the struct: a line of another key, 0 or -ENOMEM; the lines of such. */
	int (*take)(void *record, const char *key, const char *text); /* NULL: lines are skipped */
	void (*print)(const void *record, FILE *out);		      /* NULL: there are none */
};

/*
 * Sets what the file has; what it lacks stays as it is. Texts are cleaned, and cut to fit. -ENOENT
 * if there is no file. After a failure *ret may be set in part.
 */
int text_record_read(const struct root *root, const struct text_record *r, void *ret,
		     struct ukd_error *e) _must_check_;

/* Replaces the file by state_file_replace(). Empty texts are left out. */
int text_record_write(const struct root *root, const struct text_record *r, const void *from,
		      struct ukd_error *e) _must_check_;

/*
 * Replaces a file of ours (path absolute, in the root; mode 0600) in a directory that is made with
 * dir_mode where it is missing.
 */
int state_file_replace(const struct root *root, const char *path, mode_t dir_mode,
		       struct bytes content, struct ukd_error *e) _must_check_;

/* Now, as RFC 3339 in UTC, which all of them have. */
#define TIME_TEXT_MAX 32
void time_text_now(char ret[TIME_TEXT_MAX]);
