// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What https:// and s3:// targets need: ukdump-upload, the way to the server or to the proxy, the
 * authorities to trust, and whatever logs in there. Their forms are checked by that program's own
 * code: what it would refuse on the worst day is refused now.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/needs.h"
#include "upload/credentials.h"
#include "upload/remote.h"
#include "util/url.h"

#define CA_FILE "/etc/ukdump/ca.pem"
#define CA_MAX	MIB(2)

/* Where distributions have the authorities that they trust: Debian, Fedora, SUSE, Arch. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static const struct buffer *content_of(const struct needs *n, const char *path)
{
	for (unsigned int i = 0; i < n->n_files; i++)
		if (!strcmp(n->files[i].path, path))
			return &n->files[i].content;
	return NULL;
}

static int need_authorities(struct needs *n, struct ukd_error *e)
{
	const char *from = n->settings->network.ca_file;
	int r;

	for (size_t i = 0; !from && i < ARRAY_SIZE(bundles); i++)
		if (root_exists(n->root, bundles[i]))
			from = bundles[i];
	if (!from)
		return ukd_refuse(e, "build.settings",
				  "no certificates of authorities; set CaFile=, or install the "
				  "package ca-certificates");
	r = need_copy(n, "CaFile", from, CA_FILE, 0600, CA_MAX, e);
	if (r < 0)
		return r;
	if (!strstr((const char *)content_of(n, CA_FILE)->data, "-----BEGIN CERTIFICATE-----"))
		return ukd_refuse(e, "build.settings", "CaFile=%s: no certificate (PEM) in it",
				  from);
	return 0;
}

static int need_key(struct needs *n, struct ukd_error *e)
{
	static const char path[] = "/etc/ukdump/s3.credentials";
	const char *from = n->settings->network.s3_credentials;
	struct credentials key;
	int r;

	if (!from)
		return ukd_refuse(e, "build.settings", "set S3Credentials=");
	r = need_secret(n, "S3Credentials", from, path, e);
	if (r < 0)
		return r;
	r = credentials_parse(buffer_bytes(content_of(n, path)), from, &key, e);
	explicit_bzero(&key, sizeof(key));
	return r;
}

/* The URL as the capture environment will ask for it, with a name of the usual length. */
static int check_url(const char *target, struct ukd_error *e)
{
	size_t query = strcspn(target, "?");
	char url[URL_MAX];
	struct remote remote;

	if (strncmp(target, "s3://", strlen("s3://")) != 0 && target[query])
		return ukd_refuse(e, "target", "'?' in the path");
	(void)snprintf(url, sizeof(url), "%.*s/%064d/vmcore.flat.age%s", (int)query, target, 0,
		       target + query);
	return remote_parse(url, false, &remote, e);
}

static int need_server(struct needs *n, const char *target, struct ukd_error *e)
{
	const char *proxy = n->settings->network.proxy;
	struct url u;
	int r = url_parse(proxy ? proxy : target, &u, e);

	return r < 0 ? r : need_network(n, u.host, e);
}

int need_upload(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	int r = check_url(target, e);

	(void)index; /* goes into the image as it is */
	if (r >= 0)
		r = need_server(n, target, e);
	if (r >= 0)
		r = need_program(n, "ukdump-upload", e);
	if (r >= 0)
		r = need_authorities(n, e);
	if (r >= 0 && !strncmp(target, "s3://", strlen("s3://")))
		r = need_key(n, e);
	if (r >= 0 && n->settings->network.netrc)
		r = need_secret(n, "Netrc", n->settings->network.netrc, "/etc/ukdump/netrc", e);
	if (r >= 0 && n->settings->network.http_headers)
		r = need_secret(n, "HttpHeaders", n->settings->network.http_headers,
				"/etc/ukdump/headers", e);
	return r < 0 ? ukd_prefix(e, "Target=%s", target) : 0;
}
