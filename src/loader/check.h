/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel would refuse, known before it is asked. Warnings go to the log. */
#pragma once

#include "loader/plan.h"

/* Rules that do not depend on an image. */
int check_host(const struct machine *m, struct ukd_error *e) _must_check_;

/*
 * Memory, paging, and the signature that the kernel will look at: of a sealed image its own, of a
 * plain UKI that of its .linux. Fills in p->answer.
 */
int check_plan(const struct machine *m, struct plan *p, struct ukd_error *e) _must_check_;

/* Says once, after a plain UKI was loaded, what the kernel verified and what only ukdump did. */
void tell_verified(const struct machine *m, const struct plan *p);
