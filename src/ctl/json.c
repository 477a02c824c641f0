// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON in and out: see json.h. */
#include "ctl/json.h"

#include <json-c/json_visit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/parse.h"

static void *checked(void *p)
{
	if (!p) {
		fprintf(stderr, "ukdumpctl: out of memory\n");
		exit(EXIT_FAILED);
	}
	return p;
}

struct json_object *json_object_checked(void)
{
	return checked(json_object_new_object());
}

struct json_object *json_array_checked(void)
{
	return checked(json_object_new_array());
}

/*
 * json-c escapes what is below a blank. DEL and U+0080 to U+009F drive terminals, too; they can
 * only be inside of strings.
 */
static void print_text(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\x7f\xc2");
		unsigned char c;

		(void)fwrite(s, 1, n, stdout);
		s += n;
		if (!*s)
			break;
		c = *s == 0x7f ? 0x7f : (unsigned char)s[1];
		if (c == 0x7f || (c >= 0x80 && c < 0xa0))
			printf("\\u%04x", c);
		else
			printf("\xc2%c", c);
		s += *s == 0x7f ? 1 : 2;
	}
	printf("\n");
}

void json_print(struct json_object *o)
{
	/* NOSLASHESCAPE: paths stay as they are; readers of the bytes rely on it */
	print_text(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void json_print_line(struct json_object *o)
{
	print_text(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
}

void json_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_object_object_add(o, key, value) < 0)
		(void)checked(NULL);
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (!value || json_object_array_add(array, value) < 0)
		(void)checked(NULL);
}

/* As RFC 8259 has it. */
static bool is_json_number(const char *s)
{
	static const char digits[] = "0123456789";
	size_t n;

	s += *s == '-';
	n = strspn(s, digits);
	if (!n || (n > 1 && *s == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, digits);
		if (!n)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		n = strspn(s, digits);
		if (!n)
			return false;
		s += n;
	}
	return !*s;
}

static int check_number(json_object *v, int flags, json_object *parent _unused_,
			const char *key _unused_, size_t *index _unused_, void *ctx _unused_)
{
	if (flags == JSON_C_VISIT_SECOND || !json_object_is_type(v, json_type_double) ||
	    is_json_number(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)))
		return JSON_C_VISIT_RETURN_CONTINUE;
	return JSON_C_VISIT_RETURN_ERROR;
}

struct json_object *json_parse_object(struct buffer *text)
{
	struct json_tokener *t = checked(json_tokener_new());
	_json_ struct json_object *o = NULL;
	bool good;

	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	text_utf8((char *)text->data);
	/* With its NUL: else a number at the end would not be known to be over. */
	o = json_tokener_parse_ex(t, (const char *)text->data, (int)text->len + 1);
	good = json_tokener_get_error(t) == json_tokener_success &&
	       json_object_is_type(o, json_type_object);
	json_tokener_free(t);
	if (!good || json_c_visit(o, 0, check_number, NULL) < 0)
		return NULL;
	return take_ptr(&o);
}

struct json_object *json_string(const char *value)
{
	_free_ char *copy = checked(strdup(value));

	text_utf8(copy);
	return checked(json_object_new_string(copy));
}

struct json_object *json_strings(const struct strings *list)
{
	struct json_object *a = json_array_checked();

	for (unsigned int i = 0; i < list->n; i++)
		json_append(a, json_string(list->v[i]));
	return a;
}

void json_text(struct json_object *o, const char *key, const char *value)
{
	json_add(o, key, value ? json_string(value) : NULL);
}

void json_text_or_null(struct json_object *o, const char *key, const char *value)
{
	json_text(o, key, value[0] ? value : NULL);
}

void json_number(struct json_object *o, const char *key, uint64_t value)
{
	json_add(o, key, checked(json_object_new_uint64(value)));
}

void json_flag(struct json_object *o, const char *key, bool value)
{
	json_add(o, key, checked(json_object_new_boolean(value)));
}

void json_hex(struct json_object *o, const char *key, const uint8_t *p, size_t len)
{
	_free_ char *hex = checked(malloc(2 * len + 1));

	format_hex((struct bytes){p, len}, hex);
	json_text(o, key, hex);
}

struct json_object *json_member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, type) ? v : NULL;
}

const char *json_member_text(struct json_object *o, const char *key)
{
	struct json_object *v = json_member(o, key, json_type_string);

	return v ? json_object_get_string(v) : "";
}
