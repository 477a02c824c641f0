/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was proved about this machine's capture, kept below /var/lib/ukdump: the last rehearsal
 * (`rehearsal`, key=value), a crash test that waits for the next boot (`test`, key=value), and the
 * history of both (`history`, one JSON object per line, newest last).
 */
#pragma once

#include <limits.h>

#include "ctl/ctl.h"
#include "ctl/loader.h"
#include "ctl/text_record.h"
#include "util/root.h"

#define PROOF_HISTORY_MAX 200 /* lines; older ones are dropped */

#define REHEARSAL_OK	 "ok"
#define REHEARSAL_FAILED "failed"
#define REHEARSAL_NONE	 "not-rehearsed"

struct rehearsal {
	char time[TIME_TEXT_MAX]; /* RFC 3339 */
	char image[IMAGE_ID_HEX]; /* its id */
	char path[PATH_MAX];
	char kernel[128];
	char result[16]; /* REHEARSAL_* */
	char reason[640];
	char phases[1024];   /* "boot=2.1 arm=0.5 ...", seconds */
	char seconds[16];    /* from the guest's crash to its end */
	char peak[24];	     /* bytes, the most memory that the capture environment used */
	char total[24];	     /* bytes that it had */
	char reserved[24];   /* bytes of crash memory that the guest was given */
	char accelerator[8]; /* kvm or tcg */
	char unproved[256];  /* drivers of the target's disk that the guest does not have */
};

/* The last one. -ENOENT if there is none. */
int rehearsal_read(const struct root *root, struct rehearsal *ret,
		   struct ukd_error *e) _must_check_;

/*
 * Keeps it, and adds it to the history. One that did not take place does not replace what is known
 * of the same image, nor one of another image what is known of the one that is armed.
 */
int rehearsal_write(const struct root *root, const struct rehearsal *r,
		    struct ukd_error *e) _must_check_;

/* The same as members of an object; phases as a list of {name, seconds}. */
void rehearsal_json(struct json_object *o, const struct rehearsal *r);

/* A crash test that was begun. */
#define TEST_ID_HEX 17
struct crash_test {
	char id[TEST_ID_HEX]; /* in the kernel log as "ukdump-test ID" */
	char time[TIME_TEXT_MAX];
	char image[IMAGE_ID_HEX];
	char path[PATH_MAX];
	char kernel[128];
	char boot[40]; /* the boot that it was begun in: of another one, it crashed */
};

#define TEST_MARK "ukdump-test "

/* -ENOENT if none waits. */
int crash_test_read(const struct root *root, struct crash_test *ret,
		    struct ukd_error *e) _must_check_;
int crash_test_write(const struct root *root, const struct crash_test *t,
		     struct ukd_error *e) _must_check_;
int crash_test_remove(const struct root *root, struct ukd_error *e) _must_check_;

/* Takes o over. "type" is rehearsal or test. */
int proof_history_add(const struct root *root, struct json_object *o,
		      struct ukd_error *e) _must_check_;

/* All lines as an array, oldest first; type NULL: of both. Lines that are no objects are skipped. */
int proof_history_read(const struct root *root, const char *type, struct json_object **ret,
		       struct ukd_error *e) _must_check_;

/* A member of such a line as text, whatever it is; "" if it is null or not there. Borrowed. */
const char *proof_text(struct json_object *o, const char *key);

/* Such a line for people. ret holds PROOF_LINE_MAX bytes; returns ret. */
#define PROOF_LINE_MAX 2048
char *proof_sentence(struct json_object *o, char ret[PROOF_LINE_MAX]);
