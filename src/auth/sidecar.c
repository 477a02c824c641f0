// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files beside a UKI: see sidecar.h. Whoever can write there chooses names and contents; an addon's
 * content is as good as its signature, its name only decides about the order.
 */
#include "auth/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

void sidecars_free(struct sidecars *s)
{
	for (unsigned int i = 0; i < s->n; i++)
		free(s->path[i]);
	for (unsigned int i = 0; i < s->n_ignored; i++)
		free(s->ignored[i]);
	*s = (struct sidecars){0};
}

/*
 * Length of the name without its boot counter: "a+3-0.efi" and "a+3.efi" are "a.efi". Returns where
 * the counter begins, and where ".efi" does.
 */
static void find_counter(const char *name, size_t *ret_from, size_t *ret_to)
{
	const char *suffix = strrchr(name, '.'), *plus = strrchr(name, '+'), *at;

	*ret_from = *ret_to = strlen(name);
	if (!suffix || !plus || plus > suffix || strcasecmp(suffix, ".efi") != 0)
		return;
	at = plus + 1 + strspn(plus + 1, "0123456789");
	if (at == plus + 1)
		return;
	if (*at == '-' && at[1] != '.')
		at += 1 + strspn(at + 1, "0123456789");
	if (at != suffix)
		return;
	*ret_from = (size_t)(plus - name);
	*ret_to = (size_t)(suffix - name);
}

static int directory_of(const char *image, char ret[PATH_MAX], struct ukd_error *e)
{
	const char *slash = strrchr(image, '/'), *name = slash ? slash + 1 : image;
	size_t from, to;
	int n;

	find_counter(name, &from, &to);
	n = snprintf(ret, PATH_MAX, "%.*s%s.extra.d", (int)((size_t)(name - image) + from), image,
		     name + to);
	if (n < 0 || n >= PATH_MAX)
		return ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", image);
	return 0;
}

/* systemd-stub passes over hidden files and takes no account of case (stub.c, 262). */
static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool is_addon(const char *name)
{
	static const char suffix[] = ".addon.efi";
	size_t n = strlen(name);

	return n >= strlen(suffix) && !strcasecmp(name + n - strlen(suffix), suffix);
}

/* By bytes in any locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int take(struct sidecars *s, const char *dir, const char *name, struct ukd_error *e)
{
	bool addon = is_addon(name);
	char *path;

	if (addon && s->n == SIDECAR_MAX)
		return ukd_refuse(e, "addon.count", "%s: more than %u addons", dir, SIDECAR_MAX);
	if (!addon && s->n_ignored == SIDECAR_MAX)
		return 0; /* enough to tell */
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return ukd_oom(e);
	if (addon)
		s->path[s->n++] = path;
	else
		s->ignored[s->n_ignored++] = path;
	return 0;
}

int sidecars_find(int dirfd, const char *image, struct sidecars *ret, struct ukd_error *e)
{
	_sidecars_ struct sidecars s = {0};
	struct dirent **names = NULL;
	char dir[PATH_MAX];
	int n, r = directory_of(image, dir, e);

	if (r < 0)
		return r;
	n = scandirat(dirfd, dir, &names, is_visible, by_name);
	if (n < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = take(&s, dir, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct sidecars){0};
	return 0;
}

/* Without the line feed that some builders end it with. */
static struct bytes release_of(const char *uname)
{
	return (struct bytes){(const uint8_t *)uname, strcspn(uname, "\n")};
}

bool addon_applies(const struct uki *addon, const char *uname)
{
	const char *own = uki_text(addon, UKI_UNAME);

	return !own || !uname || bytes_equal(release_of(own), release_of(uname));
}
