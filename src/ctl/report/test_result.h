/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of a crash test (`ukdumpctl test`): found out by `report --boot`. */
#pragma once

#include "ctl/report/crash.h"
#include "ctl/report/proof.h"

/*
 * If a test was begun in an earlier boot: looks for the crash whose kernel log has its mark, keeps
 * the result in the history and forgets the test. *ret is its line of the history (type, id, time,
 * result ok, failed or unknown, reason, dump, capture_seconds until the manifest was written,
 * boot_seconds until the next kernel ran), NULL if no test waited. The caller puts it.
 */
int test_settle(const struct root *root, const struct crashes *crashes, struct json_object **ret,
		struct ukd_error *e) _must_check_;
