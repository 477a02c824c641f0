// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl clean: removes old dumps of this machine by Keep=, MaxUse= and KeepFree=, as a capture
 * would (store/retention.c). Never the newest complete one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "conf/settings.h"
#include "ctl/dumps/records.h"
#include "store/machine.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char usage[] =
	"Usage: ukdumpctl clean [OPTION]...\n\n"
	"Remove old dumps of this machine from the targets that are directories here, by\n"
	"Keep=, MaxUse= and KeepFree= of the settings; never the newest complete one.\n\n"
	"  -n, --dry-run   show what would go, and remove nothing\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"      --json      facts as JSON (schema 1)\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

struct cleaning {
	struct settings settings;
	bool dry_run;
	struct json_object *list; /* NULL: print lines */
	bool failed;
};

/* Marks what is too many, too large, or in the way of the room that is to stay free. */
static void mark(struct store *s, int fd, const struct settings *settings)
{
	uint64_t room = UINT64_MAX;
	struct statvfs fs;

	store_retire(s, "", settings->store.keep, settings->store.max_use);
	if (fstatvfs(fd, &fs) == 0 &&
	    !mul_overflows((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room))
		store_make_room(s, "", room, settings->store.keep_free);
}

static void tell(const struct cleaning *c, const char *place, const struct store_entry *entry,
		 const char *failure)
{
	char size[FORMAT_SIZE_MAX], path[2 * PATH_MAX];
	struct json_object *o;

	(void)snprintf(path, sizeof(path), "%s/%s", place, entry->name);
	if (!c->list) {
		printf("%s %s (%s, %s)%s%s\n", c->dry_run ? "would remove" : "removed", path,
		       store_state_name(entry->state), format_size(entry->used, size),
		       failure ? ": " : "", failure ? failure : "");
		return;
	}
	o = json_object_checked();
	json_text(o, "path", path);
	json_text(o, "state", store_state_name(entry->state));
	json_number(o, "bytes", entry->used);
	json_text(o, "error", failure);
	json_append(c->list, o);
}

static int clean_machine(struct cleaning *c, const char *place, int fd, const char *machine,
			 struct ukd_error *e)
{
	_free_ struct store *s = malloc(sizeof(*s));

	if (!s)
		return ukd_oom(e);
	if (store_scan(fd, machine, s, e) < 0)
		return ukd_prefix(e, "%s", place);
	mark(s, fd, &c->settings);
	for (unsigned int i = 0; i < s->n; i++) {
		struct ukd_error why;
		bool bad;

		if (!s->v[i].remove)
			continue;
		bad = !c->dry_run && store_remove(fd, s->v[i].name, &why) < 0;
		c->failed |= bad;
		if (bad)
			fprintf(stderr, "ukdumpctl: %s: %s\n", place, why.text);
		if (!bad || c->list)
			tell(c, place, &s->v[i], bad ? why.text : NULL);
	}
	return 0;
}

/* By each of the names that this machine's captures may have used. */
static int clean_place(struct cleaning *c, const struct root *root, const char *place,
		       struct ukd_error *e)
{
	_close_ int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char machine[MACHINE_MAX];
	int r = 0;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", place);
	if (machine_from_host(root, machine))
		r = clean_machine(c, place, fd, machine, e);
	if (r >= 0 && machine_from_firmware(root, machine))
		r = clean_machine(c, place, fd, machine, e);
	return r;
}

static int clean(struct cleaning *c, const struct root *root, struct ukd_error *e)
{
	_strings_ struct strings places = {0};
	int r = settings_load(root, NULL, &c->settings, e);

	if (r >= 0)
		r = records_own_places(root, &places, e);
	for (unsigned int i = 0; r >= 0 && i < places.n; i++)
		r = clean_place(c, root, places.v[i], e);
	return r;
}

static int finish(struct cleaning *c, int r, const struct ukd_error *e)
{
	settings_free(&c->settings);
	if (c->list) {
		struct json_object *all = json_object_checked();

		json_number(all, "schema", 1);
		json_flag(all, "dry_run", c->dry_run);
		json_add(all, "removed", c->list);
		json_print(all);
	}
	if (r < 0)
		return verb_failed(e);
	return c->failed ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	_root_ struct root root = ROOT_NONE;
	struct cleaning c = {0};
	const char *dir = NULL;
	struct ukd_error e;
	bool json = false;
	int o, r;

	while ((o = getopt_long(argc, argv, "hn", table, NULL)) >= 0) {
		if (o == 'h')
			return verb_help(&verb_clean);
		if (o == '?')
			return verb_misuse(&verb_clean, NULL);
		if (o == 'r')
			dir = optarg;
		c.dry_run |= o == 'n';
		json |= o == 'j';
	}
	if (optind < argc)
		return verb_too_many(&verb_clean, argv[optind]);
	if (json)
		c.list = json_array_checked();
	r = root_open(dir, &root, &e);
	if (r >= 0)
		r = clean(&c, &root, &e);
	return finish(&c, r, &e);
}

const struct verb verb_clean = {
	.name = "clean",
	.summary = "remove old dumps, by Keep=, MaxUse= and KeepFree=",
	.run = run,
	.usage = usage,
};
