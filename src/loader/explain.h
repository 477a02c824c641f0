/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an errno of kexec_file_load(2) means, and what to do about it. */
#pragma once

/* A sentence without a final period for any positive errno (524 is the kernel's ENOTSUPP). */
const char *explain_errno(int err);
