// SPDX-License-Identifier: GPL-2.0-or-later
/* A small XML reader: see xml.h. */
#include "upload/xml.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rest of the text from x->at on. */
static struct bytes rest(const struct xml *x)
{
	return (struct bytes){x->text.p + x->at, x->text.len - x->at};
}

/* Where needle begins in b, or b.len. */
static uint64_t find(struct bytes b, const char *needle)
{
	const uint8_t *p = b.len ? memmem(b.p, b.len, needle, strlen(needle)) : NULL;

	return p ? (uint64_t)(p - b.p) : b.len;
}

/* Skips what ends in end, which is there; false if it is not. */
static bool skip_past(struct xml *x, const char *end)
{
	struct bytes b = rest(x);
	uint64_t at = find(b, end);

	if (at == b.len)
		return false;
	x->at += at + strlen(end);
	return true;
}

/* The end of a tag: the first '>' outside of quotes. */
static bool tag_end(struct bytes b, uint64_t *ret)
{
	uint8_t quote = 0;

	for (uint64_t i = 0; i < b.len; i++) {
		if (quote)
			quote = b.p[i] == quote ? 0 : quote;
		else if (b.p[i] == '"' || b.p[i] == '\'')
			quote = b.p[i];
		else if (b.p[i] == '>') {
			*ret = i;
			return true;
		}
	}
	return false;
}

static struct bytes local_name(struct bytes tag)
{
	uint64_t len = 0, colon = 0;

	while (len < tag.len && !strchr(" \t\r\n/", tag.p[len])) {
		if (tag.p[len] == ':')
			colon = len + 1;
		len++;
	}
	return (struct bytes){tag.p + colon, len - colon};
}

static enum xml_kind read_tag(struct xml *x)
{
	struct bytes tag = rest(x);
	bool close = tag.len > 1 && tag.p[1] == '/';
	uint64_t end, start = close ? 2 : 1;

	if (!tag_end(tag, &end) || end <= start)
		return XML_END;
	x->at += end + 1;
	x->name = local_name((struct bytes){tag.p + start, end - start});
	if (close) {
		if (!x->depth)
			return XML_END;
		x->depth--;
		return XML_CLOSE;
	}
	if (x->depth == XML_DEPTH)
		return XML_END;
	x->depth++;
	x->empty = tag.p[end - 1] == '/';
	return XML_OPEN;
}

enum xml_kind xml_next(struct xml *x)
{
	if (x->empty) {
		x->empty = false;
		x->depth--;
		return XML_CLOSE;
	}
	for (;;) {
		struct bytes b = rest(x);

		if (!b.len || bytes_start_with(b, "<!DOCTYPE"))
			return XML_END;
		if (bytes_start_with(b, "<?")) {
			if (!skip_past(x, "?>"))
				return XML_END;
		} else if (bytes_start_with(b, "<!--")) {
			if (!skip_past(x, "-->"))
				return XML_END;
		} else if (b.p[0] == '<') {
			return read_tag(x);
		} else {
			x->data = (struct bytes){b.p, find(b, "<")};
			x->at += x->data.len;
			return XML_TEXT;
		}
	}
}

bool xml_is(struct bytes name, const char *expected)
{
	return name.len == strlen(expected) && bytes_start_with(name, expected);
}

/* One entity at the start of b, which begins with '&'; its length, or 0: none that we know. */
static size_t entity(struct bytes b, char *ret)
{
	static const struct {
		const char *text;
		char c;
	} known[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	unsigned int code = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (bytes_start_with(b, known[i].text)) {
			*ret = known[i].c;
			return strlen(known[i].text);
		}
	}
	/* Of characters by number those of ASCII, in decimal: ETags have &#34; */
	if (!bytes_start_with(b, "&#"))
		return 0;
	for (i = 2; i < b.len && i < 5 && b.p[i] >= '0' && b.p[i] <= '9'; i++)
		code = code * 10 + (b.p[i] - '0');
	if (i == 2 || i == b.len || b.p[i] != ';' || code < 0x20 || code > 0x7e)
		return 0;
	*ret = (char)code;
	return i + 1;
}

/* Appends text to ret, which holds size bytes, as far as there is room. */
static void append(struct bytes text, char *ret, size_t size)
{
	size_t used = strlen(ret);

	for (uint64_t i = 0; i < text.len && used + 1 < size; used++) {
		size_t n = 0;

		if (text.p[i] == '&')
			n = entity((struct bytes){text.p + i, text.len - i}, ret + used);
		if (!n)
			ret[used] = text.p[i] ? (char)text.p[i] : '?';
		i += n ? n : 1;
	}
	ret[used] = 0;
}

void xml_content(struct xml *x, char *ret, size_t size)
{
	unsigned int outside = x->depth - 1;
	enum xml_kind kind;

	ret[0] = 0;
	while ((kind = xml_next(x)) != XML_END) {
		if (kind == XML_CLOSE && x->depth == outside)
			return;
		if (kind == XML_TEXT && x->depth == outside + 1)
			append(x->data, ret, size);
	}
}

bool xml_root_is(struct bytes text, const char *name)
{
	struct xml x = XML_OF(text);
	enum xml_kind kind;

	do
		kind = xml_next(&x);
	while (kind == XML_TEXT);
	return kind == XML_OPEN && xml_is(x.name, name);
}

bool xml_child(struct bytes text, const char *name, char *ret, size_t size)
{
	struct xml x = XML_OF(text);
	enum xml_kind kind;

	ret[0] = 0;
	while ((kind = xml_next(&x)) != XML_END) {
		if (kind == XML_OPEN && x.depth == 2 && xml_is(x.name, name)) {
			xml_content(&x, ret, size);
			return true;
		}
	}
	return false;
}
