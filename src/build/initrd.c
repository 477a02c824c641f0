// SPDX-License-Identifier: GPL-2.0-or-later
/* The capture initrd: see initrd.h. The root directory and what runs in it are trusted. */
#include "build/initrd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/gather.h"
#include "build/sources.h"
#include "util/cleanup.h"
#include "util/kconfig.h"
#include "util/process.h"
#include "util/scratch.h"

#define DRACUT_LIMIT_S 600
#define STAGE_PREFIX   "ukdump-build."
#define DRACUT_CONF    "dracut.conf" /* empty, in the stage, and the empty directory *.d */

struct stage {
	const struct root *root;
	struct needs *needs;
	const char *dir;  /* inside the root */
	const char *full; /* as this process sees it */
};

int initrd_remove_leftovers(const struct root *root, struct ukd_error *e)
{
	return scratch_remove_leftovers(root, STAGE_PREFIX, e);
}

static int stage_write(const struct stage *s, const char *name, struct bytes text,
		       struct ukd_error *e)
{
	char path[4300];

	(void)snprintf(path, sizeof(path), "%s/%s", s->full, name);
	return file_replace(AT_FDCWD, path, 0600, text, e);
}

/* One list, a line for each word. */
static int stage_write_list(const struct stage *s, const char *name, const struct strings *list,
			    struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	for (unsigned int i = 0; i < list->n; i++)
		(void)fprintf(out, "%s\n", list->v[i]);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return stage_write(s, name, (struct bytes){(uint8_t *)text, len}, e);
}

/* files/PATH, which the dracut module copies over the image's root. */
static int stage_files(const struct stage *s, struct ukd_error *e)
{
	char path[8400], *slash;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < s->needs->n_files; i++) {
		const struct need_file *f = &s->needs->files[i];

		(void)snprintf(path, sizeof(path), "%s/files%s", s->full, f->path);
		slash = strrchr(path, '/');
		*slash = 0;
		r = make_directories(AT_FDCWD, path, 0755, e);
		*slash = '/';
		if (r >= 0)
			r = file_replace(AT_FDCWD, path, f->mode, buffer_bytes(&f->content), e);
	}
	return r;
}

/* Does the kernel unpack modules itself (Linux >= 5.17, if configured)? */
static bool kernel_unpacks(const struct needs *n)
{
	_kconfig_ struct kconfig config = {0};

	kconfig_read_version(n->root, n->kver, &config);
	return kconfig_get(&config, "MODULE_DECOMPRESS") == KCONFIG_YES;
}

/* One behind the other. */
static int join(const struct buffer *a, const struct buffer *b, struct buffer *ret,
		struct ukd_error *e)
{
	ret->data = malloc(a->len + b->len + 1);
	if (!ret->data)
		return ukd_oom(e);
	if (a->len)
		memcpy(ret->data, a->data, a->len);
	if (b->len)
		memcpy(ret->data + a->len, b->data, b->len);
	ret->len = a->len + b->len;
	ret->data[ret->len] = 0;
	return 0;
}

static int stage_drivers(const struct stage *s, struct ukd_error *e)
{
	const struct needs *n = s->needs;
	_buffer_ struct buffer all = {0};
	int r = join(&n->drivers, &n->disk_drivers, &all, e);
	char name[64];

	if (r >= 0)
		r = stage_write(s, "modules.list", buffer_bytes(&all), e);

	/* What may never be loaded takes a quarter of the memory as it is. */
	if (r >= 0 && kernel_unpacks(n))
		r = stage_write(s, "kernel-unpacks", (struct bytes){(const uint8_t *)"", 0}, e);

	for (unsigned int i = 0; r >= 0 && i < n->n_lists; i++) {
		(void)snprintf(name, sizeof(name), "modules-%s.list", n->lists[i].name);
		if (n->lists[i].drivers.len)
			r = stage_write(s, name, buffer_bytes(&n->lists[i].drivers), e);
	}
	if (r >= 0 && n->hardware.n)
		r = stage_write_list(s, "hardware.alias", &n->hardware, e);
	return r;
}

/* The settings that the capture environment reads. */
static int stage_settings(const struct stage *s, struct ukd_error *e)
{
	static const char *const sections[] = {"Dump", "Action", "Network", "Store"};
	const struct settings *settings = s->needs->settings;
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	if (settings->image.allow_shell)
		(void)fprintf(out, "[Image]\nAllowShell=yes\n");
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		settings_print(settings, sections[i], out);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return stage_write(s, "capture.conf", (struct bytes){(uint8_t *)text, len}, e);
}

/*
 * The administrator's dracut.conf is for the initrd that boots; in this one uefi=yes or a further
 * module would do harm that shows on the worst day only.
 */
static int stage_dracut_conf(const struct stage *s, struct ukd_error *e)
{
	char path[4300];
	int r = stage_write(s, DRACUT_CONF, (struct bytes){(const uint8_t *)"", 0}, e);

	(void)snprintf(path, sizeof(path), "%s/" DRACUT_CONF ".d", s->full);
	return r < 0 ? r : make_directories(AT_FDCWD, path, 0700, e);
}

static int stage_fill(const struct stage *s, struct ukd_error *e)
{
	const struct needs *n = s->needs;
	int r = stage_settings(s, e);

	if (r >= 0)
		r = stage_drivers(s, e);
	if (r >= 0)
		r = stage_files(s, e);
	if (r >= 0)
		r = stage_write_list(s, "build.conf", &n->facts, e);
	if (r >= 0)
		r = stage_write_list(s, "programs.list", &n->programs, e);
	if (r >= 0)
		r = stage_write_list(s, "parameters.conf", &n->parameters, e);
	return r < 0 ? r : stage_dracut_conf(s, e);
}

/* The last line that tells something, for the error message: not what --keep says at the end. */
static const char *last_line(struct buffer *log)
{
	const char *last = "no output";
	char *rest = (char *)log->data, *line;

	while ((line = strsep(&rest, "\n")))
		if (line[strspn(line, " ")] && strncmp(line, "Not removing ", 13) != 0)
			last = line;
	return last;
}

/* dracut's -m: ours, and those that bring up what the targets are on. */
static int module_names(const struct needs *n, char *ret, size_t size, struct ukd_error *e)
{
	size_t used = (size_t)snprintf(ret, size, "ukdump %s",
				       n->dracut.n ? "ukdump-full" : "ukdump-lean");

	for (unsigned int i = 0; i < n->dracut.n && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, " %s", n->dracut.v[i]);
	return used < size ? 0 : ukd_fail(e, -E2BIG, "too many dracut modules");
}

/* Its last line tells more than its exit status. */
static int explain_dracut(const struct stage *s, const char *log_path, struct ukd_error *e)
{
	_buffer_ struct buffer log = {0};
	struct ukd_error ignored;

	if (e->code == -EREMOTEIO && file_read(AT_FDCWD, log_path, MIB(16), &log, &ignored) == 0)
		return ukd_fail(e, e->code, "%s: %s", e->text, last_line(&log));
	if (e->code == -ENOENT)
		return ukd_fail(e, e->code,
				"dracut is not installed%s%s; install the package 'dracut'",
				s->root->path[0] ? " in " : "", s->root->path);
	return e->code;
}

static int run_dracut(const struct stage *s, bool (*tick)(void *, unsigned int), void *tick_ctx,
		      struct ukd_error *e)
{
	char env[128], output[128], conf[128], confdir[128], modules[1024];
	const char *compress = root_exists(s->root, "/usr/bin/zstd") ? "--zstd" : "--gzip";
	const char *const argv[] = {"dracut",
				    "--force",
				    "--no-hostonly",
				    "--no-hostonly-cmdline",
				    "--no-early-microcode",
				    "--no-uefi",
				    "--no-kernel", /* drivers are those of modules.list */
				    "--tmpdir",	   /* what a kill leaves is in our directory */
				    s->dir,
				    "--keep", /* its tree, to see what went in */
				    "--conf",
				    conf,
				    "--confdir",
				    confdir,
				    compress,
				    "--kver",
				    s->needs->kver,
				    "-m",
				    modules,
				    output,
				    NULL};
	const char *const environment[] = {
		env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", NULL};
	char log_path[4300];
	int r;

	r = module_names(s->needs, modules, sizeof(modules), e);
	if (r < 0)
		return r;
	(void)snprintf(env, sizeof(env), "UKDUMP_STAGE=%s", s->dir);
	(void)snprintf(output, sizeof(output), "%s/initrd", s->dir);
	(void)snprintf(conf, sizeof(conf), "%s/" DRACUT_CONF, s->dir);
	(void)snprintf(confdir, sizeof(confdir), "%s/" DRACUT_CONF ".d", s->dir);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", s->full);
	_close_ int log_fd = open(log_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return ukd_fail_errno(e, -errno, "%s", log_path);
	struct process p = {
		PROCESS_DEFAULTS,   .argv = argv,
		.env = environment, .chroot_dir = s->root->path[0] ? s->root->path : NULL,
		.tick = tick,	    .tick_ctx = tick_ctx,
	};
	p.stdout_fd = p.stderr_fd = log_fd;
	p.timeout_s = DRACUT_LIMIT_S;
	r = process_run_ok(&p, e);
	return r < 0 ? explain_dracut(s, log_path, e) : r;
}

#define BYTES(s)                                    \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}

int initrd_check_magic(struct bytes initrd, struct ukd_error *e)
{
	/* cpio (newc, with checksums), gzip, zstd, xz, lz4 as the kernel reads it, lzop */
	static const struct bytes known[] = {
		BYTES("070701"),
		BYTES("070702"),
		BYTES("\x1f\x8b"),
		BYTES("\x28\xb5\x2f\xfd"),
		BYTES("\xfd"
		      "7zXZ"),
		BYTES("\x02\x21\x4c\x18"),
		BYTES("\x89"
		      "LZO"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (initrd.len >= known[i].len && !memcmp(initrd.p, known[i].p, known[i].len))
			return 0;
	return ukd_refuse(
		e, "initrd.magic",
		"what dracut made is neither cpio nor compressed as a kernel can read it");
}

/* dracut's tree is DIR/dracut.XXXXXX/initramfs (059 to 110). */
static int add_sources(const struct stage *s, struct ukd_error *e)
{
	_closedir_ DIR *dir = opendir(s->full);
	struct dirent *d;
	char tree[4600];

	while (dir && (d = readdir(dir))) {
		(void)snprintf(tree, sizeof(tree), "%s/%s/initramfs", s->full, d->d_name);
		if (!strncmp(d->d_name, "dracut.", 7) && access(tree, F_OK) == 0)
			return needs_sources_of_tree(s->needs, tree, e);
	}
	needs_note(s->needs, "dracut left no tree: updates of libraries will not be noticed");
	return 0;
}

int initrd_build(struct needs *n, bool (*tick)(void *ctx, unsigned int seconds), void *tick_ctx,
		 struct buffer *ret, struct ukd_error *e)
{
	_scratch_ struct scratch scratch = {0};
	struct stage s = {.root = n->root, .needs = n};
	_buffer_ struct buffer initrd = {0};
	char path[128];
	int r = scratch_make(n->root, STAGE_PREFIX, &scratch, e);

	s.full = scratch.path;
	s.dir = scratch_inside(n->root, &scratch);
	if (r >= 0)
		r = stage_fill(&s, e);
	if (r >= 0)
		r = needs_sources(n, e);
	if (r >= 0)
		r = run_dracut(&s, tick, tick_ctx, e);
	if (r < 0)
		return r;
	r = add_sources(&s, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/initrd", s.dir);
	r = root_read(n->root, path, PART_MAX, &initrd, e);
	if (r >= 0)
		r = initrd_check_magic(buffer_bytes(&initrd), e);
	/* The kernel unpacks one archive after the other. */
	return r < 0 ? r : join(&n->secrets, &initrd, ret, e);
}
