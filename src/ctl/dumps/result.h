/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a capture that reached no target has left in an EFI variable (RESULT in ukdump-capture(8)).
 * Anybody who can write EFI variables may have written it: bounded, one JSON object, and what is
 * shown of it drives no terminal.
 */
#pragma once

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/efivarfs.h"

/* One JSON object and nothing behind it; NULL if it is anything else. The caller puts it. */
struct json_object *result_parse(const struct buffer *text);

/* A member that is a string, cleaned, in *ret; "" if there is none. Returns ret. */
const char *result_member(struct json_object *o, const char *key, char ret[RESULT_MAX]);
