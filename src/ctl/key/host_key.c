// SPDX-License-Identifier: GPL-2.0-or-later
/* The host key: see host_key.h. The root directory is the administrator's. */
#include "ctl/key/host_key.h"

#include <stdio.h>
#include <unistd.h>

#include "auth/auth.h"
#include "util/file.h"

#define NAME_ROOM 48 /* of 64 characters of a common name, less our own words */

static int make_places(const struct root *root, struct ukd_error *e)
{
	int r = root_check_plain(root, "/etc/ukdump/keys", e);

	if (r >= 0)
		r = root_check_plain(root, "/etc/ukdump/trust.d", e);
	/* Certificates are for all to see, so that anyone can verify; keys are not. */
	if (r >= 0)
		r = make_directories(root->fd, "etc/ukdump", 0755, e);
	if (r >= 0)
		r = make_directories(root->fd, "etc/ukdump/keys", 0700, e);
	if (r >= 0)
		r = make_directories(root->fd, "etc/ukdump/trust.d", 0755, e);
	return r;
}

static int make(const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer cert = {0};
	char host[256] = "localhost", name[96];
	int r = make_places(root, e);

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(name, sizeof(name), "ukdump host key %.*s", NAME_ROOM, host);
	if (r >= 0)
		r = auth_make_host_key(root, name, HOST_KEY, HOST_CERT, e);
	if (r >= 0)
		r = root_read(root, HOST_CERT, KIB(64), &cert, e);
	if (r >= 0)
		r = file_replace(root->fd, &HOST_TRUST[1], 0644, buffer_bytes(&cert), e);
	return r < 0 ? r : 1;
}

int host_key_ensure(const struct root *root, struct ukd_error *e)
{
	if (root_exists(root, HOST_CERT))
		return 0;
	if (root_exists(root, HOST_KEY))
		return ukd_refuse(e, "key.host",
				  "%s" HOST_KEY " is there without its certificate " HOST_CERT
				  "; put it back, or remove the key to make new ones",
				  root->path);
	return make(root, e);
}

bool host_key_trusted(const struct root *root)
{
	return root_exists(root, HOST_TRUST);
}
