/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a PE must be like to be a UKI or an addon: the rules that uki_read() applies. */
#pragma once

#include "pe/uki.h"

/* How much of a section's content uki_read() keeps; 0 for those that are not kept. */
uint32_t uki_kept_len(const struct pe_section *s);

/*
 * Rules that need only the section table, checked before anything large is read; counts the
 * profiles. Checks "uki.*", "addon.*".
 */
int uki_check_table(struct uki *u, struct ukd_error *e) _must_check_;

/* Rules for the contents that were kept (checks "uki.*"). */
int uki_check_contents(const struct uki *u, struct ukd_error *e) _must_check_;
