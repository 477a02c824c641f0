// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nfs://HOST[:PORT]/PATH: NFS 4, mounted without a helper. The kernel walks from the server's
 * pseudo root to the path by itself (fs/nfs/nfs4super.c, since 2.6.31), across the server's file
 * systems, so what is mounted is the longest part of the path that exists; below it nothing is
 * crossed any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/mount.h"
#include "capture/net.h"
#include "util/url.h"

#define SCHEME "nfs://"

static bool handles(const char *place)
{
	return !strncmp(place, SCHEME, strlen(SCHEME));
}

/*
 * One try. Calls fail with ETIMEDOUT half a minute after the connection is broken (timeo= is in
 * tenths of a second; with TCP each of retrans= tries waits that much longer), but not while it
 * stands: NFS 4 waits for a server that does not answer for as long as TCP says that it is there
 * (net/sunrpc/clnt.c, rpc_check_timeout()). That is left to the guard of the attempt.
 */
static int mount_version(struct attempt *a, const struct url *u, const char *address,
			 const char *path, const char *version, struct ukd_error *e)
{
	bool six = strchr(address, ':');
	char source[1400], options[256];

	(void)snprintf(source, sizeof(source), "%s%s%s:%s", six ? "[" : "", address, six ? "]" : "",
		       path);
	(void)snprintf(options, sizeof(options),
		       "vers=%s,addr=%s,port=%u,proto=%s,softerr,timeo=100,retrans=2,sec=sys",
		       version, address, u->port, six ? "tcp6" : "tcp");
	return mount_target(a, source, "nfs4", options, e);
}

/*
 * 4.1 first: of what 4.2 adds nothing is needed, and it has cost a dump: with nfs-ganesha 4.3 and
 * Debian's 6.12 every read back is an I/O error. 6.12 reads by READ_PLUS; the server's log has it
 * answered with NFS4_OK (its support is partial: nfs-ganesha#1344). 4.0 is the last resort, it
 * needs no sessions.
 */
static int mount_path(struct attempt *a, const struct url *u, const char *address, const char *path,
		      struct ukd_error *e)
{
	static const char *const versions[] = {"4.1", "4.2", "4.0"};
	int r = -EPROTONOSUPPORT;

	for (size_t i = 0; r == -EPROTONOSUPPORT && i < ARRAY_SIZE(versions); i++) {
		r = mount_version(a, u, address, path, versions[i], e);
		if (r == 0)
			(void)snprintf(a->note, sizeof(a->note), "NFS %s from %s:%.150s",
				       versions[i], address, path);
	}
	return r;
}

static int explain(const char *path, struct ukd_error *e)
{
	switch (e->code) {
	case -EPROTONOSUPPORT:
		return ukd_prefix(e, "the server speaks no NFS 4");
	case -EACCES:
	case -EPERM:
		return ukd_prefix(e, "the server does not let this machine use %s", path);
	case -ENOENT:
		return ukd_prefix(e, "the server has nothing of %s", path);
	default:
		return ukd_prefix(e, "%s", path);
	}
}

static int connect(struct attempt *a, struct ukd_error *e)
{
	char address[NET_ADDRESS_MAX], path[sizeof(((struct url *)NULL)->path)];
	struct url u;
	int r = url_parse(a->place, &u, e);

	if (r >= 0)
		r = net_wait(a->c, u.host, u.port, address, e);
	if (r < 0)
		return r;
	(void)snprintf(a->record->device, sizeof(a->record->device), "%s", address);
	(void)snprintf(path, sizeof(path), "%s", u.path);
	while ((r = mount_path(a, &u, address, path, e)) == -ENOENT && path[1]) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = 0;
	}
	if (r < 0)
		return explain(u.path, e);
	r = mount_enter(a, path[1] ? u.path + strlen(path) : u.path, e);
	return r < 0 ? ukd_prefix(e, "%.200s", u.path) : r;
}

const struct target_ops nfs_target = {
	.handles = handles,
	.connect = connect,
	DIRECTORY_OPERATIONS,
	.disconnect = mount_leave,
};
