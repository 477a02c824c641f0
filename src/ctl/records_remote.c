// SPDX-License-Identifier: GPL-2.0-or-later
/* Dumps below an s3:// prefix, by ukdump-upload ls and get: see records.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "ctl/loader.h"
#include "ctl/records.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/process.h"

#define LIST_MAX MIB(64)
#define GET_MAX	 KIB(256)
#define LIMIT_S	 300
#define ARGS_MAX 16

static void add_option(const char **argv, unsigned int *n, const char *option, const char *value)
{
	if (!value)
		return;
	argv[(*n)++] = option;
	argv[(*n)++] = value;
}

/* Runs `ukdump-upload VERB URL` with what [Network] says about servers. */
static int run_upload(const char *verb, const char *url, size_t max, struct buffer *ret,
		      struct ukd_error *e)
{
	_root_ struct root root = ROOT_NONE;
	_settings_ struct settings settings = {0};
	char program[PATH_MAX];
	const char *argv[ARGS_MAX] = {program};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = ret, .output_max = max};
	unsigned int n = 1;
	int r = root_open(NULL, &root, e);

	if (r >= 0)
		r = settings_load(&root, NULL, &settings, e);
	if (r < 0)
		return r;
	find_own_program("ukdump-upload", program, sizeof(program));
	if (!strchr(program, '/'))
		(void)snprintf(program, sizeof(program), "/usr/lib/ukdump/ukdump-upload");
	add_option(argv, &n, "--ca-file", settings.network.ca_file);
	add_option(argv, &n, "--proxy", settings.network.proxy);
	add_option(argv, &n, "--s3-credentials", settings.network.s3_credentials);
	argv[n++] = verb;
	argv[n++] = url;
	p.timeout_s = LIMIT_S;
	return process_run_ok(&p, e);
}

/* One object: .../NAME/FILE. Those of one crash come one behind another, sorted by name. */
static int add_object(struct records *r, unsigned int place, uint64_t size, char *key)
{
	char *file = strrchr(key, '/'), *name;
	struct record_entry *last = r->n ? &r->v[r->n - 1] : NULL;
	const char *machine;

	if (!file)
		return 0;
	*file++ = 0;
	name = strrchr(key, '/');
	name = name ? name + 1 : key;
	if (!store_is_crash(name, &machine))
		return 0;
	if (!last || last->place != place || strcmp(last->name, name) != 0) {
		last = records_add(r);
		if (!last)
			return -ENOMEM;
		(void)snprintf(last->name, sizeof(last->name), "%s", name);
		last->place = place;
	}
	if (add_overflows(last->size, size, &last->size))
		last->size = UINT64_MAX;
	/* Stored last, it marks completion; what of, it says itself. */
	last->manifest |= !strcmp(file, "manifest.json");
	return 0;
}

int remote_find(struct records *r, unsigned int place, struct ukd_error *e)
{
	_buffer_ struct buffer list = {0};
	int code = run_upload("ls", r->places.v[place], LIST_MAX, &list, e);
	char *rest = (char *)list.data, *line;

	while (code >= 0 && rest && (line = strsep(&rest, "\n"))) {
		char *tab = strchr(line, '\t');
		uint64_t size;

		if (!tab)
			continue;
		*tab = 0;
		if (parse_u64(line, &size))
			code = add_object(r, place, size, tab + 1);
	}
	return code == -ENOMEM ? ukd_oom(e) : code;
}

/* PREFIX[?QUERY] and a name: PREFIX/NAME/manifest.json[?QUERY] */
struct json_object *remote_manifest(const char *place, const char *name)
{
	size_t len = strcspn(place, "?"), base = len;
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	char url[8192];

	while (base && place[base - 1] == '/')
		base--;
	(void)snprintf(url, sizeof(url), "%.*s/%s/manifest.json%s", (int)base, place, name,
		       place + len);
	if (run_upload("get", url, GET_MAX, &text, &ignored) < 0)
		return NULL;
	return record_parse((const char *)text.data);
}
