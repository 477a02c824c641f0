// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets that name a host: see uri.h (RFC 3986, without percent-encoding in the authority). */
#include "conf/uri.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define IPV6_CHARACTERS HOST_CHARACTERS ":%" /* with a zone, %eth0 */
#define USER_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_$@\\"

static const struct {
	const char *scheme, *port;
} schemes[] = {{"nfs", "2049"},
	       {"ssh", "22"},
	       {"https", "443"},
	       {"s3", NULL},
	       /* Proxy=, with the port that libcurl takes */
	       {"http", "1080"}};

static int malformed(const char *text, const char *what, struct ukd_error *e)
{
	return ukd_refuse(e, "target", "Target=%.200s: %s", text, what);
}

/* Copies [s, s + n) if it consists of these characters only, and fits. */
static bool take(char *ret, size_t size, const char *s, size_t n, const char *characters)
{
	if (!n || n >= size || strspn(s, characters) < n)
		return false;
	memcpy(ret, s, n);
	ret[n] = 0;
	return true;
}

/* "[USER@]HOST[:PORT]" up to the first "/", "?" or the end. Returns what is wrong, or NULL. */
static const char *take_authority(const char *s, struct uri *u)
{
	size_t n = strcspn(s, "/?"), host;
	const char *at = memrchr(s, '@', n), *end = s + n;
	uint64_t port;

	u->path = end;
	if (at && !take(u->user, sizeof(u->user), s, (size_t)(at - s), USER_CHARACTERS))
		return "the user's name is empty, too long, or has odd characters";
	if (at)
		s = at + 1;
	if (*s == '[') {
		host = strcspn(s, "]");
		if (s + host >= end ||
		    !take(u->host, sizeof(u->host), s + 1, host - 1, IPV6_CHARACTERS))
			return "no IPv6 address in brackets";
		s += host + 1;
	} else {
		host = strcspn(s, ":/?");
		if (!take(u->host, sizeof(u->host), s, host, HOST_CHARACTERS) || u->host[0] == '-')
			return "no host name or address";
		s += host;
	}
	if (s == end)
		return NULL;
	if (*s != ':' ||
	    !take(u->port, sizeof(u->port), s + 1, (size_t)(end - s - 1), "0123456789") ||
	    !parse_u64(u->port, &port) || !port || port > 65535)
		return "a port is a number up to 65535";
	return NULL;
}

/* The value of a parameter behind "?", not terminated; NULL if there is none. */
static const char *parameter(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = strchr(text, '?'); s; s = strchr(s + 1, '&'))
		if (!strncmp(s + 1, name, n) && s[1 + n] == '=')
			return s + 2 + n;
	return NULL;
}

/* s3://BUCKET/PREFIX: the host is said behind it, or is Amazon's. */
static const char *take_endpoint(const char *text, struct uri *u)
{
	const char *endpoint = parameter(text, "endpoint"), *region = parameter(text, "region");
	char at[URI_HOST_MAX] = "us-east-1";

	u->path = text + strcspn(text, "/?");
	(void)snprintf(u->port, sizeof(u->port), "443");
	if (!endpoint) {
		if (region && !take(at, 64, region, strcspn(region, "&"), HOST_CHARACTERS))
			return "the region is empty or has odd characters";
		(void)snprintf(u->host, sizeof(u->host), "s3.%.64s.amazonaws.com", at);
		return NULL;
	}
	if (strncmp(endpoint, "https://", 8) ||
	    !take(at, sizeof(at), endpoint + 8, strcspn(endpoint + 8, "/&"),
		  HOST_CHARACTERS ":[]%"))
		return "endpoint= is https://HOST[:PORT]";
	struct uri inner = {0};
	const char *wrong = take_authority(at, &inner);

	memcpy(u->host, inner.host, sizeof(u->host));
	if (inner.port[0])
		memcpy(u->port, inner.port, sizeof(u->port));
	return wrong;
}

int uri_parse(const char *text, struct uri *ret, struct ukd_error *e)
{
	const char *colon = strstr(text, "://"), *wrong;
	struct uri u = {0};

	for (size_t i = 0; colon && i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);

		if ((size_t)(colon - text) != n || strncmp(text, schemes[i].scheme, n))
			continue;
		(void)snprintf(u.scheme, sizeof(u.scheme), "%s", schemes[i].scheme);
		(void)snprintf(u.port, sizeof(u.port), "%s",
			       schemes[i].port ? schemes[i].port : "");
		wrong = schemes[i].port ? take_authority(colon + 3, &u) :
					  take_endpoint(colon + 3, &u);
		if (wrong)
			return malformed(text, wrong, e);
		*ret = u;
		return 0;
	}
	return malformed(text, "names no host", e);
}
