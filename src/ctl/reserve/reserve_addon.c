// SPDX-License-Identifier: GPL-2.0-or-later
/* crashkernel= in a UKI addon, where the command line itself is sealed: see reserve.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/addon.h"
#include "ctl/image/publish.h"
#include "ctl/reserve/reserve.h"
#include "util/cleanup.h"
#include "util/lockdown.h"

#define NEW_SUFFIX ".new" /* systemd-stub looks at *.addon.efi only */

static int addon_path(const struct root *root, const struct boot_facts *f,
		      const struct reserve_addon *a, char **ret, struct ukd_error *e)
{
	char dir[64];
	int r;

	if (a->uki) {
		if (a->uki[0] != '/' || !root_exists(root, a->uki))
			return ukd_refuse(e, "reserve.uki", "%s: no UKI at this absolute path",
					  a->uki);
		return asprintf(ret, "%s.extra.d/" ADDON_NAME, a->uki) < 0 ? ukd_oom(e) : 0;
	}
	r = boot_addon_directory(root, f, dir, sizeof(dir), e);
	if (r < 0)
		return r;
	return asprintf(ret, "%s/" ADDON_NAME, dir) < 0 ? ukd_oom(e) : 0;
}

/* The command line of the addon that is there; *ret stays NULL if there is none. */
static int read_addon(const struct root *root, const char *path, char **ret, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK);
	_uki_ struct uki u = {0};
	const char *text;
	off_t size;
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s%s", root->path, path);
	size = lseek(fd, 0, SEEK_END);
	r = uki_open(fd, path, size < 0 ? 0 : (uint64_t)size, &u, e);
	if (r >= 0)
		r = uki_read(&u, NULL, 0, NULL, e);
	if (r < 0)
		return r;
	text = uki_text(&u, UKI_CMDLINE);
	*ret = strdup(text ? text : "");
	return *ret ? 0 : ukd_oom(e);
}

int reserve_addon_plan(const struct root *root, const struct boot_facts *f,
		       const struct reserve_addon *a, const char *words, struct boot_plan *ret,
		       struct ukd_error *e)
{
	struct ukd_error damaged = {0};
	int r = addon_path(root, f, a, &ret->path, e);

	if (r < 0)
		return r;
	ret->method = BOOT_ADDON;
	if (*words && !(ret->after = strdup(words)))
		return ukd_oom(e);
	/* one that is damaged is replaced, or removed, like any other */
	if (read_addon(root, ret->path, &ret->before, &damaged) < 0)
		boot_plan_note(ret, "%s", damaged.text);
	ret->changes = damaged.code || !ret->before != !ret->after ||
		       (ret->before && strcmp(ret->before, ret->after) != 0);
	return 0;
}

/* Would firmware take this file? */
static int check_signer(const struct root *root, const char *path, struct ukd_error *e)
{
	_auth_policy_ struct auth_policy policy = {.trust = firmware_trust(root, e)};
	_judgement_ struct judgement j = {0};
	_close_ int fd = -1;
	uint64_t size;
	int r = policy.trust ? file_open_regular(AT_FDCWD, path, &fd, &size, e) : e->code;

	if (r >= 0)
		r = image_judge(fd, path, size, &policy, &j, e);
	if (r < 0 || j.auth.verdict == AUTH_TRUSTED)
		return r;
	return ukd_refuse(e, "reserve.key",
			  "firmware would not take the addon: %s; enroll the certificate "
			  "('mokutil --import'), or name another key with --key and --cert",
			  j.auth.reason);
}

static int make(const struct root *root, const struct reserve_addon *a, const char *words,
		const char *out, struct ukd_error *e)
{
	struct addon_parts parts = {.n = 1};
	struct publish_spec publish = {.out = out};
	_signing_key_ struct signing_key key = {0};
	_buffer_ struct buffer image = {0};
	char path[PUBLISH_PATH_MAX];
	struct auth_result result;
	int r = signing_key_choose("reserve", root, a->key, a->cert, &key, e);

	parts.section[0] = (struct extra_section){
		.name = ".cmdline",
		.data = {(const uint8_t *)words, strlen(words)},
	};
	if (r >= 0)
		r = addon_assemble(&parts, &image, e);
	if (r >= 0)
		r = image_sign_publish(&publish, &key, &image, path, &result, e);
	if (r >= 0 && secure_boot_is_on(root))
		r = check_signer(root, out, e);
	return r;
}

static int sync_directory(const struct root *root, const char *path)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
}

int reserve_addon_apply(const struct root *root, const struct reserve_addon *a,
			const struct boot_plan *p, struct ukd_error *e)
{
	_free_ char *dir = strdup(p->path), *temp = NULL;
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int r;

	if (!slash || asprintf(&temp, "%s%s" NEW_SUFFIX, root->path, p->path) < 0)
		return ukd_oom(e);
	*slash = 0;
	r = root_check_plain(root, dir, e);
	if (r < 0)
		return r;
	if (p->after) {
		r = make_directories(root->fd, dir + 1, 0755, e);
		if (r >= 0)
			r = make(root, a, p->after, temp, e);
		if (r >= 0 && renameat(AT_FDCWD, temp, root->fd, p->path + 1) < 0)
			r = ukd_fail_errno(e, -errno, "%s%s", root->path, p->path);
		if (r < 0)
			(void)unlink(temp);
	} else if (unlinkat(root->fd, p->path + 1, 0) < 0) {
		r = ukd_fail_errno(e, -errno, "%s%s", root->path, p->path);
	}
	if (r >= 0 && sync_directory(root, dir) < 0)
		r = ukd_fail_errno(e, -errno, "%s%s: cannot sync", root->path, dir);
	return r;
}
