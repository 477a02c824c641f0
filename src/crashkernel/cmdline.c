// SPDX-License-Identifier: GPL-2.0-or-later
/* crashkernel= on a kernel command line: see cmdline.h. */
#include "crashkernel/cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define NAME   "crashkernel="
#define BLANKS " \t\n"

/* [start, start + len) of a word; len 0: there is none left. */
struct word {
	const char *start;
	size_t len;
};

/*
 * A quote that is never closed quotes nothing: the kernel would take all that follows for one word,
 * but finds crashkernel= in there all the same, since it searches the text.
 */
static struct word next_word(const char *s)
{
	struct word w = {.start = s + strspn(s, BLANKS)};
	bool quoted = false;

	for (; w.start[w.len] && (quoted || !strchr(BLANKS, w.start[w.len])); w.len++)
		if (w.start[w.len] == '"')
			quoted = !quoted && strchr(w.start + w.len + 1, '"');
	return w;
}

/* A quote in front does not hide the name. */
static bool is_crashkernel(struct word w)
{
	size_t quote = w.len && w.start[0] == '"';

	return w.len - quote >= strlen(NAME) && !strncmp(w.start + quote, NAME, strlen(NAME));
}

static bool is_separator(struct word w)
{
	return w.len == 2 && !strncmp(w.start, "--", 2);
}

/* The value of a crashkernel= word, without quotes; false if it is too long. */
static bool word_value(struct word w, char ret[CRASHKERNEL_MAX])
{
	size_t quote = w.start[0] == '"', from = quote + strlen(NAME), len = w.len - from;

	if (len && w.start[w.len - 1] == '"')
		len--;
	if (len >= CRASHKERNEL_MAX)
		return false;
	(void)snprintf(ret, CRASHKERNEL_MAX, "%.*s", (int)len, w.start + from);
	return true;
}

static enum crashkernel_kind kind_of(const char *value)
{
	static const char *const suffixes[] = {
		[CRASHKERNEL_HIGH] = ",high",
		[CRASHKERNEL_LOW] = ",low",
		[CRASHKERNEL_CMA] = ",cma",
	};
	size_t len = strlen(value);

	for (unsigned int k = CRASHKERNEL_HIGH; k < ARRAY_SIZE(suffixes); k++) {
		size_t n = strlen(suffixes[k]);

		if (len > n && !strcmp(value + len - n, suffixes[k]))
			return (enum crashkernel_kind)k;
	}
	return CRASHKERNEL_PLAIN;
}

void crashkernel_find(const char *cmdline, struct crashkernel *ret)
{
	char value[CRASHKERNEL_MAX];

	*ret = (struct crashkernel){0};
	for (struct word w = next_word(cmdline); w.len; w = next_word(w.start + w.len))
		if (is_crashkernel(w) && word_value(w, value))
			(void)snprintf(ret->value[kind_of(value)], CRASHKERNEL_MAX, "%s", value);
	if (ret->value[CRASHKERNEL_PLAIN][0]) {
		ret->value[CRASHKERNEL_HIGH][0] = 0;
		ret->value[CRASHKERNEL_LOW][0] = 0;
	}
}

bool crashkernel_equal(const struct crashkernel *a, const struct crashkernel *b)
{
	for (unsigned int k = 0; k < CRASHKERNEL_KINDS; k++)
		if (strcmp(a->value[k], b->value[k]) != 0)
			return false;
	return true;
}

/* memparse() of the kernel: digits and a suffix; moves *s behind it. False: no number. */
static bool take_size(const char **s, uint64_t *ret)
{
	static const char units[] = "kmgtKMGT";
	const char *unit;
	char *end;
	uint64_t v;

	if (**s < '0' || **s > '9')
		return false;
	v = strtoull(*s, &end, 0);
	unit = *end ? strchr(units, *end) : NULL;
	for (size_t i = 0; unit && i <= (size_t)(unit - units) % 4; i++)
		if (mul_overflows(v, 1024, &v))
			return false;
	*s = end + (unit != NULL);
	*ret = v;
	return true;
}

/* "@OFFSET" or nothing, and then the end. */
static bool at_end(const char *s)
{
	uint64_t offset;

	if (*s == '@') {
		s++;
		if (!take_size(&s, &offset))
			return false;
	}
	return !*s;
}

/* START-[END]:SIZE[,START-[END]:SIZE]...[@OFFSET] */
static bool size_by_range(const char *s, uint64_t ram, uint64_t *ret)
{
	uint64_t found = 0;

	for (;;) {
		uint64_t from, to = UINT64_MAX, size;

		if (!take_size(&s, &from) || *s++ != '-')
			return false;
		if (*s != ':' && (!take_size(&s, &to) || to <= from))
			return false;
		if (*s++ != ':' || !take_size(&s, &size))
			return false;
		if (!found && ram >= from && ram < to)
			found = size;
		if (*s != ',')
			break;
		s++;
	}
	if (!at_end(s))
		return false;
	*ret = found;
	return true;
}

bool crashkernel_size(const char *value, uint64_t ram, uint64_t *ret)
{
	const char *s = value;
	uint64_t size;

	if (strchr(value, ':'))
		return size_by_range(value, ram, ret);
	if (!take_size(&s, &size) || !at_end(s))
		return false;
	*ret = size;
	return true;
}

char *crashkernel_words(const char *cmdline)
{
	char *out = calloc(1, strlen(cmdline) + 2);
	size_t n = 0;

	if (!out)
		return NULL;
	for (struct word w = next_word(cmdline); w.len; w = next_word(w.start + w.len)) {
		if (!is_crashkernel(w))
			continue;
		if (n)
			out[n++] = ' ';
		memcpy(out + n, w.start, w.len);
		n += w.len;
	}
	return out;
}

static void write_edited(const char *cmdline, const char *words, FILE *out)
{
	const char *done = cmdline, *gap = "";

	for (struct word w = next_word(cmdline); w.len; w = next_word(w.start + w.len)) {
		const char *end = w.start + w.len;

		if (*words && is_separator(w)) {
			(void)fprintf(out, "%s%s", gap, words);
			words = "";
			gap = " ";
		}
		/* each word takes the blanks in front of it along, also when it goes ... */
		if (!is_crashkernel(w)) {
			/* ... but what has become the first word has none */
			if (!*gap && done != cmdline)
				done = w.start;
			else if (*gap && done == w.start)
				(void)fputs(gap, out);
			(void)fwrite(done, 1, (size_t)(end - done), out);
			gap = " ";
		}
		done = end;
	}
	if (*words)
		(void)fprintf(out, "%s%s", gap, words);
	(void)fputs(done, out);
}

char *crashkernel_edit(const char *cmdline, const char *words)
{
	_free_ char *old = crashkernel_words(cmdline);
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!old || !strcmp(old, words))
		return old ? strdup(cmdline) : NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	write_edited(cmdline, words, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
