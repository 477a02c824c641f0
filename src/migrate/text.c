// SPDX-License-Identifier: GPL-2.0-or-later
/* The drop-in that an import becomes: see migrate.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "migrate/rules.h"
#include "util/cleanup.h"

#define SHOWN_MAX 160

/* In the order of ukdump.conf(5). */
static const char *const sections[] = {"Image", "Dump",	   "Action", "Network",
				       "Arm",	"Reserve", "Store"};

const char *import_shown(const struct import_line *l, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", l->secret && *l->value ? "***" : l->value);
	import_clean(ret);
	return ret;
}

/* The old line, and what there is to say about it: why it is dropped, else what it lost on the way.
 */
static void print_origin(const struct import_line *l, FILE *out)
{
	char shown[SHOWN_MAX], name[SHOWN_MAX];

	(void)snprintf(name, sizeof(name), "%s", l->name);
	import_clean(name);
	import_shown(l, shown, sizeof(shown));
	if (l->line)
		(void)fprintf(out, "# %s:%u: %s%s%s\n", l->file, l->line, name, *shown ? " " : "",
			      shown);
	else
		(void)fprintf(out, "# %s\n", l->file);
	if (l->why)
		(void)fprintf(out, "#   %s%s\n", l->fate == IMPORT_TRANSLATED ? "note: " : "",
			      l->why);
}

static bool belongs(const struct import_line *l, const char *section)
{
	for (size_t i = 0; i < l->n_made; i++)
		if (!strcmp(l->made[i].section, section))
			return true;
	return false;
}

static void print_section(const struct import *im, const char *section, FILE *out)
{
	bool begun = false;

	for (const struct import_line *l = im->v; l < im->v + im->n; l++) {
		if (!belongs(l, section))
			continue;
		if (!begun)
			(void)fprintf(out, "\n[%s]\n", section);
		begun = true;
		print_origin(l, out);
		for (size_t i = 0; i < l->n_made; i++)
			if (!strcmp(l->made[i].section, section))
				(void)fprintf(out, "%s=%s\n", l->made[i].key, l->made[i].value);
	}
}

static void print_dropped(const struct import *im, FILE *out)
{
	bool begun = false;

	for (const struct import_line *l = im->v; l < im->v + im->n; l++) {
		if (l->fate != IMPORT_DROPPED)
			continue;
		if (!begun)
			(void)fprintf(out, "\n# Not carried over:\n");
		begun = true;
		print_origin(l, out);
	}
}

/* What each setting alone could not tell. */
static int check(const char *text, struct ukd_error *e)
{
	_settings_ struct settings s = {0};
	int r = settings_init(&s, e);

	if (r >= 0)
		r = settings_parse(&s, (struct bytes){(const uint8_t *)text, strlen(text)},
				   "imported settings", e);
	return r < 0 ? r : settings_check(&s, e);
}

int import_text(const struct import *im, char **ret, struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ukd_oom(e);
	(void)fprintf(
		out,
		"# Written by 'ukdumpctl import-config --from %s'. Change it as you like; see "
		"ukdump.conf(5).\n",
		import_dialect_names[im->dialect]);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		print_section(im, sections[i], out);
	print_dropped(im, out);
	if (fclose(out) != 0)
		return ukd_oom(e);
	r = check(text, e);
	if (r >= 0)
		*ret = take_ptr(&text);
	return r;
}
