// SPDX-License-Identifier: GPL-2.0-or-later
/* URLs of targets: see url.h. */
#include "util/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define NAME  ALNUM "._-"
#define IPV6  "0123456789abcdefABCDEF:."

static const struct scheme {
	const char *name;
	unsigned int port;
	bool user; /* must be there; else must not */
	bool path; /* goes through a shell or into mount options */
} schemes[] =
	{
		{"nfs", 2049, false, true},   {"ssh", 22, true, true},
		{"https", 443, false, false}, {"s3", 443, false, false},
		{"http", 1080, false, false}, /* Proxy=, with the port that libcurl takes */
};

/* Copies len bytes if all are of this set and the first is no option's dash. */
static bool take(const char *from, size_t len, const char *set, char *ret, size_t size)
{
	if (!len || len >= size || from[0] == '-')
		return false;
	memcpy(ret, from, len);
	ret[len] = 0;
	return !ret[strspn(ret, set)];
}

static bool take_port(const char *from, size_t len, unsigned int *ret)
{
	char digits[6];
	uint64_t port;

	if (!take(from, len, "0123456789", digits, sizeof(digits)) || !parse_u64(digits, &port) ||
	    !port || port > 65535)
		return false;
	*ret = (unsigned int)port;
	return true;
}

/* "host:port", "[2001:db8::1]:port". Returns what is wrong, or NULL. */
static const char *take_host(const char *text, const char *end, struct url *ret)
{
	size_t len = (size_t)(end - text);
	const char *host_end;

	if (len && *text == '[') {
		host_end = memchr(text, ']', len);
		if (!host_end || !take(text + 1, (size_t)(host_end - text - 1), IPV6, ret->host,
				       sizeof(ret->host)))
			return "no IPv6 address in brackets";
		host_end++;
	} else {
		host_end = memchr(text, ':', len);
		host_end = host_end ? host_end : end;
		if (!take(text, (size_t)(host_end - text), NAME, ret->host, sizeof(ret->host)))
			return "no host name or address";
	}
	if (host_end != end && (*host_end != ':' ||
				!take_port(host_end + 1, (size_t)(end - host_end - 1), &ret->port)))
		return "a port is a number up to 65535";
	return NULL;
}

static const char *take_authority(const char *text, const char *end, bool user, struct url *ret)
{
	const char *at = memchr(text, '@', (size_t)(end - text));

	if (!at != !user)
		return user ? "need ssh://USER@HOST/PATH" : "there is no user in this URL";
	if (at && !take(text, (size_t)(at - text), NAME, ret->user, sizeof(ret->user)))
		return "the user's name is empty, too long, or has odd characters";
	return take_host(at ? at + 1 : text, end, ret);
}

static const char *take_path(const char *text, struct url *ret)
{
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '/')
		len--;
	if (!take(text, len, ALNUM "._/+@=:-", ret->path, sizeof(ret->path)))
		return "need a path behind the host, of letters, digits and ._/+@=:-";
	if (strstr(ret->path, "/../") || (len >= 3 && !strcmp(ret->path + len - 3, "/..")))
		return "'..' in the path";
	return NULL;
}

/* The value of a parameter behind "?" and its length; NULL if there is none. */
static const char *parameter(const char *text, const char *name, size_t *ret_len)
{
	size_t n = strlen(name);

	for (const char *s = strchr(text, '?'); s; s = strchr(s + 1, '&')) {
		if (strncmp(s + 1, name, n) != 0 || s[1 + n] != '=')
			continue;
		*ret_len = strcspn(s + 2 + n, "&");
		return s + 2 + n;
	}
	return NULL;
}

/* s3://BUCKET/PREFIX: the host is said behind it, or is Amazon's. */
static const char *take_endpoint(const char *text, struct url *ret)
{
	size_t len = 0, region_len = 0;
	const char *endpoint = parameter(text, "endpoint", &len);
	const char *region = parameter(text, "region", &region_len);
	char at[64] = "us-east-1";

	if (region && !take(region, region_len, NAME, at, sizeof(at)))
		return "the region is empty or has odd characters";
	if (!endpoint) {
		(void)snprintf(ret->host, sizeof(ret->host), "s3.%s.amazonaws.com", at);
		return NULL;
	}
	if (len < 8 || strncmp(endpoint, "https://", 8) != 0)
		return "endpoint= is https://HOST[:PORT]";
	if (len > 8 && endpoint[len - 1] == '/')
		len--;
	return take_host(endpoint + 8, endpoint + len, ret);
}

static const char *take_rest(const struct scheme *s, const char *rest, struct url *ret)
{
	const char *end = rest + strcspn(rest, "/?"), *wrong;

	(void)snprintf(ret->scheme, sizeof(ret->scheme), "%s", s->name);
	ret->port = s->port;
	if (!strcmp(s->name, "s3"))
		return take_endpoint(end, ret);
	wrong = take_authority(rest, end, s->user, ret);
	return wrong || !s->path ? wrong : take_path(end, ret);
}

int url_parse(const char *text, struct url *ret, struct ukd_error *e)
{
	const char *colon = strstr(text, "://"), *wrong = "names no host";
	struct url u = {0};

	for (size_t i = 0; colon && i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i].name);

		if ((size_t)(colon - text) == n && !strncmp(text, schemes[i].name, n))
			wrong = take_rest(&schemes[i], colon + 3, &u);
	}
	if (wrong)
		return ukd_refuse(e, "target", "%s", wrong);
	*ret = u;
	return 0;
}
