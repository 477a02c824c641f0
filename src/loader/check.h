/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel would refuse, known before it is asked. Warnings go to the log. */
#pragma once

#include "auth/keyring.h"
#include "loader/plan.h"

/* Rules that do not depend on an image. */
int check_machine(const struct machine *m, struct ukd_error *e) _must_check_;

/*
 * Memory, paging, and the signature that the kernel will look at: of a sealed image its own, of a
 * plain UKI that of its .linux. *ret: what the kernel says to it; KERNEL_UNKNOWN, without a reason,
 * where it does not enforce signatures.
 */
int check_plan(const struct machine *m, const struct plan *p, struct kernel_answer *ret,
	       struct ukd_error *e) _must_check_;

/* Says once, after a plain UKI was loaded, what the kernel verified and what only ukdump did. */
void tell_verified(const struct machine *m, const struct plan *p, const struct kernel_answer *a);
