// SPDX-License-Identifier: GPL-2.0-or-later
/* What start, stop, reload and refresh share: see arming.h. */
#include "ctl/arming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/loader.h"
#include "ctl/publish.h"
#include "ctl/target_check.h"
#include "util/cleanup.h"
#include "util/root.h"

/* "<release>-<12 hex digits>.efi", as build names them. */
static bool is_image_name(const char *name, const char *release)
{
	size_t n = strlen(release);

	return !strncmp(name, release, n) && name[n] == '-' &&
	       strspn(name + n + 1, "0123456789abcdef") == 12 && !strcmp(name + n + 13, ".efi");
}

/* Made with --no-sign and still waiting for its signature: the image before it stays in use. */
static bool awaits_signature(int dirfd, const char *name)
{
	_uki_ struct uki u = {0};
	struct ukd_error ignored;
	_close_ int fd = -1;
	uint64_t size;

	return file_open_regular(dirfd, name, &fd, &size, &ignored) == 0 &&
	       uki_open(fd, name, size, &u, &ignored) == 0 && !u.certs.n;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

int arming_newest_image(const char *release, char *ret, size_t size, struct ukd_error *e)
{
	_closedir_ DIR *dir = opendir(IMAGE_DIR);
	struct timespec best = {0};
	struct dirent *d;

	if (!dir && errno != ENOENT)
		return ukd_fail_errno(e, -errno, IMAGE_DIR);
	ret[0] = 0;
	while (dir && (d = readdir(dir))) {
		struct stat st;

		if (!is_image_name(d->d_name, release) ||
		    fstatat(dirfd(dir), d->d_name, &st, 0) < 0 ||
		    (ret[0] && !is_newer(&st.st_mtim, &best)))
			continue;
		if (awaits_signature(dirfd(dir), d->d_name)) {
			fprintf(stderr, "ukdumpctl: %s is unsigned, left out\n", d->d_name);
			continue;
		}
		best = st.st_mtim;
		(void)snprintf(ret, size, IMAGE_DIR "/%s", d->d_name);
	}
	if (!ret[0])
		return ukd_fail(e, -ENOENT,
				"no capture image for kernel %s below " IMAGE_DIR
				"; run 'ukdumpctl build'",
				release);
	return 0;
}

void arming_warn_about_targets(void)
{
	_root_ struct root root = ROOT_NONE;
	_targets_ struct targets t = {0};
	struct ukd_error e = {0};
	int r = root_open(NULL, &root, &e);

	if (r >= 0)
		r = targets_check(&root, &t, &e);
	if (r < 0)
		fprintf(stderr, "ukdumpctl: warning: %s\n", e.text);
	for (unsigned int i = 0; i < t.n; i++)
		if (t.v[i].problem[0])
			fprintf(stderr, "ukdumpctl: warning: target %s: %s\n", t.v[i].uri,
				t.v[i].problem);
	if (t.recipients.code)
		fprintf(stderr, "ukdumpctl: warning: %s\n", t.recipients.text);
}

int arming_change(const char *path, const char *profile, struct buffer *ret, struct ukd_error *e)
{
	int r = loader_run(path ? "load" : "unload", profile, path, ret, e);

	return r > 0 ? e->code : r;
}
