/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a power cut or a kill left behind. */
#pragma once

#include "util/root.h"

/*
 * Removes temporary files beside images and records whose process is gone, records without their
 * image, and builds' directories. The caller holds BUILD_LOCK.
 */
int leftovers_remove(const struct root *root, struct ukd_error *e) _must_check_;
