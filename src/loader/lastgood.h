/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last image that loaded, kept to be loaded again if the next one fails: LAST_GOOD; for a plain
 * UKI also the addons in LAST_GOOD.extra.d and LAST_GOOD.profile, which names the profile and what
 * belongs together. All is verified again when it is planned; LAST_GOOD.profile is written last and
 * removed first, so that what an interruption leaves is refused, not taken for the whole.
 */
#pragma once

#include "loader/plan.h"

#define LAST_GOOD "/var/lib/ukdump/last-good"

/* Keeps what p loaded: hard links, or copies across file systems. */
int last_good_set(const struct root *root, const struct plan *p, struct ukd_error *e) _must_check_;

/* Plans the last good image. Returns 1 if there is one, 0 if not. */
int last_good_plan(const struct machine *m, struct plan *ret, struct ukd_error *e) _must_check_;
