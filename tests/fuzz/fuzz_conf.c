// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings: whatever is taken must print as text that is taken again and prints the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool parse(struct settings *s, struct bytes text)
{
	struct ukd_error e = {0};

	if (settings_init(s, &e) < 0)
		abort();
	return settings_parse(s, text, "fuzz", &e) >= 0;
}

static char *printed(const struct settings *s)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	settings_print(s, NULL, out);
	if (fclose(out))
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_settings_ struct settings first = {0}, second = {0};
	_free_ char *one = NULL, *two = NULL;

	if (!parse(&first, (struct bytes){data, size}))
		return 0;
	one = printed(&first);
	/* A line may become too long by its "Key=" alone; that is no fault. */
	if (!parse(&second, (struct bytes){(uint8_t *)one, strlen(one)}))
		abort();
	two = printed(&second);
	if (strcmp(one, two) != 0)
		abort();
	return 0;
}
