// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl list: the dumps of this machine, of a shared directory, or below an s3:// prefix. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/dumps/records.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char usage[] =
	"Usage: ukdumpctl list [OPTION]... [PLACE]...\n\n"
	"List dumps, oldest first: time, state, size, kernel, kind of crash, signature,\n"
	"where, and why. PLACE is a directory of crashes, also of many machines, or\n"
	"s3://BUCKET/PREFIX[?endpoint=...]; default: the targets of the settings that are\n"
	"directories here.\n\n"
	"      --records   the record of each dump as one line of JSON\n"
	"      --json      facts as JSON (schema 1)\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, also if there is none, 1 failed, 2 usage.\n";

#define TEXT_MAX 1000 /* bytes */

struct options {
	const char *dir;
	bool records, json;
	bool quiet; /* nobody sees it growing */
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"records", no_argument, NULL, 'R'},
		{"json", no_argument, NULL, 'j'},
		{"root", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_list);
		if (c == '?')
			return verb_misuse(&verb_list, NULL);
		if (c == 'r')
			o->dir = optarg;
		o->records |= c == 'R';
		o->json |= c == 'j';
	}
	if (o->records && o->json)
		return verb_misuse(&verb_list, "list: one of --records and --json");
	return -1;
}

/* What is there counts; in the network only the record tells. */
static const char *state_of(const struct record_entry *entry, struct json_object *record)
{
	return entry->manifest ? json_member_text(record, "state") : store_state_name(entry->state);
}

/* "2026-11-21 18:38:22" from a name, which is known to begin with digits. */
static void print_time(const char *n)
{
	printf("%.4s-%.2s-%.2s %.2s:%.2s:%.2s", n, n + 4, n + 6, n + 9, n + 11, n + 13);
}

static const char *or_dash(const char *s)
{
	return s[0] ? s : "-";
}

/* What a record says, but not at any length. */
static char *shorten(const char *text)
{
	size_t n = strlen(text);

	if (n > TEXT_MAX)
		for (n = TEXT_MAX; n && (text[n] & 0xc0) == 0x80; n--)
			; /* between two characters */
	return strndup(text, n);
}

/* One column, cleaned. */
static void print_cell(int width, const char *text)
{
	_free_ char *copy = shorten(or_dash(text));

	printf("  %-*s", width, copy ? text_clean(copy) : "?");
}

static void print_row(const struct record_entry *entry, struct json_object *record,
		      const char *where)
{
	char size[FORMAT_SIZE_MAX];

	print_time(entry->name);
	print_cell(10, state_of(entry, record));
	printf("  %10s", format_size(entry->size, size));
	print_cell(24, json_member_text(record, "kernel"));
	print_cell(14, record_triage(record, "kind"));
	print_cell(16, record_triage(record, "signature"));
	print_cell(0, where);
	print_cell(0, record_triage(record, "panic"));
	printf("\n");
}

static void add_fact(struct json_object *o, const char *key, const char *value)
{
	_free_ char *copy = shorten(value);

	json_text(o, key, copy && copy[0] ? copy : NULL);
}

static struct json_object *facts(const struct record_entry *entry, struct json_object *record,
				 const char *where)
{
	struct json_object *o = json_object_checked();

	json_text(o, "crash", entry->name);
	add_fact(o, "time", json_member_text(record, "crash_time"));
	add_fact(o, "state", state_of(entry, record));
	json_number(o, "size", entry->size);
	add_fact(o, "machine", json_member_text(record, "machine"));
	add_fact(o, "kernel", json_member_text(record, "kernel"));
	add_fact(o, "kind", record_triage(record, "kind"));
	add_fact(o, "panic", record_triage(record, "panic"));
	add_fact(o, "signature", record_triage(record, "signature"));
	json_text(o, "where", where);
	return o;
}

static int print_each(struct records *r, const struct options *o, struct json_object *list,
		      struct ukd_error *e)
{
	char where[2 * PATH_MAX];

	for (size_t i = 0; i < r->n; i++) {
		_json_ struct json_object *record = NULL;
		const struct record_entry *entry = &r->v[i];
		int code = record_read(r, entry, &record, e);

		if (code < 0)
			return code;
		record_where(r, entry, where, sizeof(where));
		if (o->json)
			json_append(list, facts(entry, record, where));
		else if (o->records)
			json_print_line(record);
		else
			print_row(entry, record, where);
		if (o->quiet)
			show_progress("%zu of %zu records", i, r->n);
	}
	return records_end(r, e);
}

static int print(struct records *r, const struct options *o, struct ukd_error *e)
{
	_json_ struct json_object *list = o->json ? json_array_checked() : NULL;
	struct json_object *all;
	int code;

	if (!o->json && !o->records && r->n)
		printf("%-19s  %-10s  %10s  %-24s  %-14s  %-16s  %s\n", "time (UTC)", "state",
		       "size", "kernel", "kind", "signature", "where, and why");
	code = print_each(r, o, list, e);
	if (r->more)
		fprintf(stderr, "ukdumpctl: only the first %d names of a place were looked at\n",
			STORE_NAMES_MAX);
	if (code < 0 || !o->json)
		return code;
	all = json_object_checked();
	json_number(all, "schema", 1);
	json_add(all, "dumps", take_ptr(&list));
	json_print(all);
	return 0;
}

static int run(int argc, char **argv)
{
	_root_ struct root root = ROOT_NONE;
	_strings_ struct strings places = {0};
	_records_ struct records records = RECORDS_NONE;
	struct options o = {0};
	struct ukd_error e;
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	o.quiet = o.json || !isatty(STDOUT_FILENO);
	show_progress("listing");
	r = root_open(o.dir, &root, &e);
	for (int i = optind; r >= 0 && i < argc; i++)
		if (strings_add(&places, argv[i]) < 0)
			r = ukd_oom(&e);
	if (r >= 0 && optind == argc)
		r = records_own_places(&root, &places, &e);
	if (r >= 0)
		r = records_find(&root, &places, &records, &e);
	if (r >= 0)
		r = print(&records, &o, &e);
	return r < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_list = {
	.name = "list",
	.summary = "the dumps of this machine, or of a store of many",
	.run = run,
	.usage = usage,
};
