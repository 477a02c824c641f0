/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcoreinfo: the "KEY=value" lines that a kernel leaves for whoever reads its dump
 * (Documentation/admin-guide/kdump/vmcoreinfo.rst). Looked up in place, no copy; hostile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * The value of key ("OSRELEASE", "SYMBOL(prb)"), cut to size - 1 bytes and made printable. Returns
 * false, ret empty, if there is none. Of several lines the first counts.
 */
bool vmcoreinfo_text(struct bytes info, const char *key, char *ret, size_t size);

/* SYMBOL(name): hexadecimal without 0x. NUMBER(name): decimal, may be negative.
 * All three return false, *ret untouched, if there is none or it is no number. */
bool vmcoreinfo_symbol(struct bytes info, const char *name, uint64_t *ret) _must_check_;
bool vmcoreinfo_number(struct bytes info, const char *name, int64_t *ret);

/* Decimal value of a whole key, such as "CRASHTIME", "SIZE(prb_desc)", "OFFSET(page.flags)". */
bool vmcoreinfo_u64(struct bytes info, const char *key, uint64_t *ret);
