/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IMA policy that appraises what kexec reads. What we load is a memory file, which carries no
 * IMA signature; a policy that demands one is explained, not gone round.
 */
#pragma once

#include "util/root.h"

/*
 * Refuses (check "host.ima") if the policy will certainly fail the memory files that
 * kexec_file_load(2) is given (EACCES); warns in the log if it may. with_initrd: the call has an
 * initrd of its own, as for a plain UKI.
 *
 * Rules: security/integrity/ima/ima_policy.c, 5.0 to 7.2. Where the policy cannot be read
 * (CONFIG_IMA_READ_POLICY is off), what is built in and the kernel's command line tell.
 */
int ima_check(const struct root *root, bool with_initrd, struct ukd_error *e) _must_check_;
