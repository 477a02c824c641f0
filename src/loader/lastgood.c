// SPDX-License-Identifier: GPL-2.0-or-later
/* The last image that loaded: see lastgood.h. */
#include "loader/lastgood.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"

#define DIRECTORY "var/lib/ukdump"
#define IMAGE	  (&LAST_GOOD[1]) /* as seen from the root's descriptor */
#define ADDONS	  DIRECTORY "/last-good.extra.d"
#define RECORD	  DIRECTORY "/last-good.profile"

/* Link or copy under a name that nobody looks at, then rename. */
static int keep(const struct root *root, const struct snapshot *s, const char *path,
		struct ukd_error *e)
{
	_discard_ struct new_file f = NEW_FILE_NONE;
	char temp[PATH_MAX];
	int r;

	(void)snprintf(temp, sizeof(temp), "%.*s.new", (int)sizeof(temp) - 8, path);
	(void)unlinkat(root->fd, temp, 0);
	if (linkat(s->fd, "", root->fd, temp, AT_EMPTY_PATH) == 0) {
		if (renameat(root->fd, temp, root->fd, path) < 0)
			return ukd_fail_errno(e, -errno, "/%s", path);
		/* rename(2) of two names of one file does nothing and leaves both. */
		(void)unlinkat(root->fd, temp, 0);
		return 0;
	}
	r = file_create(root->fd, path, 0600, &f, e);
	if (r < 0)
		return r;
	r = fd_copy(s->memfd, 0, s->size, f.fd);
	return r < 0 ? ukd_fail_errno(e, r, "/%s", path) : file_publish(&f, e);
}

static int remove_path(const struct root *root, const char *path, int flags, struct ukd_error *e)
{
	if (unlinkat(root->fd, path, flags) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "/%s", path);
	return 0;
}

/* The directory holds plain files, all of them put there by keep_addons(). */
static int remove_addons(const struct root *root, struct ukd_error *e)
{
	_close_ int fd = openat(root->fd, ADDONS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "/" ADDONS);
	_closedir_ DIR *dir = fdopendir(fd);
	if (!dir)
		return ukd_fail_errno(e, -errno, "/" ADDONS);
	fd = -1; /* the stream's */
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    unlinkat(dirfd(dir), d->d_name, 0) < 0)
			return ukd_fail_errno(e, -errno, "/" ADDONS "/%s", d->d_name);
	return remove_path(root, ADDONS, AT_REMOVEDIR, e);
}

/* Named by number: their order is kept, whatever else lay beside the image. */
static int keep_addons(const struct root *root, const struct plan *p, struct ukd_error *e)
{
	int r = p->n_addons ? make_directories(root->fd, ADDONS, 0700, e) : 0;

	for (unsigned int i = 0; r >= 0 && i < p->n_addons; i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), ADDONS "/%02u.addon.efi", i);
		r = keep(root, &p->addons[i], path, e);
	}
	return r;
}

static void print_id(FILE *out, const char *key, const struct snapshot *s)
{
	char id[2 * AUTH_SHA256_LEN + 1];

	format_hex((struct bytes){s->j.auth.image_id, AUTH_SHA256_LEN}, id);
	(void)fprintf(out, "%s=%s\n", key, id);
}

/* What makes a plan this one and no other. */
static int make_record(const struct plan *p, struct buffer *ret, struct ukd_error *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	(void)fprintf(out, "profile=%u\n", p->profile);
	print_id(out, "image", &p->image);
	for (unsigned int i = 0; i < p->n_addons; i++)
		print_id(out, "addon", &p->addons[i]);
	if (fclose(out) != 0) {
		free(text);
		return ukd_oom(e);
	}
	*ret = (struct buffer){(uint8_t *)text, len};
	return 0;
}

/*
 * New addons are linked into a directory that was emptied: they may be what lies there already, so
 * the plan's descriptors and snapshots are what counts.
 */
int last_good_set(const struct root *root, const struct plan *p, struct ukd_error *e)
{
	_buffer_ struct buffer record = {0};
	int r = make_directories(root->fd, DIRECTORY, 0700, e);

	if (r >= 0)
		r = remove_path(root, RECORD, 0, e);
	if (r >= 0)
		r = remove_addons(root, e);
	if (r >= 0)
		r = keep(root, &p->image, IMAGE, e);
	if (r < 0 || plan_is_sealed(p))
		return r;
	r = keep_addons(root, p, e);
	if (r >= 0)
		r = make_record(p, &record, e);
	return r < 0 ? r : file_replace(root->fd, RECORD, 0600, buffer_bytes(&record), e);
}

/* "profile=N" of the record; false if there is no such record. */
static bool read_profile(const struct root *root, struct buffer *record, char ret[16])
{
	struct ukd_error ignored;

	return root_read(root, "/" RECORD, KIB(16), record, &ignored) == 0 &&
	       sscanf((char *)record->data, "profile=%15[0-9]", ret) == 1;
}

static int check_record(const struct plan *p, const struct buffer *record, struct ukd_error *e)
{
	_buffer_ struct buffer now = {0};
	int r = make_record(p, &now, e);

	if (r < 0)
		return r;
	if (!bytes_equal(buffer_bytes(record), buffer_bytes(&now)))
		return ukd_refuse(e, "plan.last-good",
				  LAST_GOOD ": image, addons and /" RECORD
					    " do not belong together");
	return 0;
}

int last_good_plan(const struct machine *m, struct plan *ret, struct ukd_error *e)
{
	_buffer_ struct buffer record = {0};
	_plan_ struct plan p = PLAN_NONE;
	char profile[16];
	bool has_record;
	int r;

	if (!root_exists(m->root, LAST_GOOD))
		return 0;
	has_record = read_profile(m->root, &record, profile);
	r = plan_make(m, m->root->fd, IMAGE, has_record ? profile : NULL, &p, e);
	if (r >= 0 && !plan_is_sealed(&p))
		r = check_record(&p, &record, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct plan)PLAN_NONE;
	return 1;
}
