/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much crash memory an image needs, and how much there is. */
#pragma once

#include "util/root.h"

struct crash_memory {
	uint64_t total; /* bytes, as kexec_crash_size tells; 0: nothing is reserved */
	/*
	 * The contiguous range that images are loaded into; 0: unknown (no root). With
	 * crashkernel=,high there is a second, lower one for DMA, into which nothing is loaded.
	 */
	uint64_t usable;
	uint64_t cma; /* bytes of crashkernel=,cma, which total does not count; Linux 6.17 */
};

/*
 * Reads what is reserved. -EOPNOTSUPP if this kernel has no kexec crash support. Looks for
 * /sys/kernel/kexec/crash_size (Linux 6.19) first, then /sys/kernel/kexec_crash_size, which is to
 * go after 2028.
 */
int crash_memory_read(const struct root *root, struct crash_memory *ret,
		      struct ukd_error *e) _must_check_;

/* Bytes of a line that begins with "START-END", both included, hexadecimal; 0 if it does not. */
uint64_t range_size(const char *line);

/* Does the kernel hold a capture image, whoever loaded it? */
int crash_image_loaded(const struct root *root, bool *ret, struct ukd_error *e) _must_check_;

/* Does this kernel know crashkernel=SIZE,cma? It does if it shows such ranges, or none of them. */
bool crash_memory_has_cma(const struct root *root);

/*
 * Gives memory of the reservation back until bytes are left; what is smaller already stays. The
 * kernel does that only while nothing is loaded, so an armed machine refuses (check
 * "reserve.armed"): it would have to be disarmed, and a crash meanwhile were lost.
 */
int crash_memory_shrink(const struct root *root, uint64_t bytes, struct ukd_error *e) _must_check_;

struct image_need {
	uint64_t minimum; /* contiguous bytes without which the kernel refuses the image */
	uint64_t comfort; /* bytes with which a dump is known to come out */
};

/*
 * init_size, alignment: of the setup header that the running kernel looks at; initrd_len: of the
 * compressed initrd; beside: bytes of an initrd that is loaded beside the image, not in it.
 */
struct image_need image_need(uint64_t init_size, uint64_t alignment, uint64_t initrd_len,
			     uint64_t beside);
