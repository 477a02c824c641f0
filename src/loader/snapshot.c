// SPDX-License-Identifier: GPL-2.0-or-later
/* Snapshots of images: see snapshot.h. The file is hostile and may change at any time. */
#include "loader/snapshot.h"

#include "util/cleanup.h"
#include "util/file.h"

void snapshot_free(struct snapshot *s)
{
	cleanup_closep(&s->fd);
	cleanup_closep(&s->memfd);
	judgement_free(&s->j);
}

static int require_trusted(const struct judgement *j, const char *path, struct ukd_error *e)
{
	const struct auth_result *a = &j->auth;

	if (a->verdict == AUTH_UNTRUSTED)
		return ukd_refuse(e, a->check,
				  "%s: %s; put the signer's certificate into /etc/ukdump/trust.d",
				  path, a->reason);
	if (a->verdict == AUTH_UNSIGNED)
		return ukd_refuse(e, a->check, "%s: the image is unsigned; run 'ukdumpctl sign'",
				  path);
	if (a->verdict != AUTH_TRUSTED)
		return ukd_refuse(e, a->check, "%s: %s", path, a->reason);
	return 0;
}

/* Headers only, before the whole is copied: garbage of 2 GiB must not eat the machine's memory. */
static int check_headers(const struct snapshot *s, const char *path, struct ukd_error *e)
{
	_uki_ struct uki u = {0};

	return uki_open(s->fd, path, s->size, &u, e);
}

int snapshot_take(const struct auth_policy *policy, int dirfd, const char *path,
		  struct snapshot *ret, struct ukd_error *e)
{
	_snapshot_ struct snapshot s = SNAPSHOT_NONE;
	int r = file_open_regular(dirfd, path, &s.fd, &s.size, e);

	if (r >= 0)
		r = check_headers(&s, path, e);
	if (r >= 0)
		r = file_snapshot(s.fd, path, s.size, &s.memfd, e);
	if (r >= 0)
		r = image_judge(s.memfd, path, s.size, policy, &s.j, e);
	if (r >= 0)
		r = require_trusted(&s.j, path, e);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct snapshot)SNAPSHOT_NONE;
	return 0;
}
