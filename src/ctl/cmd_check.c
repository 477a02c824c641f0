// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl check: every precondition of a dump, and what mends those that fail. */
#include <stdio.h>

#include "ctl/status/status.h"

static const char usage[] =
	"Usage: ukdumpctl check [--json]\n\n"
	"Check every precondition of a dump: kernels, crash memory, image, signature,\n"
	"keys, tools, targets (for 4 seconds), parameters, units, the last crash.\n"
	"One line each: verdict, name, what was seen, what is needed, what mends it.\n\n"
	"      --json  the findings as JSON (schema 1)\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 nothing failed, 1 something failed, 2 usage. Warnings and what is\n"
	"unknown do not count.\n";

static void print_json(const struct status *s)
{
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_flag(o, "ok", !findings_count(&s->findings, VERDICT_FAILED));
	json_add(o, "findings", findings_json(&s->findings));
	json_print(o);
}

static void print_text(const struct status *s)
{
	static const enum verdict order[] = {VERDICT_OK, VERDICT_WARNING, VERDICT_FAILED,
					     VERDICT_UNKNOWN};

	findings_print(&s->findings, true);
	printf("\n");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		printf("%s%u %s", i ? ", " : "", findings_count(&s->findings, order[i]),
		       verdict_name(order[i]));
	printf("\n");
}

static int run(int argc, char **argv)
{
	_status_ struct status s = {0};
	_root_ struct root root = ROOT_NONE;
	struct ukd_error e = {0};
	bool json = false;
	int r = verb_parse_simple(&verb_check, argc, argv, &json);

	if (r >= 0)
		return r;
	if (root_open(NULL, &root, &e) < 0)
		return verb_failed(&e);
	status_collect(&root, &s);
	if (json)
		print_json(&s);
	else
		print_text(&s);
	return findings_count(&s.findings, VERDICT_FAILED) ? EXIT_FAILED : EXIT_DONE;
}

const struct verb verb_check = {
	.name = "check",
	.summary = "every precondition, and what mends those that fail",
	.run = run,
	.usage = usage,
};
