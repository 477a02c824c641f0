// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading a directory of crashes, and removing one: see store.h. */
#include "store/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/parse.h"

#define FILES_MAX 65536 /* looked at in one crash's directory */
#define NOBODY	  65534

#define MANIFEST "manifest.json"

/* "20261121T183822Z-" */
static const char stamp[] = "ddddddddTddddddZ-";

bool store_is_crash(const char *name, const char **ret_machine)
{
	for (size_t i = 0; stamp[i]; i++)
		if (stamp[i] == 'd' ? !isdigit((unsigned char)name[i]) : name[i] != stamp[i])
			return false;
	*ret_machine = name + strlen(stamp);
	for (const char *p = *ret_machine; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			return false;
	return **ret_machine && strlen(name) < sizeof(((struct store_entry *)NULL)->name);
}

/* Takes name apart; false if it is no crash of machine. */
static bool parse_name(const char *name, const char *machine, struct store_entry *ret)
{
	const size_t base = machine ? strlen(stamp) + strlen(machine) : strlen(name);
	const char *whose;
	uint64_t number = 0;

	if (!store_is_crash(name, &whose) || strlen(name) < base ||
	    (machine && strncmp(whose, machine, strlen(machine)) != 0))
		return false;
	if (name[base] &&
	    (name[base] != '-' || !parse_u64(name + base + 1, &number) || !number || number > 9999))
		return false;
	*ret = (struct store_entry){.base = (unsigned int)base, .number = (unsigned int)number};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	return true;
}

/* True if name is base and any of the suffixes that our files get. */
static bool is_named(const char *name, const char *base)
{
	static const char *const suffixes[] = {"-incomplete", "-part", ".flat", ".age"};
	bool found = true;

	if (strncmp(name, base, strlen(base)) != 0)
		return false;
	name += strlen(base);
	while (*name && found) {
		found = false;
		for (size_t i = 0; i < ARRAY_SIZE(suffixes) && !found; i++) {
			found = !strncmp(name, suffixes[i], strlen(suffixes[i]));
			if (found)
				name += strlen(suffixes[i]);
		}
	}
	return !*name;
}

enum file_kind {
	FILE_FOREIGN,
	FILE_DUMP,
	FILE_LOG,
	FILE_MANIFEST, /* or its temporary file, from a power cut */
};

static enum file_kind kind_of(const char *name)
{
	if (is_named(name, "vmcore"))
		return FILE_DUMP;
	if (is_named(name, "dmesg.txt") || is_named(name, "dmesg-incomplete.txt"))
		return FILE_LOG;
	if (!strcmp(name, MANIFEST) || !strncmp(name, MANIFEST ".tmp.", strlen(MANIFEST ".tmp.")))
		return FILE_MANIFEST;
	return FILE_FOREIGN;
}

/* The final name is what makes a dump complete. */
static bool is_final(const char *name)
{
	return !strstr(name, "-incomplete") && !strstr(name, "-part");
}

/*
 * Where everybody may make directories and remove only his own (the sticky /var/crash of some
 * systems), only ours and those of the store's owner may be captures of this machine: else dumps
 * "of the year 2099" would be the newest, and ours the ones that go. Nobody is what an NFS server
 * with root_squash makes of us.
 */
static bool may_be_own(const struct stat *store, const struct stat *entry)
{
	return !(store->st_mode & S_ISVTX) || entry->st_uid == geteuid() ||
	       entry->st_uid == store->st_uid || entry->st_uid == NOBODY;
}

/*
 * A directory of the store, never through a link or into another file system; own: only one that
 * this machine may have made. NULL: errno.
 */
static DIR *open_entry(int dirfd, const char *name, bool own)
{
	_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat here, there;
	DIR *dir;

	if (fd < 0 || fstat(dirfd, &here) < 0 || fstat(fd, &there) < 0)
		return NULL;
	if (here.st_dev != there.st_dev || (own && !may_be_own(&here, &there))) {
		errno = here.st_dev != there.st_dev ? EXDEV : EPERM;
		return NULL;
	}
	dir = fdopendir(fd);
	if (dir)
		(void)take_fd(&fd);
	return dir;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* What of a crash's directory counts. */
struct content {
	bool part, manifest; /* an unfinished dump, a manifest */
	bool ours, foreign;  /* files */
};

static void add_file(struct store_entry *entry, struct content *c, int dirfd, const char *name)
{
	enum file_kind kind = kind_of(name);
	struct stat st;

	if (kind == FILE_FOREIGN || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode)) {
		c->foreign = true;
		return;
	}
	c->ours = true;
	entry->used += (uint64_t)st.st_blocks * 512;
	c->manifest |= !strcmp(name, MANIFEST);
	c->part |= kind == FILE_DUMP && !is_final(name);
	/* An empty one is what is left of a dump, whatever its name. */
	if (kind == FILE_DUMP && is_final(name) && st.st_size > 0) {
		entry->state = STORE_COMPLETE;
		entry->dump = (uint64_t)st.st_size;
	}
}

/* Adds what the directory holds up. False: nothing of it is ours. */
static bool read_entry(int store, bool own, struct store_entry *entry)
{
	_closedir_ DIR *dir = open_entry(store, entry->name, own);
	struct content c = {0};
	unsigned int files = 0;
	struct dirent *d;

	if (!dir)
		return false;
	for (errno = 0; files <= FILES_MAX && (d = readdir(dir)); errno = 0, files++)
		if (!is_dot(d->d_name))
			add_file(entry, &c, dirfd(dir), d->d_name);
	entry->unsure = errno || files > FILES_MAX;
	if (entry->state != STORE_COMPLETE && c.manifest)
		entry->state = c.part ? STORE_PARTIAL : STORE_LOG_ONLY;
	/* An empty one is what a power cut leaves that came first. */
	return c.ours || !c.foreign;
}

/* The time is text that sorts; then the number. */
static int by_age(const void *a, const void *b)
{
	const struct store_entry *x = a, *y = b;
	int r = strncmp(x->name, y->name, strlen(stamp));

	return r ? r : (x->number > y->number) - (x->number < y->number);
}

int store_each(int dirfd, const char *machine,
	       int (*each)(void *ctx, const struct store_entry *entry), void *ctx, bool *ret_more,
	       struct ukd_error *e)
{
	_close_ int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned int names = 0;
	struct dirent *d = NULL;
	int r = 0;

	if (!dir)
		return ukd_fail_errno(e, -errno, "cannot read the directory of crashes");
	(void)take_fd(&fd);
	*ret_more = false;
	for (errno = 0; r >= 0 && !*ret_more && (d = readdir(dir)); errno = 0) {
		struct store_entry entry;

		*ret_more = ++names > STORE_NAMES_MAX;
		if (parse_name(d->d_name, machine, &entry) &&
		    read_entry(dirfd, machine != NULL, &entry))
			r = each(ctx, &entry);
	}
	if (r >= 0 && !d)
		r = -errno;
	return r < 0 ? ukd_fail_errno(e, r, "cannot list crashes") : 0;
}

static int add_entry(void *ctx, const struct store_entry *entry)
{
	struct store *s = ctx;

	if (s->n < STORE_ENTRIES_MAX)
		s->v[s->n++] = *entry;
	else
		s->full = true;
	return 0;
}

int store_scan(int dirfd, const char *machine, struct store *ret, struct ukd_error *e)
{
	int r;

	ret->n = 0;
	ret->full = false;
	r = store_each(dirfd, machine, add_entry, ret, &ret->more, e);
	if (r < 0)
		return r;
	ret->more |= ret->full;
	qsort(ret->v, ret->n, sizeof(ret->v[0]), by_age);
	return 0;
}

bool store_is_own(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

int store_open_file(int dirfd, const char *name, int *ret_fd, struct ukd_error *e)
{
	_close_ int fd = -1;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ukd_fail_errno(e, -errno, "%s", name);
	if (S_ISLNK(st.st_mode))
		return ukd_refuse(e, "file.type", "%s: is a symbolic link", name);
	if (!S_ISREG(st.st_mode))
		return ukd_refuse(e, "file.type", "%s: not a regular file", name);
	/* Now it may be another one, also a FIFO. */
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return ukd_refuse(e, "file.type", "%s: not a regular file", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int store_read_file(int dirfd, const char *name, size_t max, struct buffer *ret,
		    struct ukd_error *e)
{
	_close_ int fd = -1;
	int r = store_open_file(dirfd, name, &fd, e);

	return r < 0 ? r : file_read_fd(fd, name, max, ret, e);
}

const char *store_state_name(enum store_state state)
{
	static const char *const names[] = {
		[STORE_UNFINISHED] = "unfinished",
		[STORE_LOG_ONLY] = "log-only",
		[STORE_PARTIAL] = "partial",
		[STORE_COMPLETE] = "complete",
	};

	return names[state];
}

/* Removes the files of one kind. */
static int remove_files(DIR *dir, enum file_kind kind)
{
	struct dirent *d;
	int r = 0;

	rewinddir(dir);
	for (unsigned int i = 0; i < FILES_MAX && (d = readdir(dir)); i++) {
		struct stat st;

		if (kind_of(d->d_name) != kind ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (unlinkat(dirfd(dir), d->d_name, 0) < 0 && errno != ENOENT && !r)
			r = -errno;
	}
	return r;
}

int store_remove(int dirfd, const char *name, struct ukd_error *e)
{
	static const enum file_kind order[] = {FILE_DUMP, FILE_LOG, FILE_MANIFEST};
	_closedir_ DIR *dir = open_entry(dirfd, name, true);

	if (!dir)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "cannot open %s", name);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int r = remove_files(dir, order[i]);

		if (r < 0)
			return ukd_fail_errno(e, r, "cannot remove the files of %s", name);
	}
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST &&
	    errno != ENOENT)
		return ukd_fail_errno(e, -errno, "cannot remove %s", name);
	return 0;
}
