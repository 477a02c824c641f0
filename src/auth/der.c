// SPDX-License-Identifier: GPL-2.0-or-later
/* DER, checked for its shape only: see der.h. Every byte is untrusted. */
#include "auth/der.h"

#define DER_MAX_DEPTH	48 /* a certificate in a PKCS#7 needs about 12 */
#define DER_CONSTRUCTED 0x20
#define DER_LONG_TAG	0x1f
#define DER_CLASS	0xc0
#define DER_SEQUENCE	0x10
#define DER_SET		0x11

struct element {
	uint8_t tag;
	struct bytes contents;
	uint64_t end; /* offset behind it */
};

/* X.690 §10.1: short form below 128, else as few bytes as possible; never indefinite. */
static bool read_length(struct bytes b, uint64_t *pos, uint64_t *ret)
{
	uint64_t len = 0;
	unsigned int n;

	if (!bytes_has(b, *pos, 1))
		return false;
	n = b.p[(*pos)++];
	if (n < 0x80) {
		*ret = n;
		return true;
	}
	n &= 0x7f;
	if (n == 0 || n > 4 || !bytes_has(b, *pos, n) || b.p[*pos] == 0)
		return false;
	while (n--)
		len = len << 8 | b.p[(*pos)++];
	*ret = len;
	return len >= 0x80;
}

static bool read_element(struct bytes b, uint64_t off, struct element *ret)
{
	uint64_t pos = off, len;

	if (!bytes_has(b, pos, 1))
		return false;
	ret->tag = b.p[pos++];
	/* Nothing in a signature or certificate has tag numbers of 31 and more. */
	if ((ret->tag & DER_LONG_TAG) == DER_LONG_TAG)
		return false;
	if (!read_length(b, &pos, &len) || !bytes_sub(b, pos, len, &ret->contents))
		return false;
	ret->end = pos + len;
	return true;
}

/*
 * SEQUENCE and SET, and of the universal types nothing else, have elements inside (X.690 §8.9,
 * §10.2). The kernel's decoder wants some inside; nothing in a signature is an empty one.
 */
static bool good_form(const struct element *el)
{
	uint8_t number = el->tag & DER_LONG_TAG;
	bool constructed = el->tag & DER_CONSTRUCTED;

	return el->tag & DER_CLASS || constructed == (number == DER_SEQUENCE || number == DER_SET);
}

static bool all_strict(struct bytes b, unsigned int depth)
{
	struct element el;

	if (depth > DER_MAX_DEPTH)
		return false;
	for (uint64_t off = 0; off < b.len; off = el.end) {
		if (!read_element(b, off, &el) || !good_form(&el))
			return false;
		if (el.tag & DER_CONSTRUCTED && !all_strict(el.contents, depth + 1))
			return false;
	}
	return true;
}

bool der_is_strict(struct bytes b)
{
	struct element el;

	return read_element(b, 0, &el) && el.end == b.len && all_strict(b, 0);
}

bool der_none_empty(struct bytes b)
{
	struct element el;

	for (uint64_t off = 0; off < b.len; off = el.end)
		if (!read_element(b, off, &el) ||
		    (el.tag & DER_CONSTRUCTED &&
		     (!el.contents.len || !der_none_empty(el.contents))))
			return false;
	return true;
}

bool der_contents(struct bytes b, uint8_t tag, struct bytes *ret)
{
	struct element el;

	if (!read_element(b, 0, &el) || el.end != b.len || el.tag != tag)
		return false;
	*ret = el.contents;
	return true;
}

bool der_first(struct bytes b, uint8_t tag, struct bytes *ret)
{
	struct element el;

	if (!read_element(b, 0, &el) || el.tag != tag)
		return false;
	*ret = (struct bytes){b.p, el.end};
	return true;
}
