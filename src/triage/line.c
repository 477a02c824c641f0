// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of a kernel log: see line.h. */
#include "triage/line.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *line_after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? NULL : text + n;
}

/* Decimal digits at *s, which is moved behind them; no number has more than 18 that count. */
static uint64_t take_number(const char **s, unsigned int *ret_digits)
{
	uint64_t v = 0;
	unsigned int n = 0;

	for (; is_digit(**s); (*s)++, n++)
		if (n < 18)
			v = v * 10 + (uint64_t)(**s - '0');
	*ret_digits = n;
	return v;
}

/* "<6>": a console level, as in pstore and on serial lines. */
static const char *skip_level(const char *s)
{
	const char *end = s + (s[0] == '<');
	unsigned int digits;

	(void)take_number(&end, &digits);
	return s[0] == '<' && digits && *end == '>' ? end + 1 : s;
}

/* "[    1.234567]" */
static const char *take_time(const char *s, struct line *l)
{
	const char *p = s + (s[0] == '[');
	unsigned int digits, fraction;
	uint64_t seconds, us;

	p += strspn(p, " ");
	seconds = take_number(&p, &digits);
	if (s[0] != '[' || !digits || digits > 12 || *p++ != '.')
		return s;
	us = take_number(&p, &fraction);
	if (fraction != 6 || *p != ']')
		return s;
	l->has_time = true;
	l->time_us = seconds * 1000000 + us;
	return p + 1;
}

/* "[  T123]" or "[   C0]", right behind the time or after a blank */
static const char *take_caller(const char *s, struct line *l)
{
	const char *p = s + strspn(s, " "), *name;
	unsigned int digits;
	size_t len;

	if (*p++ != '[')
		return s;
	p += strspn(p, " ");
	name = p++;
	if (*name != 'T' && *name != 'C')
		return s;
	(void)take_number(&p, &digits);
	len = (size_t)(p - name);
	if (!digits || *p != ']' || len >= sizeof(l->caller))
		return s;
	memcpy(l->caller, name, len);
	l->caller[len] = 0;
	return p + 1;
}

static void strip(struct line *l)
{
	const char *s = skip_level(l->text), *behind_time = take_time(s, l);

	if (l->has_time) {
		s = take_caller(behind_time, l);
		s += *s == ' ';
	}
	memmove(l->text, s, strlen(s) + 1);
}

bool line_next(struct bytes log, uint64_t *off, struct line *ret)
{
	const uint8_t *begin, *end;
	size_t len, n;

	if (*off >= log.len)
		return false;
	begin = log.p + *off;
	end = memchr(begin, '\n', log.len - *off);
	len = end ? (size_t)(end - begin) : (size_t)(log.len - *off);
	n = len < LINE_MAX_LEN ? len : LINE_MAX_LEN - 1;
	ret->off = *off;
	ret->has_time = false;
	ret->time_us = 0;
	ret->caller[0] = 0;
	for (size_t i = 0; i < n; i++)
		ret->text[i] = (char)((begin[i] < 0x20 && begin[i] != '\t') || begin[i] >= 0x7f ?
					      '?' :
					      begin[i]);
	ret->text[n] = 0;
	strip(ret);
	*off += len + 1;
	return true;
}
