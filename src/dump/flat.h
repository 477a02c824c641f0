/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * makedumpfile's flattened format (-F), which a dump has when it went through a pipe: a header of
 * 4096 bytes, then records "offset, length, data" (big-endian, 64 bits each) in the order in which
 * they were written, an end marker of -1, -1. What is described twice counts as written last; gaps
 * are zeros. libkdumpfile 0.5.1 cannot read it, so it is put in order first, as makedumpfile -R
 * does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "util/error.h"

/* Whether a file that begins with these bytes is flattened. */
bool flat_is(struct bytes head);

/*
 * Writes the content of the flattened file from, of size bytes, to the empty file to. Refuses
 * (check "dump.flattened") impossible records, and more scattered ones than makedumpfile writes:
 * they could need many times their own size on disk. Of a file cut short, what is there is written
 * and *ret_cut set. progress may be NULL. e tells the reason alone, without the file.
 */
int flat_unpack(int from, uint64_t size, int to, void (*progress)(unsigned int percent),
		bool *ret_cut, struct ukd_error *e) _must_check_;
