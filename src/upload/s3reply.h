/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What S3 servers answer, in XML: bounded, hostile. */
#pragma once

#include "upload/xml.h"

/* <Error><Code/><Message/></Error>; both empty if the text is none. For people: printable. */
struct s3_error {
	char code[64];
	char message[200];
};

void s3_error_read(struct bytes text, struct s3_error *ret);

/* A page of a listing. Strings are as the server sent them, not printable yet. */
struct s3_page {
	char last[1025]; /* key of the last object */
	bool more;	 /* there are further pages */
};

/* Calls each() for every object of the page: its key and its size (as text, digits only). */
void s3_page_read(struct bytes text, void (*each)(void *ctx, const char *key, const char *size),
		  void *ctx, struct s3_page *ret);
