// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the result in the EFI variable: see result.h. */
#include "ctl/dumps/result.h"

#include <stdio.h>

#define DEPTH_MAX 4 /* object, list, target, and one to spare */

struct json_object *result_parse(const struct buffer *text)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;
	bool good;

	if (!t)
		return NULL;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL: else a number at the end would not be known to be over. */
	o = json_tokener_parse_ex(t, (const char *)text->data, (int)text->len + 1);
	good = json_tokener_get_error(t) == json_tokener_success &&
	       json_object_is_type(o, json_type_object);
	json_tokener_free(t);
	if (good)
		return o;
	(void)json_object_put(o);
	return NULL;
}

const char *result_member(struct json_object *o, const char *key, char ret[RESULT_MAX])
{
	(void)snprintf(ret, RESULT_MAX, "%s", json_member_text(o, key));
	return text_clean(ret);
}
