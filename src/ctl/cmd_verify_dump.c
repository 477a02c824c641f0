// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl verify-dump: is each dump what its manifest says? Each is looked at by `ukdumpctl info`
 * in a process of its own, so that a hostile one ends no more than that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/dumps/dump_path.h"
#include "ctl/dumps/dump_verdict.h"
#include "ctl/dumps/result.h"
#include "util/cleanup.h"

static const char usage[] =
	"Usage: ukdumpctl verify-dump [OPTION]... DUMP...\n\n"
	"Compare dumps with their manifests: size, SHA-256, and that they can be read.\n"
	"DUMP is the directory of a crash, or its name as 'list' shows it.\n\n"
	"      --full      read every page, too\n"
	"      --json      facts as JSON (schema 1)\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 all are good, 1 one is not, or has nothing to compare with, 2 usage.\n";

static void print_json(struct json_object *list, const char *dump, const struct dump_verdict *v)
{
	struct json_object *o = json_object_checked();

	json_text(o, "dump", dump);
	json_text(o, "verdict", dump_quality_name(v->quality));
	json_text_or_null(o, "reason", v->reason);
	json_append(list, o);
}

/* Who calls it with DIRECTORY/ and a star passes the names of others. */
static void print_text(const char *dump, const struct dump_verdict *v)
{
	char shown[PATH_MAX];

	(void)snprintf(shown, sizeof(shown), "%s", dump);
	printf("%s: %s%s%s\n", text_clean(shown), dump_quality_name(v->quality),
	       v->reason[0] ? ": " : "", v->reason);
}

/* Returns whether it is good. */
static bool verify_one(const char *dump, bool full, struct json_object *list)
{
	struct dump_verdict v = {.quality = DUMP_IS_BAD};
	char path[PATH_MAX];
	struct ukd_error e;

	if (dump_path(dump, path, &e) < 0)
		(void)snprintf(v.reason, sizeof(v.reason), "%s", e.text);
	else
		dump_verify(path, full, &v);
	if (list)
		print_json(list, dump, &v);
	else
		print_text(dump, &v);
	return v.quality == DUMP_IS_GOOD;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{"full", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool full = false, json = false, good = true;
	struct json_object *list = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_verify_dump);
		if (c == '?')
			return verb_misuse(&verb_verify_dump, NULL);
		full |= c == 'f';
		json |= c == 'j';
	}
	if (optind == argc)
		return verb_misuse(&verb_verify_dump, "verify-dump: which dump?");
	if (json)
		list = json_array_checked();
	for (int i = optind; i < argc; i++)
		good &= verify_one(argv[i], full, list);
	if (json) {
		struct json_object *all = json_object_checked();

		json_number(all, "schema", 1);
		json_add(all, "dumps", list);
		json_print(all);
	}
	return good ? EXIT_DONE : EXIT_FAILED;
}

const struct verb verb_verify_dump = {
	.name = "verify-dump",
	.summary = "compare dumps with their manifests",
	.run = run,
	.usage = usage,
};
