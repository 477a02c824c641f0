/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `report --boot` remembers: /var/lib/ukdump/report, lines of key=value. The last crash, for
 * `status`, and the names of those that were reported.
 */
#pragma once

#include "ctl/report/crash.h"
#include "ctl/text_record.h"

#define REPORT_SHA256_HEX 65

struct report_state {
	struct crash last;		  /* state empty: none was reported yet */
	char reported[TIME_TEXT_MAX];	  /* when, RFC 3339 */
	bool cleared;			  /* it is no problem any more */
	char variable[REPORT_SHA256_HEX]; /* of a result that could not be removed, or empty */
	struct strings seen;		  /* names, oldest report first */
};

/* Reads the file; without one everything is empty. */
int report_state_read(const struct root *root, struct report_state *ret,
		      struct ukd_error *e) _must_check_;
int report_state_write(const struct root *root, const struct report_state *s,
		       struct ukd_error *e) _must_check_;
void report_state_free(struct report_state *s);
#define _report_state_ _cleanup_(report_state_free)

/* Was the crash of this name reported before? */
bool report_state_has_seen(const struct report_state *s, const char *name);

/* For `status`: what is wrong, in one line, if anything; false if nothing is. */
bool report_state_problem(const struct report_state *s, char *ret, size_t size);

/* "last_crash" of its JSON: null if there was none. */
struct json_object *report_state_json(const struct report_state *s);
