// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole captures: see fixture_crash.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture_crash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

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
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	if (file_read(AT_FDCWD, in_dump(r, "manifest.json"), MIB(1), &b, &e) < 0)
		fail_msg("%s", e.text);
	return json_value((const char *)b.data, path);
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
