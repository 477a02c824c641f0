/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How records become JSON values (manifest.json, the result's EFI variable). */
#pragma once

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

/*
 * At most max bytes of s. Reasons may hold bytes that came from a dump or a tool: what is not
 * printable ASCII becomes '?', so that the text is always valid UTF-8.
 */
struct json_object *json_new_text(const char *s, size_t max);

/* "2026-11-21T18:38:22Z"; NULL (JSON's null) for 0. */
struct json_object *json_time(uint64_t seconds);
