// SPDX-License-Identifier: GPL-2.0-or-later
/* Directories and servers as Target=: see rules.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rules.h"
#include "util/cleanup.h"
#include "util/url.h"

int import_file(struct import *im, struct import_line *l, const char *dir, struct ukd_error *e)
{
	_free_ char *target = NULL;

	if (strpbrk(dir, " \t"))
		return import_drop(l, e, "a path of Target= has no blanks");
	while (dir[0] == '/' && dir[1] == '/') /* of "file:////var/crash" */
		dir++;
	if (asprintf(&target, "file:%s", dir) < 0) {
		target = NULL;
		return ukd_oom(e);
	}
	return import_set(im, l, "Dump", "Target", target, e);
}

int import_url(struct import *im, struct import_line *l, const char *url, struct ukd_error *e)
{
	struct ukd_error refused = {0};
	struct url u;

	if (url_parse(url, &u, &refused) < 0)
		return import_drop(l, e, "%s: %s", url, refused.text);
	return import_set(im, l, "Dump", "Target", url, e);
}

int import_nfs(struct import *im, struct import_line *l, const char *dir, struct ukd_error *e)
{
	const char *host = l->value, *path = strstr(host, ":/");
	_free_ char *url = NULL;
	size_t n;

	if (!path)
		return import_drop(l, e, "no HOST:/PATH");
	path++;
	for (n = strlen(path); n && path[n - 1] == '/'; n--)
		;
	if (asprintf(&url, "nfs://%.*s%.*s%s", (int)(path - 1 - host), host, (int)n, path,
		     n || *dir ? dir : "/") < 0) {
		url = NULL;
		return ukd_oom(e);
	}
	return import_url(im, l, url, e);
}

int import_ssh(struct import *im, struct import_line *l, const char *who, const char *dir,
	       struct ukd_error *e)
{
	const char *at = strchr(who, '@');
	const char *host = at ? at + 1 : who;
	bool v6 = strchr(host, ':') && strchr(host, ':') != strrchr(host, ':') && *host != '[';
	_free_ char *url = NULL;

	if (asprintf(&url, "ssh://%.*s@%s%s%s%s", at ? (int)(at - who) : 4, at ? who : "root",
		     v6 ? "[" : "", host, v6 ? "]" : "", dir) < 0) {
		url = NULL;
		return ukd_oom(e);
	}
	return import_url(im, l, url, e);
}
