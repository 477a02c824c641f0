// SPDX-License-Identifier: GPL-2.0-or-later
/* See refresh.h. */
#include "ctl/image/refresh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/image/arming.h"
#include "ctl/image/build_image.h"
#include "ctl/ctl.h"
#include "ctl/image/freshness.h"
#include "ctl/hookdir.h"
#include "ctl/loader.h"
#include "ctl/image/refresh_plan.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/sys.h"

#define SIGN_DIR     "/etc/ukdump/sign.d"
#define SIGN_LIMIT_S 300

static void keep_failure(struct refresh *r, const struct ukd_error *e)
{
	if (!r->failure.code)
		r->failure = *e;
}

void refresh_failed(struct refresh *r, const struct ukd_error *e)
{
	if (strcmp(r->failure.text, e->text) != 0) /* else it was printed */
		(void)verb_failed(e);
	keep_failure(r, e);
}

/* Of what is armed, and whether something of [Arm] was left undone. */
static void take_path(const struct buffer *facts, struct refresh *r)
{
	_free_ char *path = loader_value(facts, "path"), *problem = loader_value(facts, "problem");

	(void)snprintf(r->image, sizeof(r->image), "%s", r->armed && path ? path : "");
	r->half_armed = r->armed && problem;
}

int refresh_look(struct refresh *r, struct ukd_error *e)
{
	_buffer_ struct buffer facts = {0};
	int code = loader_run("status", NULL, NULL, &facts, e);

	if (code < 0)
		return code;
	if (code != EXIT_DONE && code != EXIT_NOT_ARMED) {
		keep_failure(r, e); /* ukdump-load has printed it */
		return e->code;
	}
	r->armed = loader_number(&facts, "loaded") == 1;
	r->locked = loader_number(&facts, "load_disabled") == 1;
	free(r->armed_id);
	r->armed_id = r->armed ? loader_value(&facts, "image") : NULL;
	take_path(&facts, r);
	images_free(&r->images);
	return images_read(&r->root, &r->images, e);
}

/* Our own have the first 12 digits of their id in their names; others are hashed. */
static bool is_armed(const struct refresh *r, const struct image *image)
{
	size_t tail = strlen("0123456789ab" IMAGE_EXT), n = strlen(image->path);
	char id[2 * AUTH_SHA256_LEN + 1];
	uint8_t digest[AUTH_SHA256_LEN];
	struct ukd_error ignored;
	_close_ int fd = -1;
	uint64_t size;

	if (!r->armed_id || n <= tail)
		return false;
	if (!image->fleet)
		return !strncmp(image->path + n - tail, r->armed_id, 12);
	if (file_open_regular(r->root.fd, &image->path[1], &fd, &size, &ignored) < 0 ||
	    auth_image_digest(fd, image->path, size, digest, &ignored) < 0)
		return false;
	format_hex((struct bytes){digest, sizeof(digest)}, id);
	return !strcmp(id, r->armed_id);
}

/* Kernel= is a path: the version is the file's own. */
static int read_file_version(struct refresh *r, struct ukd_error *e)
{
	_buffer_ struct buffer kernel = {0};
	int code = root_read(&r->root, r->settings.image.kernel, PART_MAX, &kernel, e);

	if (code < 0)
		return ukd_prefix(e, "Kernel=");
	kernel_own_version(buffer_bytes(&kernel), r->capture);
	if (!r->capture[0])
		return ukd_refuse(e, "build.version",
				  "Kernel=%s: the file does not tell its version",
				  r->settings.image.kernel);
	return 0;
}

static bool is_path(const struct refresh *r)
{
	return r->settings.image.kernel && r->settings.image.kernel[0] == '/';
}

int refresh_find_kernels(struct refresh *r, struct ukd_error *e)
{
	const char *set = r->settings.image.kernel;
	struct ukd_error ignored;

	r->advance[0] = 0;
	if (is_path(r))
		return read_file_version(r, e);
	/* What boots next; that there is no other kernel is no error. */
	if ((!set || !strcmp(set, KERNEL_RUNNING)) &&
	    find_kernel_version(&r->root, KERNEL_NEWEST, r->advance, &ignored) < 0)
		r->advance[0] = 0;
	return find_kernel_version(&r->root, set, r->capture, e);
}

static bool is_fresh(const struct refresh *r, const struct image *image)
{
	_strings_ struct strings changed = {0};
	struct ukd_error e;

	if (!image || !image->recorded)
		return false;
	if (image_changes(&r->root, &r->settings, image->path, &changed, &e) < 0) {
		(void)verb_failed(&e);
		return false;
	}
	if (changed.n)
		fprintf(stderr, "ukdumpctl: %s: %s changed%s\n", image->path, changed.v[0],
			changed.n > 1 ? ", and more" : "");
	return !changed.n;
}

/* While something is armed, a build is in no hurry and in nobody's way. */
static void be_nice(const struct refresh *r)
{
	if (!r->armed)
		return;
	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)sys_ioprio_idle();
}

static int build(struct refresh *r, const char *kver, struct ukd_error *e)
{
	bool by_path = is_path(r) && !strcmp(kver, r->capture);
	const struct build_options opt = {.kver = by_path ? NULL : kver, .locked = true};
	_built_ struct built built = {0};
	int code;

	be_nice(r);
	code = build_image(&opt, &built, e);
	if (code >= 0 && strings_add(&r->built, built.path) < 0)
		code = ukd_oom(e);
	return code < 0 ? code : refresh_look(r, e);
}

static void sign_done(void *ctx, const char *program, const struct ukd_error *e)
{
	(void)program;
	if (e->code)
		refresh_failed(ctx, e);
}

/* The image waits: programs of the administrator's may know how to get it signed. */
static int sign(struct refresh *r, const char *path, struct ukd_error *e)
{
	const struct hookdir hooks = {
		.root = &r->root,
		.path = SIGN_DIR,
		.argument = path,
		.limit_s = SIGN_LIMIT_S,
		.done = sign_done,
		.ctx = r,
	};
	int code = hookdir_run(&hooks, e);

	return code < 0 ? code : refresh_look(r, e);
}

int refresh_build(struct refresh *r, const char *kver, struct ukd_error *e)
{
	const struct image *newest = images_newest(&r->images, kver);
	bool builds = refresh_builds(&r->images, kver, is_fresh(r, newest), r->force);
	char path[IMAGE_PATH_MAX];
	int code = builds ? build(r, kver, e) : 0;

	newest = images_newest(&r->images, kver);
	if (code < 0 || !newest || !newest->waits)
		return code < 0 ? code : builds;
	memcpy(path, newest->path, sizeof(path));
	code = sign(r, path, e);
	newest = images_newest(&r->images, kver);
	if (newest && newest->waits)
		memcpy(r->waiting, newest->path, sizeof(r->waiting));
	return code < 0 ? code : builds;
}

/* A refusal is kept and is no error: something else may be armed. */
static int arm(struct refresh *r, const char *path, struct ukd_error *e)
{
	_buffer_ struct buffer facts = {0};
	int code = arming_change(path, NULL, &facts, e);

	r->tried = true;
	if (code == -EREMOTEIO)
		keep_failure(r, e); /* ukdump-load has printed it */
	else if (code < 0)
		return code;
	return refresh_look(r, e);
}

/* It was asked for, or something was left undone, such as settings that could not be read: once. */
static bool arms_anew(const struct refresh *r)
{
	return !r->tried && (r->rearm || (r->half_armed && !r->locked));
}

/* image NULL: there is none. */
static int arm_image(struct refresh *r, const struct image *image, struct ukd_error *e)
{
	bool armed = image && is_armed(r, image);
	char path[IMAGE_PATH_MAX];

	if (!image && r->waiting[0])
		return r->armed ? 0 :
				  ukd_fail(e, -ENOENT, "%s waits for its signature", r->waiting);
	if (!image)
		return ukd_fail(e, -ENOENT, "there is no capture image for kernel %s", r->capture);
	if (armed && !arms_anew(r))
		return 0;
	memcpy(path, image->path, sizeof(path));
	if (armed || !r->armed || !r->locked)
		return arm(r, path, e);
	memcpy(r->next_boot, path, sizeof(path));
	return 0;
}

int refresh_arm(struct refresh *r, struct ukd_error *e)
{
	int code = arm_image(r, refresh_arms(&r->images, r->capture, r->armed), e);

	if (r->armed || !root_exists(&r->root, LAST_GOOD))
		return code;
	if (code < 0)
		refresh_failed(r, e);
	return arm(r, LAST_GOOD, e);
}

static bool is_last_good(const struct refresh *r, const struct image *image)
{
	struct stat st;

	return fstatat(r->root.fd, &LAST_GOOD[1], &st, 0) == 0 && st.st_ino == image->inode &&
	       st.st_dev == image->device;
}

static bool is_installed(const struct refresh *r, const char *kver)
{
	char path[KERNEL_PATH_MAX];

	if (r->remove)
		return strcmp(kver, r->remove) != 0;
	return !strcmp(kver, r->capture) || find_kernel(&r->root, kver, path);
}

static int remove_file(const struct refresh *r, const char *path, struct ukd_error *e)
{
	if (unlinkat(r->root.fd, &path[1], 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "%s: cannot remove", path);
	return 0;
}

/* The image first: what is left after a power cut in between is an orphan, which goes next time. */
static int drop(struct refresh *r, const struct image *image, struct ukd_error *e)
{
	char record[IMAGE_PATH_MAX + sizeof(INPUTS_EXT)];
	int code = remove_file(r, image->path, e);

	if (code >= 0 && record_path(image->path, record, sizeof(record)))
		code = remove_file(r, record, e);
	return code >= 0 && strings_add(&r->dropped, image->path) < 0 ? ukd_oom(e) : code;
}

int refresh_drop(struct refresh *r, struct ukd_error *e)
{
	int code = 0;

	for (unsigned int i = 0; code >= 0 && i < r->images.n; i++) {
		const struct image *image = &r->images.v[i];
		const struct image_use use = {
			.armed = is_armed(r, image),
			.last_good = is_last_good(r, image),
			.installed = is_installed(r, image->kver),
		};

		if (refresh_drops(&r->images, image, &use))
			code = drop(r, image, e);
	}
	return code;
}
