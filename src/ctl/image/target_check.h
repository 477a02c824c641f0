/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Will the targets of the settings work now? Asked when an image is armed and by `status`. The
 * answer is only advice: a host that is down today may be up on the day of the crash.
 */
#pragma once

#include "conf/settings.h"
#include "util/root.h"

#define TARGET_PROBLEM_MAX 512

struct target_report {
	const char *uri;		  /* as configured; the settings' own string */
	char problem[TARGET_PROBLEM_MAX]; /* empty: nothing is known against it */
};

struct targets {
	struct settings settings;
	struct target_report *v; /* one for each of settings.dump.target */
	unsigned int n;
	struct ukd_error recipients; /* code != 0: what is wrong with EncryptTo= */
};

/*
 * Loads the settings and checks every target in a child of its own, all at the same time, for 4
 * seconds at most: one that hangs (a dead disk, a name server) costs no more.
 * Local disks: there, mounted writable, as much room as KeepFree= and a dump need. Hosts: the name
 * resolves and TCP connects within 3 seconds; the files that they need are there; for ssh, asked by
 * root, key and host key are such as `build` takes. Programs: there.
 * Recipients of EncryptTo=: age takes them.
 * Fails only if there are no settings to go by.
 */
int targets_check(const struct root *root, struct targets *ret, struct ukd_error *e) _must_check_;
void targets_free(struct targets *t);
#define _targets_ _cleanup_(targets_free)
