// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts as JSON: see triage_object.h. */
#include "ctl/dumps/triage_object.h"

struct json_object *triage_object(const struct triage *t)
{
	char text[TRIAGE_JSON_MAX];

	triage_json(t, text);
	return json_tokener_parse(text);
}
