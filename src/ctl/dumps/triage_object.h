/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of a kernel log as a JSON object. */
#pragma once

#include "ctl/ctl.h"
#include "triage/triage.h"

/* As in manifest.json; NULL: out of memory. The caller puts it. */
struct json_object *triage_object(const struct triage *t);
