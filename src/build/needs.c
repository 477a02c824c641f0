// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects what goes into an image: see needs.h. The root directory is the administrator's. */
#include "build/needs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

#define DRACUT_MODULES "/usr/lib/dracut/modules.d"
#define SECRET_MAX     KIB(64)

static const struct kind {
	const char *prefix;
	int (*need)(struct needs *n, const char *target, unsigned int index, struct ukd_error *e);
} kinds[] = {
	{"file:", need_disk},	   {"/dev/", need_disk},	   {"UUID=", need_disk},
	{"LABEL=", need_disk},	   {"PARTUUID=", need_disk},	   {"PARTLABEL=", need_disk},
	{"PARTTYPE=", need_disk},  {"virtiofs://", need_virtiofs}, {"exec:", need_exec},
	{"https://", need_upload}, {"s3://", need_upload},	   {"nfs://", need_nfs},
	{"ssh://", need_ssh},
};

void needs_note(const struct needs *n, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!n->note)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->note(n->note_ctx, text);
}

/* Adds a word to a list that has each once. */
static int add_once(struct strings *list, const char *s, struct ukd_error *e)
{
	for (unsigned int i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return 0;
	return strings_add(list, s) < 0 ? ukd_oom(e) : 0;
}

int need_dracut(struct needs *n, const char *module, struct ukd_error *e)
{
	return add_once(&n->dracut, module, e);
}

int need_driver(struct needs *n, const char *name, struct ukd_error *e)
{
	return module_add(n->tree, name, &n->drivers, e);
}

int need_disk_driver(struct needs *n, const char *name, struct ukd_error *e)
{
	return module_add(n->tree, name, &n->disk_drivers, e);
}

/* dracut's directories are "90lvm", and from version 107 on "70lvm". */
bool need_has_dracut(const struct needs *n, const char *module)
{
	_closedir_ DIR *dir = root_opendir(n->root, DRACUT_MODULES);
	bool found = false;
	struct dirent *d;

	while (!found && dir && (d = readdir(dir)))
		found = isdigit((unsigned char)d->d_name[0]) &&
			!strcmp(d->d_name + strspn(d->d_name, "0123456789"), module);
	return found;
}

int need_driver_strictly(struct needs *n, const char *name, struct ukd_error *e)
{
	int r = need_driver(n, name, e);

	if (r == 0)
		return ukd_fail(e, -ENOENT, "kernel %s has no module '%s'", n->kver, name);
	return r < 0 ? r : 0;
}

/* The list of this name, made if it is not there; NULL if out of memory. */
static struct need_list *find_list(struct needs *n, const char *name)
{
	struct need_list *lists;

	for (unsigned int i = 0; i < n->n_lists; i++)
		if (!strcmp(n->lists[i].name, name))
			return &n->lists[i];
	lists = reallocarray(n->lists, n->n_lists + 1, sizeof(*lists));
	if (!lists)
		return NULL;
	n->lists = lists;
	lists[n->n_lists] = (struct need_list){0};
	(void)snprintf(lists[n->n_lists].name, sizeof(lists->name), "%s", name);
	return &lists[n->n_lists++];
}

int need_driver_in_list(struct needs *n, const char *list, const char *name, struct ukd_error *e)
{
	struct need_list *l = find_list(n, list);

	return l ? module_add(n->tree, name, &l->drivers, e) : ukd_oom(e);
}

struct alias_context {
	struct needs *needs;
	const char *list;
	unsigned int found;
};

static int add_hardware_alias(void *ctx, const char *alias, struct ukd_error *e)
{
	struct alias_context *c = ctx;
	_free_ char *line = NULL;

	/* "pci:v000...", not the names that people and file systems use. */
	if (!strchr(alias, ':'))
		return 0;
	c->found++;
	if (asprintf(&line, "%s %s", alias, c->list) < 0)
		return ukd_oom(e);
	return add_once(&c->needs->hardware, line, e);
}

int need_driver_by_hardware(struct needs *n, const char *name, bool scsi, struct ukd_error *e)
{
	struct alias_context c = {.needs = n, .list = name};
	int r = need_driver_in_list(n, name, name, e);

	if (r <= 0)
		return r;
	if (scsi && (r = need_driver_in_list(n, name, "sd_mod", e)) < 0)
		return r;
	r = module_aliases(n->tree, name, add_hardware_alias, &c, e);
	if (r < 0)
		return r;
	/* Built in, or without aliases: there in any case. */
	return c.found ? 1 : need_driver(n, name, e);
}

int need_program(struct needs *n, const char *name, struct ukd_error *e)
{
	static const char *const dirs[] = {"/usr/lib/ukdump", "/usr/local/lib/ukdump",
					   "/usr/local/sbin", "/usr/local/bin",
					   "/usr/sbin",	      "/usr/bin",
					   "/sbin",	      "/bin"};
	char path[4200];

	if (name[0] == '/') {
		if (!root_exists(n->root, name))
			return ukd_fail(e, -ENOENT, "%s%s is not there", n->root->path, name);
		return add_once(&n->programs, name, e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_free_ char *line = NULL;

		(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (!root_exists(n->root, path))
			continue;
		if (asprintf(&line, "%s /usr/bin/%s", path, name) < 0)
			return ukd_oom(e);
		return add_once(&n->programs, line, e);
	}
	return ukd_fail(e, -ENOENT, "the program '%s' is not installed%s%s", name,
			n->root->path[0] ? " in " : "", n->root->path);
}

/* Adds a formatted line to a list. */
static int add_line(struct strings *list, const char *fmt, va_list ap, struct ukd_error *e)
{
	_free_ char *line = NULL;

	if (vasprintf(&line, fmt, ap) < 0)
		return ukd_oom(e);
	/* What is written as a line must be one. */
	if (strpbrk(line, "\r\n"))
		return ukd_fail(e, -EINVAL, "a line break in '%s'", line);
	return add_once(list, line, e);
}

int need_parameter(struct needs *n, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = add_line(&n->parameters, fmt, ap, e);
	va_end(ap);
	return r;
}

int need_fact(struct needs *n, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = add_line(&n->facts, fmt, ap, e);
	va_end(ap);
	return r;
}

/* Takes the content over. */
static int add_file(struct needs *n, const char *path, struct buffer *content, mode_t mode,
		    struct ukd_error *e)
{
	struct need_file *files;

	for (unsigned int i = 0; i < n->n_files; i++)
		if (!strcmp(n->files[i].path, path))
			return 0;
	files = reallocarray(n->files, n->n_files + 1, sizeof(*files));
	if (!files)
		return ukd_oom(e);
	n->files = files;
	files[n->n_files] = (struct need_file){.path = strdup(path), .mode = mode};
	if (!files[n->n_files].path)
		return ukd_oom(e);
	files[n->n_files++].content = *content;
	*content = (struct buffer){0};
	return 0;
}

int need_file(struct needs *n, const char *path, struct bytes content, mode_t mode,
	      struct ukd_error *e)
{
	_buffer_ struct buffer copy = {0};

	copy.data = malloc(content.len + 1);
	if (!copy.data)
		return ukd_oom(e);
	memcpy(copy.data, content.p, content.len);
	copy.data[content.len] = 0;
	copy.len = content.len;
	return add_file(n, path, &copy, mode, e);
}

int need_file_more(struct needs *n, const char *path, struct bytes content, mode_t mode,
		   struct ukd_error *e)
{
	for (unsigned int i = 0; i < n->n_files; i++) {
		struct buffer *b = &n->files[i].content;
		uint8_t *data;

		if (strcmp(n->files[i].path, path) != 0)
			continue;
		data = realloc(b->data, b->len + content.len + 1);
		if (!data)
			return ukd_oom(e);
		memcpy(data + b->len, content.p, content.len);
		*b = (struct buffer){data, b->len + content.len};
		data[b->len] = 0;
		return 0;
	}
	return need_file(n, path, content, mode, e);
}

int need_copy(struct needs *n, const char *setting, const char *from, const char *path, mode_t mode,
	      size_t max, struct ukd_error *e)
{
	_buffer_ struct buffer content = {0};
	int r = root_read(n->root, from, max, &content, e);

	if (r < 0)
		return ukd_prefix(e, "%s=%s", setting, from);
	if (strings_add(&n->sources, from) < 0)
		return ukd_oom(e);
	return add_file(n, path, &content, mode, e);
}

static int check_private(const struct needs *n, const char *path, struct ukd_error *e)
{
	_close_ int fd = root_openat(n->root, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(e, fd < 0 ? fd : -errno, "cannot read it");
	if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		return ukd_refuse(e, "target",
				  "others may read it (mode %04o); run: chmod 600 %s%s",
				  st.st_mode & 07777, n->root->path, path);
	return 0;
}

int need_secret(struct needs *n, const char *setting, const char *from, const char *path,
		struct ukd_error *e)
{
	int r = check_private(n, from, e);

	if (r < 0)
		return ukd_prefix(e, "%s=%s", setting, from);
	n->confidential = true;
	return need_copy(n, setting, from, path, 0600, SECRET_MAX, e);
}

static int need_target(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(target, kinds[i].prefix, strlen(kinds[i].prefix)))
			return kinds[i].need(n, target, index, e);
	return ukd_refuse(e, "build.settings", "Target=%s: not supported yet", target);
}

static int need_machine(struct needs *n, struct ukd_error *e)
{
	_buffer_ struct buffer id = {0};
	int r = need_fact(n, e, "image=%s", n->kver);

	if (r < 0 || n->fleet || root_read(n->root, "/etc/machine-id", 256, &id, e) < 0)
		return r;
	return need_fact(n, e, "machine_id=%.*s", (int)strcspn((char *)id.data, "\n"),
			 (char *)id.data);
}

int needs_collect(struct needs *n, struct ukd_error *e)
{
	const struct settings *s = n->settings;
	int r = module_tree_load(n->root, n->kver, &n->tree, e);

	if (r >= 0)
		r = need_machine(n, e);
	if (r >= 0)
		r = need_watchdog(n, e);
	for (unsigned int i = 0; r >= 0 && i < s->dump.target.n; i++)
		r = need_target(n, s->dump.target.v[i], i, e);
	for (unsigned int i = 0; r >= 0 && i < s->image.modules.n; i++)
		r = need_driver_strictly(n, s->image.modules.v[i], e);
	if (r >= 0)
		r = need_encrypt(n, e);
	if (r >= 0 && n->hosts.n)
		r = need_network_setup(n, e);
	if (r >= 0)
		r = need_ends(n, e);
	if (r >= 0 && n->dracut.n)
		r = need_fact(n, e, "environment=full");
	return r;
}

void needs_free(struct needs *n)
{
	module_tree_free(n->tree);
	strings_free(&n->dracut);
	strings_free(&n->programs);
	strings_free(&n->parameters);
	strings_free(&n->hosts);
	strings_free(&n->facts);
	strings_free(&n->sources);
	buffer_free(&n->drivers);
	buffer_free(&n->disk_drivers);
	if (n->secrets.data)
		explicit_bzero(n->secrets.data, n->secrets.len);
	buffer_free(&n->secrets);
	strings_free(&n->hardware);
	for (unsigned int i = 0; i < n->n_lists; i++)
		buffer_free(&n->lists[i].drivers);
	free(n->lists);
	for (unsigned int i = 0; i < n->n_files; i++) {
		free(n->files[i].path);
		buffer_free(&n->files[i].content);
	}
	free(n->files);
}
