/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON by json-c: what verbs print, and what others wrote. Out of memory ends the program where
 * JSON is made, since half a JSON text helps nobody.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "conf/conf.h"
#include "util/file.h"

static inline void json_putp(struct json_object **o)
{
	(void)json_object_put(*o);
}
#define _json_ _cleanup_(json_putp)

struct json_object *json_object_checked(void);
struct json_object *json_array_checked(void);
/* JSON is UTF-8, and names of files may be any bytes: those that are no UTF-8 become "?". */
struct json_object *json_string(const char *value);
struct json_object *json_strings(const struct strings *list);

/* Add a member to an object. */
void json_text(struct json_object *o, const char *key, const char *value);	   /* NULL: null */
void json_text_or_null(struct json_object *o, const char *key, const char *value); /* "": null */
void json_number(struct json_object *o, const char *key, uint64_t value);
void json_flag(struct json_object *o, const char *key, bool value);
void json_hex(struct json_object *o, const char *key, const uint8_t *p, size_t len);
void json_add(struct json_object *o, const char *key, struct json_object *value); /* taken over */

/* Adds to an array; value is taken over. */
void json_append(struct json_object *array, struct json_object *value);

/* Prints an object and releases it. */
void json_print(struct json_object *o);

/* The same in one line, without releasing it. */
void json_print_line(struct json_object *o);

/*
 * A file's text, which becomes UTF-8: one JSON object and nothing else, whose output is JSON again
 * (json-c takes NaN, and numbers such as "1."). NULL if it is anything else. The caller puts it.
 */
struct json_object *json_parse_object(struct buffer *text);

/* A member that is of this type, borrowed; NULL if there is none, or o is no object, such as NULL. */
struct json_object *json_member(struct json_object *o, const char *key, enum json_type type);

/* A member that is a string, borrowed and not cleaned; "" if there is none. */
const char *json_member_text(struct json_object *o, const char *key);
