// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Settings of other programs: whatever is read becomes a text that our own parser takes. The first
 * byte says whose file it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/migrate.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum import_grammar grammar = IMPORT_SHELL;
	_import_ struct import im = {0};
	_free_ char *text = NULL;
	struct ukd_error e = {0};

	if (!size)
		return 0;
	im.dialect = data[0] % IMPORT_DIALECTS;
	if (data[0] & 0x80)
		grammar = IMPORT_KDUMP_CONF;
	if (import_read(&im, grammar, (struct bytes){data + 1, size - 1}, "fuzz", &e) < 0)
		return 0;
	if (import_add_hook(&im, "pre.d", "/x", &e) < 0 || import_translate(&im, &e) < 0 ||
	    import_text(&im, &text, &e) < 0)
		abort();
	for (size_t i = 0; i < im.n; i++) {
		char shown[64];

		if (!im.v[i].n_made && !im.v[i].why)
			abort();
		if (im.v[i].fate != IMPORT_TRANSLATED && im.v[i].n_made)
			abort();
		if (strchr(import_shown(&im.v[i], shown, sizeof(shown)), '\n'))
			abort();
	}
	return 0;
}
