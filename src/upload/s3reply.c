// SPDX-License-Identifier: GPL-2.0-or-later
/* Replies of S3 servers: see s3reply.h. */
#include "upload/s3reply.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

void s3_error_read(struct bytes text, struct s3_error *ret)
{
	*ret = (struct s3_error){0};
	if (!xml_root_is(text, "Error"))
		return;
	(void)xml_child(text, "Code", ret->code, sizeof(ret->code));
	(void)xml_child(text, "Message", ret->message, sizeof(ret->message));
	text_printable(ret->code);
	text_printable(ret->message);
}

struct object {
	char key[1025];
	char size[24];
};

/* Reads one <Contents>, which has just been opened. */
static void read_object(struct xml *x, struct object *ret)
{
	unsigned int depth = x->depth;
	enum xml_kind kind;

	*ret = (struct object){0};
	while ((kind = xml_next(x)) != XML_END && x->depth >= depth) {
		if (kind != XML_OPEN || x->depth != depth + 1)
			continue;
		if (xml_is(x->name, "Key"))
			xml_content(x, ret->key, sizeof(ret->key));
		else if (xml_is(x->name, "Size"))
			xml_content(x, ret->size, sizeof(ret->size));
	}
}

void s3_page_read(struct bytes text, void (*each)(void *ctx, const char *key, const char *size),
		  void *ctx, struct s3_page *ret)
{
	struct xml x = XML_OF(text);
	struct object object;
	char truncated[8];
	enum xml_kind kind;

	*ret = (struct s3_page){0};
	while ((kind = xml_next(&x)) != XML_END) {
		if (kind != XML_OPEN || x.depth != 2 || !xml_is(x.name, "Contents"))
			continue;
		read_object(&x, &object);
		if (object.key[0] && object.size[strspn(object.size, "0123456789")] == 0)
			each(ctx, object.key, object.size);
		(void)snprintf(ret->last, sizeof(ret->last), "%s", object.key);
	}
	ret->more = xml_child(text, "IsTruncated", truncated, sizeof(truncated)) &&
		    !strcmp(truncated, "true");
}
