// SPDX-License-Identifier: GPL-2.0-or-later
/* Replies of an S3 server: errors, pages of a listing, single values. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upload/s3reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_object(void *ctx, const char *key, const char *size)
{
	unsigned int *n = ctx;

	if (!*key || strlen(key) > 1024 || size[strspn(size, "0123456789")])
		abort();
	(*n)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = {data, size};
	struct s3_error error;
	struct s3_page page;
	unsigned int objects = 0;
	char value[16];

	s3_error_read(text, &error);
	if ((error.code[0] || error.message[0]) && !xml_root_is(text, "Error"))
		abort();
	s3_page_read(text, check_object, &objects, &page);
	/* <Contents><Key>x is the shortest one */
	if (objects > size / 16)
		abort();
	if (!xml_child(text, "UploadId", value, sizeof(value)) && value[0])
		abort();
	return 0;
}
