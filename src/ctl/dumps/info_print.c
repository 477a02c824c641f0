// SPDX-License-Identifier: GPL-2.0-or-later
/* How `ukdumpctl info` shows a dump, as text and as JSON. Only what text_clean() has seen. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/dumps/info.h"
#include "ctl/dumps/triage_object.h"
#include "util/cleanup.h"
#include "util/parse.h"

static uint64_t count_lines(const struct buffer *log)
{
	uint64_t n = 0;

	for (size_t i = 0; i < log->len; i++)
		n += log->data[i] == '\n';
	return n;
}

/* Calls put() for each of the log's last lines, cleaned. */
static void for_tail(const struct info *i, uint64_t n, void (*put)(void *ctx, const char *line),
		     void *ctx)
{
	_free_ char *copy = i->log_source ? strdup(text_tail(buffer_bytes(&i->log), n)) : NULL;
	char *rest = copy, *line;

	while (rest && *rest && (line = strsep(&rest, "\n")))
		put(ctx, text_clean(line));
}

void info_row(const char *key, const char *fmt, ...)
{
	va_list ap;

	printf("%-12s", key);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void print_time(uint64_t t)
{
	char text[64] = "unknown";
	time_t seconds = (time_t)t;
	struct tm tm;

	if (t && t < (uint64_t)1 << 40 && gmtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	info_row("crashed at", "%s", text);
}

static const char *format_name(const struct dump_facts *f)
{
	return f->format == DUMP_KDUMP ? "kdump-compressed" : "elf";
}

/* The recipients that the manifest names, cleaned; NULL if there are none. The caller frees it. */
static char *recipients(const struct info *i)
{
	struct json_object *list = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (!i->manifest || !json_object_object_get_ex(i->manifest, "encrypted_to", &list) ||
	    !json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		return NULL;
	out = open_memstream(&text, &size);
	for (size_t k = 0; out && k < json_object_array_length(list); k++) {
		const char *one = json_object_get_string(json_object_array_get_idx(list, k));

		(void)fprintf(out, "%s%s", k ? ", " : "", one ? one : "?");
	}
	if (out && fclose(out) == 0)
		return text_clean(text);
	free(text);
	return NULL;
}

/* The file as it lies there. */
static void print_file(const struct info *i)
{
	_free_ char *to = i->encrypted ? recipients(i) : NULL;
	char size[FORMAT_SIZE_MAX];

	if (i->fd < 0 || i->dump_error.code)
		return;
	info_row("size", "%s", format_size(i->file_size, size));
	if (i->encrypted)
		info_row("encrypted", "to %s%s", to ? to : "recipients that age does not tell",
			 i->dump ? "" : "; open it with --identity FILE");
	if (i->encrypted && !i->dump)
		info_row("", "without that only its checksum can be compared (--checksum)");
}

static void print_facts(const struct info *i, const struct dump_facts *f)
{
	char level[32] = "", present[FORMAT_SIZE_MAX];

	if (f->dump_level >= 0)
		(void)snprintf(level, sizeof(level), ", dump level %d", f->dump_level);
	info_row("format", "%s%s%s", format_name(f), f->flattened ? ", flattened" : "", level);
	if (f->incomplete)
		info_row("incomplete", "%s", f->incomplete);
	info_row("kernel", "%s %s", f->release[0] ? f->release : "unknown", f->machine);
	print_time(f->crash_time);
	info_print_triage(&i->triage);
	info_print_stack(i);
	info_row("cpus", "%" PRIu32, f->cpus);
	info_row("memory", "%s", format_size(f->pages_total * f->page_size, present));
	info_row("pages", "%" PRIu64 " of %" PRIu64 " present (%s), %" PRIu64 " excluded",
		 f->pages_present, f->pages_total,
		 format_size(f->pages_present * f->page_size, present),
		 f->pages_total > f->pages_present ? f->pages_total - f->pages_present : 0);
}

/* What is known of a crash without a vmcore. */
static void print_log_only(const struct info *i)
{
	_free_ char *kernel = info_manifest_text(i, "kernel");
	_free_ char *crash_time = info_manifest_text(i, "crash_time");

	info_row("kernel", "%s", kernel ? kernel : "unknown");
	info_row("crashed at", "%s", crash_time ? crash_time : "unknown");
	info_print_triage(&i->triage);
}

static void print_manifest(const struct info *i)
{
	_free_ char *state = info_manifest_text(i, "state"),
		    *sha256 = info_manifest_text(i, "sha256");
	_free_ char *checked = info_manifest_text(i, "checked");

	if (!i->manifest) {
		info_row("state", "unknown: %s", i->manifest_error.text);
		return;
	}
	info_row("state", "%s", state ? state : "unknown");
	info_row("checked", "%s", checked ? checked : "no");
	if (sha256)
		info_row("sha256", "%s (%s)", sha256, info_hash_verdict(i, sha256));
}

static void print_line(void *ctx _unused_, const char *line)
{
	printf("  %s\n", line);
}

static void print_log(const struct info *i, const struct info_options *o)
{
	if (i->log_error.code)
		info_row("kernel log", "not read from the dump: %s", i->log_error.text);
	if (!i->log_source)
		return;
	info_row("kernel log", "%" PRIu64 " lines in %s%s", count_lines(&i->log), i->log_source,
		 o->lines ? ", the last ones:" : "");
	if (i->log_lost)
		info_row("", "%" PRIu64 " records are not in the dump", i->log_lost);
	for_tail(i, o->lines, print_line, NULL);
}

void info_print_text(const struct info *i, const struct info_options *o)
{
	_free_ char *path = strdup(i->path);

	if (i->dump_error.code)
		info_row("dump", "not readable: %s", i->dump_error.text);
	else
		info_row("dump", "%s",
			 i->fd < 0 ? "none, only the kernel log was saved" :
			 path	   ? text_clean(path) :
				     "?");
	print_file(i);
	if (i->is_directory)
		print_manifest(i);
	if (i->dump)
		print_facts(i, dump_facts(i->dump));
	else
		print_log_only(i);
	if (o->full && i->dump)
		info_row("pages read", "%" PRIu64 ", %" PRIu64 " errors", i->walk.read,
			 i->walk.errors);
	if (o->pattern_len && i->found)
		info_row("found", "in %" PRIu64 " pages, first at physical 0x%" PRIx64, i->found,
			 i->found_at);
	print_log(i, o);
}

static void add_facts(struct json_object *o, const struct dump_facts *f)
{
	struct json_object *pages = json_object_checked();

	json_text(o, "format", format_name(f));
	json_flag(o, "flattened", f->flattened);
	json_text(o, "incomplete", f->incomplete);
	json_text_or_null(o, "kernel", f->release);
	json_text_or_null(o, "machine", f->machine);
	if (f->crash_time)
		json_number(o, "crash_time", f->crash_time);
	else
		json_text(o, "crash_time", NULL);
	json_number(o, "cpus", f->cpus);
	json_number(o, "page_size", f->page_size);
	json_number(o, "memory", f->pages_total * f->page_size);
	if (f->dump_level >= 0)
		json_number(o, "dump_level", (uint64_t)f->dump_level);
	else
		json_text(o, "dump_level", NULL);
	json_number(pages, "total", f->pages_total);
	json_number(pages, "present", f->pages_present);
	json_number(pages, "excluded",
		    f->pages_total > f->pages_present ? f->pages_total - f->pages_present : 0);
	json_add(o, "pages", pages);
}

static struct json_object *clean_array(struct json_object *list)
{
	struct json_object *out = json_array_checked();

	for (size_t k = 0; k < json_object_array_length(list); k++) {
		const char *one = json_object_get_string(json_object_array_get_idx(list, k));
		_free_ char *copy = strdup(one ? one : "");

		if (copy)
			json_append(out, json_string(text_clean(copy)));
	}
	return out;
}

/* What the last target that had one gives as its reason; NULL if there is none. */
static char *failure_reason(const struct info *i)
{
	struct json_object *list = json_member(i->manifest, "targets", json_type_array), *reason;
	const char *text = NULL;
	char *copy;

	for (size_t k = 0; list && k < json_object_array_length(list); k++) {
		reason =
			json_member(json_object_array_get_idx(list, k), "reason", json_type_string);
		if (reason)
			text = json_object_get_string(reason);
	}
	copy = text ? strdup(text) : NULL;
	return copy ? text_clean(copy) : NULL;
}

static void add_manifest(struct json_object *o, const struct info *i)
{
	_free_ char *state = info_manifest_text(i, "state"),
		    *sha256 = info_manifest_text(i, "sha256");
	_free_ char *checked = info_manifest_text(i, "checked"),
		    *kernel = info_manifest_text(i, "kernel"), *reason = failure_reason(i);
	struct json_object *m = json_object_checked(),
			   *bytes = json_member(i->manifest, "bytes", json_type_int),
			   *list = json_member(i->manifest, "encrypted_to", json_type_array);

	json_text(m, "state", state);
	json_text(m, "kernel", kernel);
	json_text(m, "reason", reason);
	if (bytes)
		json_number(m, "bytes", json_object_get_uint64(bytes));
	json_text(m, "checked", checked);
	json_text(m, "sha256", sha256);
	if (list)
		json_add(m, "encrypted_to", clean_array(list));
	json_add(o, "manifest", m);
}

static void append_line(void *ctx, const char *line)
{
	struct json_object *s = json_object_new_string(line);

	if (s)
		json_append(ctx, s);
}

static void add_log(struct json_object *o, const struct info *i, uint64_t lines)
{
	struct json_object *log = json_object_checked(), *last = json_array_checked();

	json_text(log, "source", i->log_source);
	json_text(log, "error", i->log_error.code ? i->log_error.text : NULL);
	json_number(log, "lines", count_lines(&i->log));
	json_number(log, "lost", i->log_lost);
	for_tail(i, lines, append_line, last);
	json_add(log, "last", last);
	json_add(o, "log", log);
}

/* What --full or --checksum found. */
static void add_checksum(struct json_object *o, const struct info *i)
{
	_free_ char *expected = info_manifest_text(i, "sha256");

	json_text(o, "sha256", i->sha256);
	if (expected)
		json_flag(o, "sha256_matches", !strcmp(expected, i->sha256));
}

static void add_full(struct json_object *o, const struct info *i)
{
	struct json_object *full = json_object_checked();

	if (i->dump) {
		json_number(full, "pages_read", i->walk.read);
		json_number(full, "errors", i->walk.errors);
		json_text(full, "first_error", i->walk.errors ? i->walk.first_error : NULL);
	}
	add_checksum(full, i);
	json_add(o, "full", full);
}

void info_print_json(const struct info *i, const struct info_options *opt)
{
	bool readable = i->fd >= 0 && !i->dump_error.code;
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_text(o, "dump", readable ? i->path : NULL);
	if (i->dump_error.code)
		json_text(o, "dump_error", i->dump_error.text);
	if (readable)
		json_number(o, "size", i->file_size);
	json_flag(o, "encrypted", i->encrypted);
	if (i->is_directory && i->manifest)
		add_manifest(o, i);
	if (i->dump)
		add_facts(o, dump_facts(i->dump));
	json_text_or_null(o, "panic", i->triage.panic);
	json_add(o, "triage", i->log_source ? triage_object(&i->triage) : NULL);
	json_add(o, "stack", info_stack_object(i));
	if (opt->full && readable)
		add_full(o, i);
	if (opt->checksum && readable) {
		struct json_object *checksum = json_object_checked();

		add_checksum(checksum, i);
		json_add(o, "checksum", checksum);
	}
	if (opt->pattern_len) {
		struct json_object *find = json_object_checked();

		json_number(find, "pages", i->found);
		json_number(find, "first", i->found_at);
		json_add(o, "find", find);
	}
	add_log(o, i, opt->lines);
	json_print(o);
}
