/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the size of the reservation depends on and the machine tells: memory, CPUs, distribution. */
#pragma once

#include "util/root.h"

/*
 * Bytes of memory as crashkernel= ranges count it: the ranges "System RAM" of /proc/iomem, which
 * shows addresses to root only; else MemTotal, which lacks what the kernel keeps for itself. Rounded
 * up to 128 MiB, as the kernel does it (parse_crashkernel_mem(), since Linux 4.20). 0: unknown.
 */
uint64_t machine_memory(const struct root *root);

/* CPUs that are present; 1 if that cannot be read. */
unsigned int machine_cpus(const struct root *root);

/*
 * The crashkernel= that the distribution of this root would set by itself, a literal: by
 * PLATFORM_ID=, ID= and ID_LIKE= of os-release; where none is known, Fedora's.
 */
const char *distribution_crashkernel(const struct root *root);
