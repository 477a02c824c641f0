// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl report: what a capture that reached no target has left in an EFI variable; --boot: what
 * the crash before this boot has left anywhere (report_boot.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/report/report_boot.h"
#include "ctl/dumps/result.h"
#include "util/cleanup.h"

static const char usage[] =
	"Usage: ukdumpctl report [OPTION]...\n\n"
	"Print what a capture has left in an EFI variable because no target took its\n"
	"record, and remove the variable. With --boot, as ukdump-report.service does:\n"
	"verify the new dumps of this machine, write each crash to the journal (variable\n"
	"included), run /etc/ukdump/notify.d and remember the last crash for 'status'.\n\n"
	"      --boot                report what happened before this boot\n"
	"      --clear               the last crash was looked into: no problem any more\n"
	"      --keep                do not remove the variable\n"
	"      --root DIR            of the system in DIR instead of the running one\n"
	"      --json                as JSON: {\"schema\": 1, \"result\": ...} (null: none);\n"
	"                            with --boot: {\"schema\": 1, \"crashes\": [...]}\n"
	"  -h, --help                this text\n\n"
	"Exit: 0 done, also if there is none, 1 failed, 2 usage.\n";

static void print_line(struct json_object *o, const char *key, const char *name)
{
	char text[RESULT_MAX];

	if (result_member(o, key, text)[0])
		printf("%-10s%s\n", name, text);
}

/* "NAME: RESULT, REASON" */
static void print_outcome(struct json_object *o, const char *label, const char *key)
{
	char name[RESULT_MAX], result[RESULT_MAX], reason[RESULT_MAX];

	printf("%-10s%s: %s", label, result_member(o, key, name),
	       result_member(o, "result", result));
	printf("%s%s\n", result_member(o, "reason", reason)[0] ? ", " : "", reason);
}

static void print_text(struct json_object *o)
{
	struct json_object *list, *stage;

	if (!o) {
		printf("no capture has left a result\n");
		return;
	}
	printf("a crash was captured, and no target took the record of it\n");
	print_line(o, "state", "state");
	print_line(o, "crash_time", "crash");
	print_line(o, "kernel", "kernel");
	print_line(o, "machine", "machine");
	print_line(o, "panic", "panic");
	print_line(o, "reason", "reason");
	list = json_member(o, "targets", json_type_array);
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		print_outcome(json_object_array_get_idx(list, i), "target", "uri");
	if (json_object_object_get_ex(o, "last_stage", &stage))
		print_outcome(stage, "stage", "name");
}

static void print_result(struct json_object *o, bool json)
{
	struct json_object *all;

	if (!json) {
		print_text(o);
		return;
	}
	all = json_object_checked();
	json_number(all, "schema", 1);
	json_add(all, "result", json_object_get(o));
	json_print(all);
}

static int report(const struct root *root, bool json, bool keep, struct ukd_error *e)
{
	_json_ struct json_object *o = NULL;
	_buffer_ struct buffer text = {0};
	int r = efivarfs_read(root, RESULT_VARIABLE, RESULT_MAX, &text, e);

	if (r < 0 && r != -ENOENT && r != -EFBIG && r != -EBADMSG)
		return r;
	if (r >= 0)
		o = result_parse(&text);
	if (r == -ENOENT || o)
		print_result(o, json);
	/* What cannot be read is no more use at the next boot. */
	if (r != -ENOENT && !keep && efivarfs_remove(root, RESULT_VARIABLE, e) < 0)
		return e->code;
	if (r == -ENOENT || o)
		return 0;
	return ukd_refuse(e, "report.json", "the EFI variable %s is no result of a capture%s",
			  RESULT_VARIABLE, keep ? "" : "; it was removed");
}

struct options {
	const char *dir;
	bool json, keep, boot, clear;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"boot", no_argument, NULL, 'b'},
		{"clear", no_argument, NULL, 'c'},
		{"keep", no_argument, NULL, 'k'},
		{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_report);
		if (c == '?')
			return verb_misuse(&verb_report, NULL);
		if (c == 'r')
			o->dir = optarg;
		o->boot |= c == 'b';
		o->clear |= c == 'c';
		o->keep |= c == 'k';
		o->json |= c == 'j';
	}
	if (optind < argc)
		return verb_too_many(&verb_report, argv[optind]);
	if (o->boot + o->clear + o->keep > 1)
		return verb_misuse(&verb_report, "report: one of --boot, --clear and --keep");
	return -1;
}

static int run(int argc, char **argv)
{
	_root_ struct root root = ROOT_NONE;
	struct options o = {0};
	struct ukd_error e;
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	if (root_open(o.dir, &root, &e) < 0)
		return verb_failed(&e);
	if (o.boot)
		return report_boot(&root, o.json);
	if (o.clear)
		return report_clear(&root);
	return report(&root, o.json, o.keep, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_report = {
	.name = "report",
	.summary = "what a crash before this boot has left",
	.run = run,
	.usage = usage,
};
