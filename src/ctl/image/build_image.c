// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes a capture image: see build_image.h. */
#include "ctl/image/build_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "build/initrd.h"
#include "build/makedumpfile.h"
#include "build/sources.h"
#include "conf/settings.h"
#include "ctl/key/build_key.h"
#include "util/cleanup.h"
#include "util/lockfile.h"
#include "util/parse.h"
#include "util/secret.h"
#include "util/self.h"

/* Everything that lives from gathering to publishing. */
struct job {
	const struct build_options *opt;
	struct root root;
	int lock;
	struct settings settings;
	char kver[KVER_MAX];
	char *cmdline;
	struct buffer kernel, initrd, osrel, stub, image, extra[BUILD_MAX_EXTRA];
	struct signing_key key;
	struct luks_key luks_key;
	struct strings sources;	 /* files that went in */
	struct timespec begin;	 /* CLOCK_MONOTONIC */
	struct timespec reading; /* CLOCK_REALTIME_COARSE, as files have it */
};

static void job_free(struct job *j)
{
	struct buffer *buffers[] = {&j->kernel, &j->initrd, &j->osrel, &j->stub, &j->image};

	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		buffer_free(buffers[i]);
	for (size_t i = 0; i < BUILD_MAX_EXTRA; i++)
		buffer_free(&j->extra[i]);
	explicit_bzero(&j->luks_key, sizeof(j->luks_key));
	free(j->cmdline);
	strings_free(&j->sources);
	signing_key_free(&j->key);
	settings_free(&j->settings);
	root_close(&j->root);
	if (j->lock >= 0)
		(void)close(j->lock);
}

static void step(const struct job *j, const char *what)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(stderr, "ukdumpctl: build: [%2ld s] %s\n", (long)(now.tv_sec - j->begin.tv_sec),
		what);
}

static void note(void *ctx, const char *text)
{
	step(ctx, text);
}

static bool tick(void *ctx, unsigned int seconds)
{
	(void)ctx;
	if (seconds % 5 == 0)
		fprintf(stderr, "ukdumpctl: build: dracut still runs, %u s\n", seconds);
	return stops_pending();
}

static int read_own(const char *path, struct buffer *ret, struct ukd_error *e)
{
	return file_read(AT_FDCWD, path, PART_MAX, ret, e);
}

/*
 * Drivers of another version than the kernel's cannot be loaded. An initrd of the user's own may
 * have none, or the right ones.
 */
static int check_version(const struct job *j, struct ukd_error *e)
{
	char own[KVER_MAX];

	kernel_own_version(buffer_bytes(&j->kernel), own);
	if (j->opt->initrd || !own[0] || !strcmp(own, j->kver))
		return 0;
	return ukd_refuse(
		e, "build.version",
		"the kernel is version '%s', the modules are to be those of '%s'; give the "
		"same version with --kver, or an initrd with --initrd",
		own, j->kver);
}

/* The kernel is a file: its version is what it says itself, unless one was asked for. */
static int find_file_version(struct job *j, struct ukd_error *e)
{
	if (j->opt->kver)
		return find_kernel_version(&j->root, j->opt->kver, j->kver, e);
	/* A kernel given as a file and an initrd of its own need no installed kernel. */
	if (j->opt->kernel && j->opt->initrd)
		return 0;
	kernel_own_version(buffer_bytes(&j->kernel), j->kver);
	if (!j->kver[0] && !j->opt->initrd)
		return ukd_refuse(e, "build.version",
				  "the kernel file does not tell its version; name it with --kver");
	return 0;
}

/* Image.Kernel= is a version, or a path inside the root. */
static const char *kernel_path(const struct job *j)
{
	const char *set = j->settings.image.kernel;

	return set && set[0] == '/' ? set : NULL;
}

/* Which kernel, and is there one? Asked first: a wrong name shall not leave a new host key behind. */
static int find_wanted_kernel(struct job *j, struct ukd_error *e)
{
	const struct build_options *o = j->opt;
	const char *path = kernel_path(j);
	char found[KERNEL_PATH_MAX];
	int r;

	if (o->kernel)
		return access(o->kernel, F_OK) < 0 ? ukd_fail_errno(e, -errno, "%s", o->kernel) : 0;
	if (path)
		return root_exists(&j->root, path) ?
			       0 :
			       ukd_fail_errno(e, -ENOENT, "%s%s", j->root.path, path);
	r = find_kernel_version(&j->root, o->kver ? o->kver : j->settings.image.kernel, j->kver, e);
	return r < 0 ? r : need_kernel(&j->root, j->kver, found, e);
}

static int gather_kernel(struct job *j, struct ukd_error *e)
{
	const char *path = kernel_path(j);
	int r;

	if (j->opt->kernel || path) {
		r = j->opt->kernel ? read_own(j->opt->kernel, &j->kernel, e) :
				     root_read(&j->root, path, PART_MAX, &j->kernel, e);
		if (r >= 0)
			r = find_file_version(j, e);
		if (r >= 0 && path && strings_add(&j->sources, path) < 0)
			r = ukd_oom(e);
	} else {
		r = read_kernel(&j->root, j->kver, &j->kernel, e);
	}
	return r < 0 ? r : check_version(j, e);
}

int build_command_line(const struct root *root, const struct settings *s,
		       const struct build_options *opt, char **ret, struct ukd_error *e)
{
	const struct command_line_spec spec = {
		.line = opt->cmdline ? opt->cmdline : s->image.command_line,
		.append = opt->cmdline_append ? opt->cmdline_append : s->image.command_line_append,
		.fleet = opt->root != NULL,
		.need_panic = !opt->initrd,
		.threads = s->dump.threads,
	};

	return make_command_line(root, &spec, ret, e);
}

static int gather_rest(struct job *j, struct ukd_error *e)
{
	const struct build_options *o = j->opt;
	int r = build_command_line(&j->root, &j->settings, o, &j->cmdline, e);

	if (r >= 0)
		r = o->osrel ? read_own(o->osrel, &j->osrel, e) :
			       read_os_release(&j->root, &j->osrel, e);
	if (r >= 0 && !o->no_uefi)
		r = o->stub ? read_own(o->stub, &j->stub, e) : read_efi_stub(&j->root, &j->stub, e);
	if (r >= 0 && o->stub && !o->no_uefi && !j->stub.len)
		r = ukd_refuse(e, "pe.size", "%s: the file is empty", o->stub);
	if (r >= 0 && !o->no_uefi && !j->stub.len)
		step(j, "no systemd-stub is installed: firmware will refuse this image");
	for (unsigned int i = 0; r >= 0 && i < o->n_extra; i++)
		r = read_own(o->extra_file[i], &j->extra[i], e);
	return r;
}

/* 64 bytes, and one for the slot. */
static int read_luks_key(struct job *j, struct ukd_error *e)
{
	uint64_t fd;
	uint8_t slot;
	int r = 0;

	if (!j->opt->luks_key)
		return 0;
	r = process_keep_secrets(e);
	if (r < 0)
		return r;
	if (!parse_u64(j->opt->luks_key, &fd) || fd > INT_MAX ||
	    fd_pread_full((int)fd, j->luks_key.bytes, LUKS_KEY_LEN, 0) < 0 ||
	    fd_pread_full((int)fd, &slot, 1, LUKS_KEY_LEN) < 0)
		return ukd_fail(e, -EINVAL, "--luks-key is for 'ukdumpctl luks enroll' only");
	/* It was inherited, and is for no program that is run from here. */
	(void)close((int)fd);
	j->luks_key.slot = slot;
	return 0;
}

static int take_sources(struct job *j, const struct needs *needs, struct ukd_error *e)
{
	for (unsigned int i = 0; i < needs->sources.n; i++)
		if (strings_add(&j->sources, needs->sources.v[i]) < 0)
			return ukd_oom(e);
	return 0;
}

static int run_dracut(struct job *j, struct ukd_error *e)
{
	_needs_ struct needs needs = {
		.root = &j->root,
		.settings = &j->settings,
		.kver = j->kver,
		.fleet = j->opt->root != NULL,
		.images = IMAGE_DIR,
		.luks_key = j->opt->luks_key ? &j->luks_key : NULL,
		.note = note,
		.note_ctx = j,
	};
	const char *problem = makedumpfile_check(&j->root, j->kver, j->settings.dump.dump_level);
	_stops_held_ sigset_t before; /* who is stopped here would leave dracut's files behind */
	int r;

	stops_hold(&before);
	if (problem)
		fprintf(stderr, "ukdumpctl: build: warning: %s\n", problem);
	r = read_luks_key(j, e);
	if (r >= 0)
		r = needs_collect(&needs, e);
	if (r >= 0 && needs.secrets.len && j->opt->out)
		r = ukd_refuse(e, "luks.images",
			       "-o %s: an image with a key of LUKS is published in " IMAGE_DIR
			       " only",
			       j->opt->out);
	if (r >= 0 && needs.confidential && j->opt->out)
		r = file_check_private(j->opt->out, e);
	if (r < 0)
		return r;
	step(j, needs.dracut.n ? "making the capture initrd (full environment) with dracut" :
				 "making the capture initrd with dracut");
	r = initrd_build(&needs, tick, NULL, &j->initrd, e);
	if (r >= 0)
		r = take_sources(j, &needs, e);
	return r;
}

/* Before anything slow: which key, and is it usable? */
static int find_key(struct job *j, struct ukd_error *e)
{
	const struct signing_key_spec spec = {&j->root, &j->settings, j->opt->key, j->opt->cert};

	/* The signature is made elsewhere: neither a host key nor one that lies around is meant. */
	if (j->opt->no_sign || (j->settings.image.sign == SIGN_EXTERNAL && !j->opt->key))
		return 0;
	return build_key_load(&spec, note, j, &j->key, e);
}

static int assemble(struct job *j, struct ukd_error *e)
{
	const struct build_options *o = j->opt;
	struct image_parts parts = {
		.kernel = buffer_bytes(&j->kernel),
		.initrd = buffer_bytes(&j->initrd),
		.cmdline = {(uint8_t *)j->cmdline, strlen(j->cmdline)},
		.osrel = buffer_bytes(&j->osrel),
		.efi_stub = buffer_bytes(&j->stub),
		.n_extra = o->n_extra,
		.flags = o->flags,
	};

	if (o->uname)
		parts.uname = (struct bytes){(const uint8_t *)o->uname, strlen(o->uname)};
	for (unsigned int i = 0; i < o->n_extra; i++) {
		parts.extra[i] = o->extra[i];
		parts.extra[i].data = buffer_bytes(&j->extra[i]);
	}
	step(j, "assembling and sealing");
	return image_assemble(&parts, &j->image, e);
}

/* Options that no setting stands for: the image is the user's own, and nothing follows updates of
 * it. */
static bool is_special(const struct build_options *o)
{
	return o->kernel || o->initrd || o->cmdline || o->cmdline_append || o->osrel || o->uname ||
	       o->stub || o->key || o->root || o->config || o->out || o->n_extra || o->flags ||
	       o->no_uefi;
}

/* What was read here, beside dracut's part. */
static int add_own_sources(struct job *j, struct ukd_error *e)
{
	const char *const files[] = {"/etc/os-release", "/usr/lib/os-release", EFI_STUB_PATH,
				     j->key.cert[0] == '/' ? j->key.cert : NULL};
	char kernel[KERNEL_PATH_MAX];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(files); i++)
		if (files[i])
			r = strings_add(&j->sources, files[i]);
	if (r >= 0 && find_kernel(&j->root, j->kver, kernel))
		r = strings_add(&j->sources, kernel);
	return r < 0 ? ukd_oom(e) : 0;
}

static int make_record(struct job *j, struct buffer *ret, struct ukd_error *e)
{
	_inputs_ struct inputs inputs = {0};
	int r = add_own_sources(j, e);

	if (r >= 0)
		r = inputs_add_statements(&inputs, &j->root, &j->settings, j->cmdline, e);
	if (r >= 0)
		r = inputs_add_files(&inputs, &j->root, &j->sources, &j->reading, e);
	return r < 0 ? r : inputs_format(&inputs, ret, e);
}

static int publish(struct job *j, struct built *ret, struct ukd_error *e)
{
	_buffer_ struct buffer record = {0};
	struct publish_spec spec = {
		.root = &j->root,
		.out = j->opt->out,
		.kver = j->kver[0] ? j->kver : "kernel",
		.inputs = &record,
	};
	int r = is_special(j->opt) ? 0 : make_record(j, &record, e);

	if (r < 0)
		return r;
	step(j, j->key.key ? "signing, verifying and publishing" : "verifying and publishing");
	r = image_sign_publish(&spec, &j->key, &j->image, ret->path, &ret->auth, e);
	if (r < 0)
		return r;
	memcpy(ret->kver, j->kver, sizeof(ret->kver));
	ret->cmdline = take_ptr(&j->cmdline);
	ret->bytes = j->image.len;
	ret->initrd_bytes = j->initrd.len;
	return 0;
}

/* One build at a time where they meet: in the running system's IMAGE_DIR. */
static int prepare(struct job *j, struct ukd_error *e)
{
	const struct build_options *o = j->opt;
	int r = output_check(o->out, e);

	(void)clock_gettime(CLOCK_MONOTONIC, &j->begin);
	if (r >= 0)
		r = root_open(o->root, &j->root, e);
	if (r >= 0 && !o->root && !o->out && !o->locked)
		r = lockfile_take(&j->root, BUILD_LOCK, "ukdumpctl build", BUILD_LOCK_LIMIT_S,
				  &j->lock, e);
	if (r >= 0)
		r = settings_load_option(&j->root, o->config, &j->settings, e);
	return r;
}

/*
 * Files carry the time of the last tick, or (Linux 6.13) a finer one. A tick later, which is 10 ms
 * at most, what was written up to now is older than the begin of reading, such as a new host key.
 */
static void begin_reading(struct job *j)
{
	const struct timespec tick = {.tv_nsec = 11000000};

	(void)nanosleep(&tick, NULL);
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &j->reading);
}

void built_free(struct built *b)
{
	free(b->cmdline);
}

int build_image(const struct build_options *opt, struct built *ret, struct ukd_error *e)
{
	_cleanup_(job_free) struct job j = {.opt = opt, .root = ROOT_NONE, .lock = -1};
	int r = prepare(&j, e);

	if (r >= 0)
		r = find_wanted_kernel(&j, e);
	if (r >= 0)
		r = find_key(&j, e);
	begin_reading(&j);
	if (r >= 0)
		r = gather_kernel(&j, e);
	if (r >= 0)
		r = gather_rest(&j, e);
	if (r >= 0)
		r = opt->initrd ? read_own(opt->initrd, &j.initrd, e) : run_dracut(&j, e);
	if (r >= 0)
		r = assemble(&j, e);
	return r < 0 ? r : publish(&j, ret, e);
}
