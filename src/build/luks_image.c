// SPDX-License-Identifier: GPL-2.0-or-later
/* LUKS keys in capture images: see luks.h. Images are signed by whoever made them: hostile here. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/luks.h"
#include "pe/pe.h"
#include "util/cleanup.h"
#include "util/cpio.h"

#define IMAGES_MAX  256
#define ARCHIVE_MAX 4096 /* the key's archive is the first, and smaller */

static int key_path(const char *uuid, char ret[CPIO_PATH_MAX])
{
	return snprintf(ret, CPIO_PATH_MAX, LUKS_KEY_DIR "/%s.key", uuid);
}

int luks_archive(const char *uuid, const struct luks_key *key, struct buffer *ret,
		 struct ukd_error *e)
{
	char path[CPIO_PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	(void)key_path(uuid, path);
	cpio_write_file(out, path, 0755, 0400, (struct bytes){key->bytes, LUKS_KEY_LEN});
	if (fclose(out) != 0) {
		free(text);
		return ukd_oom(e);
	}
	*ret = (struct buffer){(uint8_t *)text, len};
	return 0;
}

/* The first bytes of .initrd. */
static int read_initrd_head(int fd, uint64_t size, uint8_t ret[ARCHIVE_MAX], size_t *ret_len,
			    struct ukd_error *e)
{
	size_t n = size < PE_HEAD_MAX ? (size_t)size : PE_HEAD_MAX;
	_free_ uint8_t *head = malloc(n + 1);
	const struct pe_section *s;
	struct pe_image pe;
	int r;

	if (!head)
		return ukd_oom(e);
	r = fd_pread_full(fd, head, n, 0);
	if (r < 0)
		return ukd_fail_errno(e, r, "image");
	r = pe_parse((struct bytes){head, n}, size, &pe, e);
	if (r < 0)
		return r;
	s = pe_find(&pe, UKI_INITRD);
	*ret_len = s && pe_section_len(s) < ARCHIVE_MAX ? pe_section_len(s) : ARCHIVE_MAX;
	return s ? fd_pread_full(fd, ret, *ret_len, s->raw) : -ENOENT;
}

/* 1: the image has a key for the device, and it is in ret. */
static int read_key(int dirfd, const char *name, const char *uuid, struct luks_key *ret,
		    struct ukd_error *e)
{
	char path[CPIO_PATH_MAX];
	uint8_t head[ARCHIVE_MAX];
	struct ukd_error ignored;
	struct bytes key;
	uint64_t size;
	struct stat st;
	size_t len = 0;
	_close_ int fd = -1;

	(void)key_path(uuid, path);
	/* What is no image has no key. */
	if (file_open_regular(dirfd, name, &fd, &size, &ignored) < 0 ||
	    read_initrd_head(fd, size, head, &len, &ignored) < 0 ||
	    !cpio_find_file((struct bytes){head, len}, path, &key) || key.len != LUKS_KEY_LEN)
		return 0;
	if (fstat(fd, &st) < 0 || (st.st_mode & 077))
		return ukd_refuse(e, "luks.mode",
				  "the image %s holds a key of LUKS and others may read it: remove "
				  "the file, then run 'ukdumpctl luks remove' and 'ukdumpctl luks "
				  "enroll'",
				  name);
	memcpy(ret->bytes, key.p, LUKS_KEY_LEN);
	explicit_bzero(head, sizeof(head));
	return 1;
}

struct candidate {
	struct timespec time;
	char name[256];
};

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct candidate *)a)->time;
	const struct timespec *y = &((const struct candidate *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

static unsigned int list_images(DIR *dir, struct candidate *ret)
{
	unsigned int n = 0;
	struct dirent *d;
	struct stat st;

	while (n < IMAGES_MAX && (d = readdir(dir))) {
		if (d->d_name[0] == '.' || strlen(d->d_name) >= sizeof(ret->name) ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		ret[n].time = st.st_mtim;
		strcpy(ret[n++].name, d->d_name);
	}
	qsort(ret, n, sizeof(*ret), newest_first);
	return n;
}

/* LUKS2: the slots that our tokens name; LUKS1: all, which are PBKDF2 there. */
static int try_slots(const char *node, const struct luks_info *info, struct luks_key *key,
		     struct ukd_error *e)
{
	int r = 0;

	if (info->version == 1)
		return luks_try(node, key->bytes, LUKS_ANY_SLOT, &key->slot, e);
	for (unsigned int i = 0; r == 0 && i < info->n; i++)
		if (info->slot[i] != LUKS_ANY_SLOT)
			r = luks_try(node, key->bytes, info->slot[i], &key->slot, e);
	return r;
}

int luks_find_key(const struct root *root, const char *images, const char *node, const char *uuid,
		  struct luks_key *ret, struct ukd_error *e)
{
	_free_ struct candidate *list = calloc(IMAGES_MAX, sizeof(*list));
	_closedir_ DIR *dir = NULL;
	struct luks_info info;
	unsigned int n = 0;
	int r;

	if (!list)
		return ukd_oom(e);
	r = luks_read(node, &info, e);
	if (r < 0)
		return r;
	dir = root_opendir(root, images);
	n = dir ? list_images(dir, list) : 0;
	for (unsigned int i = 0; i < n; i++) {
		r = read_key(dirfd(dir), list[i].name, uuid, ret, e);
		if (r > 0)
			r = try_slots(node, &info, ret, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return ukd_fail(e, -ENOENT,
			"no capture image has a key for the encrypted device %s; run 'ukdumpctl "
			"luks enroll'",
			node);
}
