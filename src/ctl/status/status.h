/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of this machine: facts, and findings made of them (findings.h). Collected in one way
 * for `status`, `check` and the metrics; each part adds its findings in a file of its own.
 */
#pragma once

#include "ctl/status/findings.h"
#include "ctl/image/freshness.h"
#include "ctl/status/host_state.h"
#include "ctl/loader.h"
#include "ctl/image/outcome.h"
#include "ctl/report/report_state.h"
#include "ctl/image/target_check.h"

/* A rehearsal or a crash test; time empty: there was none. */
struct proof {
	char time[TIME_TEXT_MAX];
	char image[IMAGE_ID_HEX]; /* its id; may be empty */
	char result[16];	  /* ok, failed, not-rehearsed, unknown */
	char reason[512];
};

struct status {
	/* From ukdump-load; strings are NULL where it did not tell. */
	bool known; /* it told the state; if not, why was printed, and is a finding */
	bool armed, enforced;
	bool locked; /* the kernel takes no other image until the next boot */
	char *image, *path, *signer, *time, *kernel, *kind, *lockdown, *missing, *recorded;
	char *keyring, *key; /* NULL: the kernel was not asked, or does not enforce signatures */
	bool secure_boot;
	uint64_t reserved, needed, comfort, call_ms, profile, addons;
	/* From this machine. */
	bool result; /* left by a capture that reached no target */
	struct panic_parameter sysctl[PANIC_PARAMETERS];
	struct targets targets;
	struct ukd_error settings_error; /* code != 0: there are no settings, and so no targets */
	struct report_state report;
	struct strings stale; /* what of the armed image has changed */
	bool has_record;      /* it is known what went into it */
	struct outcome last;  /* refresh; time empty: there was none */
	const char *note;     /* a literal: makedumpfile could be better, but is no problem */

	struct proof rehearsal, test; /* the last ones, of whichever image */

	struct findings findings;
};

void status_free(struct status *s);
#define _status_ _cleanup_(status_free)

/* Everything; with known false, what can be told all the same. */
void status_collect(const struct root *root, struct status *ret);

/* Is the armed image a plain UKI? */
bool status_is_plain(const struct status *s);

/* LockAfterArm= is in force, and a new image waits for the next boot: as it was asked for. */
bool status_waits_for_boot(const struct status *s);

/* The parts of status_collect(): each reads its facts and adds its findings, in this order. */
void check_kernel(const struct root *root, struct status *s); /* and its crash memory */
void check_image(const struct root *root, struct status *s);  /* that is armed */
void check_signature(const struct root *root, struct status *s);
void check_capture(const struct root *root, struct status *s);	    /* targets, tools */
void check_command_line(const struct root *root, struct status *s); /* a site's own */
void check_machine(const struct root *root, struct status *s);	    /* parameters, units, rivals */
void check_past(const struct root *root, struct status *s);	    /* refresh, crashes */
void check_proof(const struct root *root, struct status *s);	    /* rehearsal, crash test */

/* For people: the facts, and the findings that are not ok. */
void status_print(const struct status *s);
void status_print_json(const struct status *s);
/* As metrics of Prometheus to path, atomically, mode 0644; NULL: to stdout. */
int status_write_metrics(const struct status *s, const char *path,
			 struct ukd_error *e) _must_check_;
