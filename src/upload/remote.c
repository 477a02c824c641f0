// SPDX-License-Identifier: GPL-2.0-or-later
/* URLs: see remote.h. */
#include "upload/remote.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

bool percent_encode(const char *s, bool keep_slash, char *ret, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (n + 4 > size)
			return false;
		if (strchr(LETTERS DIGITS "-._~", c) || (keep_slash && c == '/')) {
			ret[n++] = (char)c;
			continue;
		}
		ret[n++] = '%';
		ret[n++] = hex[c >> 4];
		ret[n++] = hex[c & 15];
	}
	ret[n] = 0;
	return true;
}

/* What libcurl would take out of a path on its own, so that another one would be signed. */
static bool has_dot_segment(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/?");

		if ((len == 1 && path[0] == '.') || (len == 2 && !memcmp(path, "..", 2)))
			return true;
		path += len;
		if (*path == '?')
			return false;
		path += *path == '/';
	}
	return false;
}

static int check_text(const char *text, struct ukd_error *e)
{
	for (const char *s = text; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr("\"<>\\^`{|}#", *s))
			return ukd_refuse(e, "url",
					  "byte 0x%02x at %zu of the URL; percent-encode it",
					  (unsigned char)*s, (size_t)(s - text));
	return 0;
}

/* SCHEME://AUTHORITY: its length, or 0 if it is not one that may be used. */
static size_t origin_length(const char *url, bool insecure)
{
	size_t scheme = !strncmp(url, "https://", 8)		? 8 :
			insecure && !strncmp(url, "http://", 7) ? 7 :
								  0;
	size_t host = scheme ? strspn(url + scheme, LETTERS DIGITS "-._:[]") : 0;

	return host ? scheme + host : 0;
}

static int parse_http(const char *text, bool insecure, struct remote *ret, struct ukd_error *e)
{
	size_t origin = origin_length(text, insecure);

	if (!origin && !strncmp(text, "http://", 7))
		return ukd_refuse(e, "url", "%s: http:// is sent in the clear; use https://", text);
	if (origin && text[origin] == '@')
		return ukd_refuse(e, "url", "a user name in the URL; use --netrc");
	if (!origin || text[origin] != '/')
		return ukd_refuse(e, "url", "the URL is not https://HOST[:PORT]/PATH or s3://");
	if (has_dot_segment(text + origin))
		return ukd_refuse(e, "url", "%s: '.' or '..' in the path", text);
	(void)snprintf(ret->url, sizeof(ret->url), "%s", text);
	return 0;
}

/* NAME=VALUE&... behind the '?' of an s3: URL. */
static int parse_s3_options(char *text, char *endpoint, size_t size, struct remote *ret,
			    struct ukd_error *e)
{
	char *item;

	while ((item = strsep(&text, "&"))) {
		if (!strncmp(item, "endpoint=", 9) && strlen(item + 9) < size)
			(void)snprintf(endpoint, size, "%s", item + 9);
		else if (!strncmp(item, "region=", 7) && item[7] && strlen(item + 7) <= 64 &&
			 item[7 + strspn(item + 7, LETTERS DIGITS "-_")] == 0)
			(void)snprintf(ret->region, sizeof(ret->region), "%s", item + 7);
		else
			return ukd_refuse(e, "url",
					  "s3: option '%s'; known: endpoint=https://HOST[:PORT], "
					  "region=NAME",
					  item);
	}
	return 0;
}

static int s3_bucket_url(const char *bucket, char *endpoint, bool insecure, struct remote *ret,
			 struct ukd_error *e)
{
	size_t len = strlen(endpoint), origin;

	if (!len && strchr(bucket, '.'))
		(void)snprintf(ret->bucket, sizeof(ret->bucket), "https://s3.%s.amazonaws.com/%s/",
			       ret->region, bucket);
	else if (!len)
		(void)snprintf(ret->bucket, sizeof(ret->bucket), "https://%s.s3.%s.amazonaws.com/",
			       bucket, ret->region);
	if (!len)
		return 0;
	if (endpoint[len - 1] == '/')
		endpoint[--len] = 0;
	origin = origin_length(endpoint, insecure);
	if (!origin || origin != len)
		return ukd_refuse(e, "url", "endpoint=%s: not https://HOST[:PORT]", endpoint);
	(void)snprintf(ret->bucket, sizeof(ret->bucket), "%s/%s/", endpoint, bucket);
	return 0;
}

bool remote_object(const struct remote *p, const char *key, char *ret, size_t size)
{
	char encoded[3 * sizeof(p->key)];

	return strlen(key) < sizeof(p->key) && !has_dot_segment(key) &&
	       percent_encode(key, true, encoded, sizeof(encoded)) &&
	       snprintf(ret, size, "%s%s", p->bucket, encoded) < (int)size;
}

static int parse_s3(const char *text, bool insecure, struct remote *ret, struct ukd_error *e)
{
	char copy[URL_MAX], endpoint[512] = "";
	char *bucket = copy + strlen("s3://"), *options, *key;
	int r;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	(void)snprintf(ret->region, sizeof(ret->region), "us-east-1");
	options = strchr(bucket, '?');
	if (options)
		*options++ = 0;
	key = bucket + strcspn(bucket, "/");
	if (*key)
		*key++ = 0;
	if (!*bucket || strlen(bucket) > 255 || bucket[strspn(bucket, LETTERS DIGITS "-._")] ||
	    bucket[0] == '.')
		return ukd_refuse(e, "url", "%s: not s3://BUCKET/KEY", ret->shown);
	if (strlen(key) >= sizeof(ret->key) || has_dot_segment(key))
		return ukd_refuse(e, "url",
				  "%s: a key of more than 1024 bytes, or '.' or '..' in it",
				  ret->shown);
	r = parse_s3_options(options, endpoint, sizeof(endpoint), ret, e);
	if (r == 0)
		r = s3_bucket_url(bucket, endpoint, insecure, ret, e);
	if (r < 0)
		return r;
	(void)snprintf(ret->key, sizeof(ret->key), "%s", key);
	if (!remote_object(ret, key, ret->url, sizeof(ret->url)))
		return ukd_refuse(e, "url", "%s: too long", ret->shown);
	return 0;
}

void remote_shown(const struct remote *p, const char *key, char *ret, size_t size)
{
	size_t scheme = strlen("s3://");

	(void)snprintf(ret, size, "%.*s/%s", (int)(scheme + strcspn(p->shown + scheme, "/")),
		       p->shown, key);
	text_printable(ret);
}

int remote_parse(const char *text, bool insecure, struct remote *ret, struct ukd_error *e)
{
	struct remote p = {.kind = REMOTE_HTTP};
	int r;

	if (strlen(text) >= URL_MAX / 2)
		return ukd_refuse(e, "url", "a URL of %zu bytes; the limit is %d", strlen(text),
				  URL_MAX / 2);
	r = check_text(text, e);
	if (r < 0)
		return r;
	(void)snprintf(p.shown, sizeof(p.shown), "%.*s", (int)strcspn(text, "?"), text);
	if (!strncmp(text, "s3://", 5)) {
		p.kind = REMOTE_S3;
		r = parse_s3(text, insecure, &p, e);
	} else {
		r = parse_http(text, insecure, &p, e);
	}
	if (r == 0)
		*ret = p;
	return r;
}
