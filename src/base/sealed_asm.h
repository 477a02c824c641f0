/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants of sealed.h that assembly needs; src/stub/plan.c asserts that they agree. */
#pragma once

#define ASM_STUB_OFFSET 16
#define ASM_STUB_END	20
#define ASM_PAGE	0x1000
#define ASM_STACK_END	0x5000
