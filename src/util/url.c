// SPDX-License-Identifier: GPL-2.0-or-later
/* URLs of targets: see url.h. */
#include "util/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

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

/* "user@host:port", "[2001:db8::1]:port" */
static bool take_authority(const char *text, size_t len, struct url *ret)
{
	const char *end = text + len, *at = memchr(text, '@', len), *host_end;

	if (at && !take(text, (size_t)(at - text), ALNUM "._-", ret->user, sizeof(ret->user)))
		return false;
	text = at ? at + 1 : text;
	if (text < end && *text == '[') {
		host_end = memchr(text, ']', (size_t)(end - text));
		if (!host_end || !take(text + 1, (size_t)(host_end - text - 1),
				       "0123456789abcdefABCDEF:.", ret->host, sizeof(ret->host)))
			return false;
		host_end++;
	} else {
		host_end = memchr(text, ':', (size_t)(end - text));
		host_end = host_end ? host_end : end;
		if (!take(text, (size_t)(host_end - text), ALNUM "._-", ret->host,
			  sizeof(ret->host)))
			return false;
	}
	return host_end == end ||
	       (*host_end == ':' &&
		take_port(host_end + 1, (size_t)(end - host_end - 1), &ret->port));
}

static bool take_path(const char *text, struct url *ret)
{
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '/')
		len--;
	return take(text, len, ALNUM "._/+@=:-", ret->path, sizeof(ret->path)) &&
	       !strstr(ret->path, "/../") && (len < 3 || strcmp(ret->path + len - 3, "/..") != 0);
}

int url_parse(const char *text, const char *prefix, struct url *ret, struct ukd_error *e)
{
	const char *rest = text + strlen(prefix), *slash;
	struct url u = {0};

	slash = strchr(rest, '/');
	if (strncmp(text, prefix, strlen(prefix)) != 0 || !slash ||
	    !take_authority(rest, (size_t)(slash - rest), &u) || !take_path(slash, &u))
		return ukd_refuse(
			e, "target",
			"Target=%.200s: need %sHOST[:PORT]/PATH%s, of letters, digits and "
			"._/+@=:-",
			text, prefix, strcmp(prefix, "ssh://") ? "" : " with USER@");
	*ret = u;
	return 0;
}
