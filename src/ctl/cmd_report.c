// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl report: what a capture that reached no target has left in an EFI variable. Anybody who
 * can write EFI variables may have written it: bounded, JSON, nothing of it drives a terminal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/efivarfs.h"

#define DEPTH_MAX 4 /* object, list, target, and one to spare */

static const char usage[] =
	"Usage: ukdumpctl report [OPTION]...\n\n"
	"Print what a capture has left in an EFI variable because no target took its\n"
	"record, and remove the variable.\n\n"
	"      --keep                do not remove it\n"
	"      --root DIR            of the system in DIR instead of the running one\n"
	"      --json                as JSON: {\"schema\": 1, \"result\": ...} (null: none)\n"
	"  -h, --help                this text\n\n"
	"Exit: 0 done, also if there is none, 1 failed, 2 usage.\n";

static void put_json(struct json_object **o)
{
	(void)json_object_put(*o);
}

/* One JSON object and nothing behind it; NULL if it is anything else. */
static struct json_object *parse(const struct buffer *text)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;
	bool good;

	if (!t)
		return NULL;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL: else a number at the end would not be known to be over. */
	o = json_tokener_parse_ex(t, (const char *)text->data, (int)text->len + 1);
	good = json_tokener_get_error(t) == json_tokener_success &&
	       json_object_is_type(o, json_type_object);
	json_tokener_free(t);
	if (good)
		return o;
	(void)json_object_put(o);
	return NULL;
}

/* A member that is a string, fit for a terminal, in *ret; "" if there is none. */
static const char *member(struct json_object *o, const char *key, char ret[RESULT_MAX])
{
	struct json_object *v;

	ret[0] = 0;
	if (json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string))
		(void)snprintf(ret, RESULT_MAX, "%s", json_object_get_string(v));
	return text_clean(ret);
}

static void print_line(struct json_object *o, const char *key, const char *name)
{
	char text[RESULT_MAX];

	if (member(o, key, text)[0])
		printf("%-10s%s\n", name, text);
}

/* "NAME: RESULT, REASON" */
static void print_outcome(struct json_object *o, const char *label, const char *key)
{
	char name[RESULT_MAX], result[RESULT_MAX], reason[RESULT_MAX];

	printf("%-10s%s: %s", label, member(o, key, name), member(o, "result", result));
	printf("%s%s\n", member(o, "reason", reason)[0] ? ", " : "", reason);
}

static void print_text(struct json_object *o)
{
	struct json_object *v;

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
	if (json_object_object_get_ex(o, "targets", &v) && json_object_is_type(v, json_type_array))
		for (size_t i = 0; i < json_object_array_length(v); i++)
			print_outcome(json_object_array_get_idx(v, i), "target", "uri");
	if (json_object_object_get_ex(o, "last_stage", &v))
		print_outcome(v, "stage", "name");
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

static int report(const char *dir, bool json, bool keep, struct ukd_error *e)
{
	_cleanup_(put_json) struct json_object *o = NULL;
	_root_ struct root root = ROOT_NONE;
	_buffer_ struct buffer text = {0};
	int r = root_open(dir, &root, e);

	if (r >= 0)
		r = efivarfs_read(&root, RESULT_VARIABLE, RESULT_MAX, &text, e);
	if (r < 0 && r != -ENOENT && r != -EFBIG && r != -EBADMSG)
		return r;
	if (r >= 0)
		o = parse(&text);
	if (r == -ENOENT || o)
		print_result(o, json);
	/* What cannot be read is no more use at the next boot. */
	if (r != -ENOENT && !keep && efivarfs_remove(&root, RESULT_VARIABLE, e) < 0)
		return e->code;
	if (r == -ENOENT || o)
		return 0;
	return ukd_refuse(e, "report.json", "the EFI variable %s is no result of a capture%s",
			  RESULT_VARIABLE, keep ? "" : "; it was removed");
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"keep", no_argument, NULL, 'k'},
		{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false, keep = false;
	const char *dir = NULL;
	struct ukd_error e;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_report);
		if (c == 'r')
			dir = optarg;
		else if (c == 'k')
			keep = true;
		else if (c == 'j')
			json = true;
		else
			return verb_misuse(&verb_report, NULL);
	}
	if (optind < argc)
		return verb_misuse(&verb_report, "report: '%s' is one argument too many",
				   argv[optind]);
	return report(dir, json, keep, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_report = {
	.name = "report",
	.summary = "what a capture without a target has left",
	.run = run,
	.usage = usage,
};
