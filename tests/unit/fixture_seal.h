/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small bzImage and sealed images around it. Failures abort the test. */
#pragma once

#include "build/build.h"

#define FIXTURE_PM	    0x400 /* setup_sects = 1 */
#define FIXTURE_PM_LEN	    0x1800
#define FIXTURE_KERNEL_OPT  0x58 /* the optional header of its PE */
#define FIXTURE_INIT_SIZE   0x100000u
#define FIXTURE_ALIGNMENT   0x200000u
#define FIXTURE_CMDLINE_MAX 2047
#define FIXTURE_HDR_END	    0x26c
#define FIXTURE_PREF	    0x1000000u
#define FIXTURE_VERSION	    "6.99.1-test (fixture@ukdump) #1 SMP"
#define FIXTURE_XLF	    0x007b /* as Debian's 6.12 has it */
#define FIXTURE_CMDLINE	    "panic=1 console=ttyS0"

/* A bzImage that has every field a kernel needs, and a pattern as code: tests/gen/bzimage.py. */
void fixture_kernel_make(struct buffer *ret);

/* Parts that seal; bytes are static or belong to kernel. */
struct image_parts fixture_parts(const struct buffer *kernel);

/* The default image. */
void fixture_sealed_make(struct buffer *ret);

/* File offset of the 40-byte section header, of its data, and of the section's end. */
uint32_t sealed_header_of(const struct buffer *image, const char *name);
uint32_t sealed_raw_of(const struct buffer *image, const char *name);
uint32_t sealed_end_of(const struct buffer *image);
