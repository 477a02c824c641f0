// SPDX-License-Identifier: GPL-2.0-or-later
/* The capture initrd: see initrd.h. The root directory and what runs in it are trusted. */
#include "build/initrd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/device.h"
#include "build/gather.h"
#include "build/modules.h"
#include "build/target.h"
#include "util/cleanup.h"
#include "util/process.h"

#define DRACUT_LIMIT_S 600
#define STAGE_PARENT   "/var/tmp"
#define DRACUT_CONF    "dracut.conf" /* empty, in the stage, and the empty directory *.d */

/* Disks that servers and virtual machines boot from, for an image that will run elsewhere. */
static const char *const fleet_drivers[] = {
	"virtio_pci", "virtio_blk", "virtio_scsi", "ahci",	   "nvme",   "megaraid_sas",
	"mpt3sas",    "vmw_pvscsi", "hv_storvsc",  "xen_blkfront", "sd_mod",
};

struct stage {
	const struct root *root;
	const struct initrd_spec *spec;
	struct module_tree *tree;
	char dir[64];	    /* inside the root */
	char full[4200];    /* as this process sees it */
	struct buffer list; /* modules.list */
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void stage_remove(struct stage *s)
{
	if (s->full[0])
		(void)nftw(s->full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buffer_free(&s->list);
	module_tree_free(s->tree);
}

static int stage_make(struct stage *s, struct ukd_error *e)
{
	char template[4200];

	(void)snprintf(template, sizeof(template), "%s" STAGE_PARENT "/ukdump-build.XXXXXX",
		       s->root->path);
	if (!mkdtemp(template))
		return ukd_fail_errno(e, -errno, "%s", template);
	(void)snprintf(s->full, sizeof(s->full), "%s", template);
	(void)snprintf(s->dir, sizeof(s->dir), STAGE_PARENT "/%s", strrchr(template, '/') + 1);
	return 0;
}

static int stage_write(const struct stage *s, const char *name, struct bytes text,
		       struct ukd_error *e)
{
	char path[4300];

	(void)snprintf(path, sizeof(path), "%s/%s", s->full, name);
	return file_replace(AT_FDCWD, path, 0600, text, e);
}

/* The drivers of one target, as they are found. */
struct drivers {
	struct stage *stage;
	char names[256]; /* for the note */
};

static int add_driver(struct drivers *d, const char *name, struct ukd_error *e)
{
	int r = module_add(d->stage->tree, name, &d->stage->list, e);
	size_t used = strlen(d->names);

	if (r > 0)
		(void)snprintf(d->names + used, sizeof(d->names) - used, " %s", name);
	return r;
}

/*
 * A driver that is bound to the disk. One that is built into the running kernel may be missing
 * from the lists of the other: they do not name everything that is built in.
 */
static int add_bound(void *ctx, const char *name, bool loadable, struct ukd_error *e)
{
	struct drivers *d = ctx;
	int r = add_driver(d, name, e);

	if (r == 0 && loadable)
		return ukd_refuse(e, "target",
				  "kernel %s has no driver '%s', which the disk needs; build for "
				  "another kernel, or set another Target=",
				  d->stage->spec->kver, name);
	return r < 0 ? r : 0;
}

/* What the administrator names must be there. */
static int add_required(struct stage *s, const char *name, struct ukd_error *e)
{
	int r = module_add(s->tree, name, &s->list, e);

	if (r == 0)
		return ukd_fail(e, -ENOENT, "kernel %s has no module '%s'", s->spec->kver, name);
	return r < 0 ? r : 0;
}

/*
 * The target's file system is not known here: a list for each, of which the capture environment
 * loads the one that it finds. All of them at once would cost memory.
 */
static int stage_file_systems(struct stage *s, struct ukd_error *e)
{
	for (size_t i = 0; i < PLACE_FILE_SYSTEMS; i++) {
		_buffer_ struct buffer list = {0};
		char name[32];
		int r = module_add(s->tree, place_file_systems[i], &list, e);

		(void)snprintf(name, sizeof(name), "modules-%s.list", place_file_systems[i]);
		if (r > 0 && list.len)
			r = stage_write(s, name, buffer_bytes(&list), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where the disk is not known, the kernel's share of the usual ones. */
static int add_drivers(struct drivers *d, const struct place *place, struct ukd_error *e)
{
	int r = 0;

	if (place->device[0])
		return device_drivers(d->stage->root, place->device, add_bound, d, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fleet_drivers); i++)
		r = add_driver(d, fleet_drivers[i], e);
	return r < 0 ? r : 0;
}

static void note_target(const struct drivers *d, const struct place *place)
{
	const struct initrd_spec *spec = d->stage->spec;
	char text[PLACE_MAX + 512];

	(void)snprintf(text, sizeof(text), "target %s%s%s%s: drivers%s", place->where,
		       place->fs[0] ? " (" : "", place->fs, place->fs[0] ? ")" : "",
		       d->names[0] ? d->names : " are built in");
	if (!place->device[0])
		(void)strncat(text, " (the disk is not looked up here)",
			      sizeof(text) - strlen(text) - 1);
	if (spec->note)
		spec->note(spec->note_ctx, text);
}

static int add_target(struct stage *s, const char *target, unsigned int n, FILE *facts,
		      struct ukd_error *e)
{
	struct drivers d = {.stage = s};
	struct place place = {0};
	int r = place_resolve(s->root, target, s->spec->fleet, &place, e);

	if (r < 0)
		return r;
	if (fprintf(facts, "target.%u=%s\n", n, place.where) < 0)
		return ukd_fail(e, -EIO, "cannot write build.conf");
	r = add_drivers(&d, &place, e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	note_target(&d, &place);
	return place.fs[0] ? add_required(s, place.fs, e) : stage_file_systems(s, e);
}

static int write_facts(struct stage *s, FILE *facts, struct ukd_error *e)
{
	_buffer_ struct buffer id = {0};
	int r = 0;

	(void)fprintf(facts, "image=%s\n", s->spec->kver);
	if (!s->spec->fleet && root_read(s->root, "/etc/machine-id", 256, &id, e) == 0)
		(void)fprintf(facts, "machine_id=%.*s\n", (int)strcspn((char *)id.data, "\n"),
			      (char *)id.data);
	for (unsigned int i = 0; r >= 0 && s->spec->targets[i]; i++)
		r = add_target(s, s->spec->targets[i], i, facts, e);
	for (unsigned int i = 0; r >= 0 && s->spec->modules && s->spec->modules[i]; i++)
		r = add_required(s, s->spec->modules[i], e);
	return r;
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

static int stage_fill(struct stage *s, struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *facts = open_memstream(&text, &len);
	int r;

	if (!facts)
		return ukd_oom(e);
	r = write_facts(s, facts, e);
	if (fclose(facts) != 0 && r >= 0)
		r = ukd_oom(e);
	if (r >= 0)
		r = stage_write(s, "build.conf", (struct bytes){(uint8_t *)text, len}, e);
	if (r >= 0)
		r = stage_write(s, "modules.list", buffer_bytes(&s->list), e);
	if (r >= 0)
		r = stage_write(s, "capture.conf",
				(struct bytes){(const uint8_t *)s->spec->capture_conf,
					       strlen(s->spec->capture_conf)},
				e);
	return r < 0 ? r : stage_dracut_conf(s, e);
}

/* The last line that is not blank, for the error message. */
static const char *last_line(struct buffer *log)
{
	char *text = (char *)log->data;

	if (!text)
		return "no output";
	for (size_t n = log->len; n && (text[n - 1] == '\n' || text[n - 1] == ' '); n--)
		text[n - 1] = 0;
	return strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
}

static int run_dracut(const struct stage *s, bool (*tick)(void *, unsigned int), void *tick_ctx,
		      struct ukd_error *e)
{
	char env[128], output[128], conf[128], confdir[128];
	const char *compress = root_exists(s->root, "/usr/bin/zstd") ? "--zstd" : "--gzip";
	const char *const argv[] = {"dracut",
				    "--force",
				    "--no-hostonly",
				    "--no-hostonly-cmdline",
				    "--no-early-microcode",
				    "--no-uefi",
				    "--conf",
				    conf,
				    "--confdir",
				    confdir,
				    compress,
				    "--kver",
				    s->spec->kver,
				    "-m",
				    "ukdump ukdump-lean",
				    output,
				    NULL};
	const char *const environment[] = {
		env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", NULL};
	_buffer_ struct buffer log = {0};
	char log_path[4300];
	struct ukd_error ignored;
	int r;

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
	if (r == -EREMOTEIO && file_read(AT_FDCWD, log_path, MIB(16), &log, &ignored) == 0)
		return ukd_fail(e, r, "%s: %s", e->text, last_line(&log));
	if (r == -ENOENT)
		return ukd_fail(e, r, "dracut is not installed%s%s; install the package 'dracut'",
				s->root->path[0] ? " in " : "", s->root->path);
	return r;
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

int initrd_build(const struct root *root, const struct initrd_spec *spec,
		 bool (*tick)(void *ctx, unsigned int seconds), void *tick_ctx, struct buffer *ret,
		 struct ukd_error *e)
{
	_cleanup_(stage_remove) struct stage s = {.root = root, .spec = spec};
	_buffer_ struct buffer initrd = {0};
	char path[128];
	int r = module_tree_load(root, spec->kver, &s.tree, e);

	if (r >= 0)
		r = stage_make(&s, e);
	if (r >= 0)
		r = stage_fill(&s, e);
	if (r >= 0)
		r = run_dracut(&s, tick, tick_ctx, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/initrd", s.dir);
	r = root_read(root, path, PART_MAX, &initrd, e);
	if (r >= 0)
		r = initrd_check_magic(buffer_bytes(&initrd), e);
	if (r < 0)
		return r;
	*ret = initrd;
	initrd = (struct buffer){0};
	return 0;
}
