/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small reader for the XML that S3 servers answer with. Hostile input: every step is bounded by
 * the text, elements nest at most XML_DEPTH deep, a document type declaration (and with it every
 * entity but the five built-in ones) is refused. It tells what is there; whether that is a whole,
 * well-formed document it does not tell.
 */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

#define XML_DEPTH 16

enum xml_kind {
	XML_END,   /* of the text, or nothing that can be read follows */
	XML_OPEN,  /* <name ...>, <name/> */
	XML_CLOSE, /* </name>; follows <name/> too */
	XML_TEXT,
};

struct xml {
	struct bytes text;
	uint64_t at;
	unsigned int depth; /* elements that are open */
	bool empty;	    /* <name/>: its end is reported next */
	struct bytes name;  /* of an element, without what stands in front of a ':' */
	struct bytes data;  /* of XML_TEXT, with entities as they are */
};

#define XML_OF(b)           \
	{                   \
		.text = (b) \
	}

enum xml_kind xml_next(struct xml *x);

bool xml_is(struct bytes name, const char *expected);

/* Is the outermost element called name? */
bool xml_root_is(struct bytes text, const char *name);

/*
 * The text of the first child called name of the outermost element, entities resolved, cut to size.
 * Returns false, *ret empty, if there is none.
 */
bool xml_child(struct bytes text, const char *name, char *ret, size_t size);

/* Reads on to the end of the element that was opened last; its text, as above. */
void xml_content(struct xml *x, char *ret, size_t size);
