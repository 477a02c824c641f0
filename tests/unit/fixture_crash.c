// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole captures: see fixture_crash.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture_crash.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int crash_setup(void **state)
{
	struct run *r = run_make();

	r->c.settings.store.keep_free = 0;
	r->c.settings.dump.timeout_s = 60;
	r->dir = NAME;
	*state = r;
	return 0;
}

enum dump_state run(struct run *r)
{
	if (!strcmp(r->c.settings.dump.target.v[0], "file:/var/crash"))
		run_set(r, "[Dump]\nTarget=file:/crash\n");
	budget_start(&r->c.budget, r->c.settings.dump.timeout_s);
	return capture_run(&r->c);
}

const char *in_dump(const struct run *r, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return tree_path(&r->tree, path);
}

bool has(const struct run *r, const char *name)
{
	return access(in_dump(r, name), F_OK) == 0;
}

const char *manifest(const struct run *r, const char *path)
{
	static char value[1024];
	struct json_object *o = json_object_from_file(in_dump(r, "manifest.json")), *v = o;
	char copy[128], *save = copy, *word;

	assert_non_null(o);
	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((word = strsep(&save, ".")) && v) {
		if (json_object_is_type(v, json_type_array))
			v = json_object_array_get_idx(v, strtoul(word, NULL, 10));
		else if (!json_object_object_get_ex(v, word, &v))
			v = NULL;
	}
	(void)snprintf(value, sizeof(value), "%s", v ? json_object_get_string(v) : "null");
	json_object_put(o);
	return value;
}

const char *stages(const struct run *r)
{
	static char all[1024];
	size_t n = 0;

	all[0] = 0;
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s=%s", i ? " " : "",
				      r->c.record.stages[i].name,
				      outcome_name(r->c.record.stages[i].outcome));
	return all;
}
