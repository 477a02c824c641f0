// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON values: see json.h. */
#include "capture/json.h"

#include <time.h>

#include "capture/record.h"

struct json_object *json_new_text(const char *s, size_t max)
{
	char clean[RECORD_REASON];
	size_t i;

	for (i = 0; i < max && i + 1 < sizeof(clean) && s[i]; i++)
		clean[i] = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';
	clean[i] = 0;
	return json_object_new_string(clean);
}

struct json_object *json_time(uint64_t seconds)
{
	time_t t = (time_t)seconds;
	char buf[64];
	struct tm tm;

	if (!t || !gmtime_r(&t, &tm) || !strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_new_text(buf, sizeof(buf));
}
