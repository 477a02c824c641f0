// SPDX-License-Identifier: GPL-2.0-or-later
/* The value types of settings: see conf.h. A message names the value seen and what is allowed. */
#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

static int bad_value(struct ukd_error *e, const struct conf_value *v, const char *allowed)
{
	return ukd_refuse(e, "conf.value", "%s: '%.*s' is not allowed; allowed: %s", v->key,
			  CONF_VALUE_SHOW, v->text, allowed);
}

/* The same for one word of a list. */
static int bad_item(struct ukd_error *e, const char *key, const char *item, const char *allowed)
{
	struct conf_value v = {.key = key, .text = item};

	return bad_value(e, &v, allowed);
}

int strings_add(struct strings *list, const char *s)
{
	char *copy = strdup(s);
	char **v = copy ? reallocarray(list->v, list->n + 2u, sizeof(*v)) : NULL;

	if (!v) {
		free(copy);
		return -ENOMEM;
	}
	list->v = v;
	list->v[list->n++] = copy;
	list->v[list->n] = NULL;
	return 0;
}

void strings_free(struct strings *list)
{
	for (unsigned int i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct strings){0};
}

static int parse_string(const struct conf_value *v, const void *arg, void *field,
			struct ukd_error *e)
{
	const struct conf_check *check = arg;
	const char *allowed = check && *v->text ? check->why(v->text) : NULL;
	char **s = field, *copy = NULL;

	if (allowed)
		return bad_value(e, v, allowed);
	if (*v->text) {
		copy = strdup(v->text);
		if (!copy)
			return ukd_oom(e);
	}
	free(*s);
	*s = copy;
	return 0;
}

static void print_string(const char *key, const void *arg _unused_, const void *field, FILE *out)
{
	const char *const *s = field;

	if (*s)
		(void)fprintf(out, "%s=%s\n", key, *s);
}

const struct conf_type conf_string = {parse_string, print_string};

/* Appends the items of v->text to list: each blank-separated word, or the whole text as one. */
static int split(const struct conf_value *v, const struct conf_check *check, bool words,
		 struct strings *list, struct ukd_error *e)
{
	_free_ char *copy = strdup(v->text);
	char *rest = copy, *item;

	if (!copy)
		return ukd_oom(e);
	while ((item = words ? strsep(&rest, " \t") : rest)) {
		const char *allowed = *item && check ? check->why(item) : NULL;

		/* It may come to stand at the end of a line, when the list is written down. */
		if (!allowed && *item && item[strlen(item) - 1] == '\\')
			allowed = "words that do not end in '\\'";
		if (allowed)
			return bad_item(e, v->key, item, allowed);
		if (*item && strings_add(list, item) < 0)
			return ukd_oom(e);
		if (!words)
			break;
	}
	return 0;
}

/* The first assignment in a file and an empty one start anew, others append. */
static int parse_list(const struct conf_value *v, const struct conf_check *check, bool words,
		      struct strings *field, struct ukd_error *e)
{
	_strings_ struct strings list = {0};
	int r;

	if (!v->first && *v->text)
		for (unsigned int i = 0; i < field->n; i++)
			if (strings_add(&list, field->v[i]) < 0)
				return ukd_oom(e);
	r = split(v, check, words, &list, e);
	if (r < 0)
		return r;
	strings_free(field);
	*field = list;
	list = (struct strings){0};
	return 0;
}

static int parse_words(const struct conf_value *v, const void *arg, void *field,
		       struct ukd_error *e)
{
	return parse_list(v, arg, true, field, e);
}

static int parse_lines(const struct conf_value *v, const void *arg, void *field,
		       struct ukd_error *e)
{
	return parse_list(v, arg, false, field, e);
}

static void print_list(const char *key, const void *arg _unused_, const void *field, FILE *out)
{
	const struct strings *list = field;

	if (!list->n) /* says so, because the default may be a list that is not empty */
		(void)fprintf(out, "%s=\n", key);
	for (unsigned int i = 0; i < list->n; i++)
		(void)fprintf(out, "%s=%s\n", key, list->v[i]);
}

const struct conf_type conf_words = {parse_words, print_list};
const struct conf_type conf_lines = {parse_lines, print_list};

static int parse_yes_no(const struct conf_value *v, const void *arg _unused_, void *field,
			struct ukd_error *e)
{
	if (!parse_bool(v->text, field))
		return bad_value(e, v, "yes, no, true, false, on, off, 1, 0");
	return 0;
}

static void print_bool(const char *key, const void *arg _unused_, const void *field, FILE *out)
{
	(void)fprintf(out, "%s=%s\n", key, *(const bool *)field ? "yes" : "no");
}

const struct conf_type conf_bool = {parse_yes_no, print_bool};

static int parse_enum(const struct conf_value *v, const void *arg, void *field, struct ukd_error *e)
{
	const struct conf_names *names = arg;
	char allowed[160] = "";

	for (unsigned int i = 0; i < names->n; i++) {
		size_t used = strlen(allowed);

		if (!strcmp(v->text, names->v[i])) {
			*(unsigned int *)field = i;
			return 0;
		}
		(void)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i ? ", " : "",
			       names->v[i]);
	}
	return bad_value(e, v, allowed);
}

static void print_enum(const char *key, const void *arg, const void *field, FILE *out)
{
	const struct conf_names *names = arg;

	(void)fprintf(out, "%s=%s\n", key, names->v[*(const unsigned int *)field]);
}

const struct conf_type conf_enum = {parse_enum, print_enum};

/* A number by convert, or the range's word for 0. what: "a number", for the message. */
static int parse_range(const struct conf_value *v, const struct conf_range *range,
		       bool (*convert)(const char *, uint64_t *), const char *what, uint64_t *ret,
		       struct ukd_error *e)
{
	char allowed[160];
	uint64_t n;

	if (range->zero && !strcmp(v->text, range->zero)) {
		*ret = 0;
		return 0;
	}
	if (convert(v->text, &n) && n >= range->min && n <= range->max) {
		*ret = n;
		return 0;
	}
	(void)snprintf(allowed, sizeof(allowed), "%s%s%s", range->zero ? range->zero : "",
		       range->zero ? " or " : "", what);
	if (range->min || range->max < UINT64_MAX)
		(void)snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed),
			       " from %" PRIu64 " to %" PRIu64, range->min, range->max);
	return bad_value(e, v, allowed);
}

static int parse_uint(const struct conf_value *v, const void *arg, void *field, struct ukd_error *e)
{
	uint64_t n;
	int r = parse_range(v, arg, parse_u64, "a number", &n, e);

	if (r < 0)
		return r;
	*(unsigned int *)field = (unsigned int)n; /* every range's max fits */
	return 0;
}

static void print_uint(const char *key, const void *arg _unused_, const void *field, FILE *out)
{
	(void)fprintf(out, "%s=%u\n", key, *(const unsigned int *)field);
}

const struct conf_type conf_uint = {parse_uint, print_uint};

static int parse_bytes(const struct conf_value *v, const void *arg, void *field,
		       struct ukd_error *e)
{
	return parse_range(v, arg, parse_size, "a size such as 4096, 64M or 2G", field, e);
}

static void print_u64(const char *key, const void *arg _unused_, const void *field, FILE *out)
{
	(void)fprintf(out, "%s=%" PRIu64 "\n", key, *(const uint64_t *)field);
}

const struct conf_type conf_size = {parse_bytes, print_u64};

/* Seconds that the unit at *s stands for, and *s behind it; 0 if there is no such unit. */
static uint64_t take_unit(const char **s)
{
	static const struct {
		char name[4];
		uint64_t seconds;
	} units[] = {{"s", 1}, {"sec", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	size_t n = strcspn(*s, " \t0123456789");

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) == n && !strncmp(*s, units[i].name, n)) {
			*s += n;
			return units[i].seconds;
		}
	}
	return 0;
}

bool conf_parse_time(const char *s, uint64_t *ret)
{
	uint64_t total = 0, n;

	if (parse_u64(s, ret)) /* a bare number is seconds */
		return true;
	do {
		char digits[24];
		size_t len = strspn(s, "0123456789");
		uint64_t unit;

		if (!len || len >= sizeof(digits))
			return false;
		memcpy(digits, s, len);
		digits[len] = 0;
		s += len + strspn(s + len, " \t");
		unit = take_unit(&s);
		if (!unit || !parse_u64(digits, &n) || mul_overflows(n, unit, &n) ||
		    add_overflows(total, n, &total))
			return false;
		s += strspn(s, " \t");
	} while (*s);
	*ret = total;
	return true;
}

static int parse_time(const struct conf_value *v, const void *arg, void *field, struct ukd_error *e)
{
	return parse_range(v, arg, conf_parse_time,
			   "a time such as 600, 10min or 1h 30min, in seconds", field, e);
}

/* 0 is below the range, so that it has to be read back as the word. */
static void print_time(const char *key, const void *arg, const void *field, FILE *out)
{
	const struct conf_range *range = arg;

	if (range->zero && !*(const uint64_t *)field)
		(void)fprintf(out, "%s=%s\n", key, range->zero);
	else
		print_u64(key, arg, field, out);
}

const struct conf_type conf_time = {parse_time, print_time};
