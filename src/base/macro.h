/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes and constants that every layer uses, freestanding code included.
 */
#pragma once

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define _must_check_	    __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _cleanup_(fn)	    __attribute__((cleanup(fn)))
#define _unused_	    __attribute__((unused))
#define _noreturn_	    __attribute__((noreturn))
/* An array of bytes without an end; clang learnt the word in version 21. */
#if __has_attribute(nonstring)
#define _nonstring_ __attribute__((nonstring))
#else
#define _nonstring_
#endif

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)

/* Checked arithmetic: true when the result does not fit; *ret is then of no use. */
#define add_overflows(a, b, ret) __builtin_add_overflow((a), (b), (ret))
#define mul_overflows(a, b, ret) __builtin_mul_overflow((a), (b), (ret))
