// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel logs. What comes out must keep its limits, and be JSON that nothing in it can break. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "triage/triage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char json[TRIAGE_JSON_MAX];
	unsigned int quotes = 0;
	struct triage t;

	triage_log((struct bytes){data, size}, &t);
	if (t.n_frames > TRIAGE_FRAMES || t.n_modules > TRIAGE_MODULES ||
	    (strlen(t.signature) != 16 && t.kind != TRIAGE_UNKNOWN))
		abort();
	triage_json(&t, json);
	for (const char *p = json; *p; p++) {
		if (*p < ' ' || *p > '~')
			abort();
		if (*p == '\\')
			p++;
		else
			quotes += *p == '"';
	}
	if (quotes % 2 || strlen(json) < 2 || json[strlen(json) - 1] != '}')
		abort();
	return 0;
}
