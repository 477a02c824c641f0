// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl build: gathers the parts, runs dracut, assembles, seals, signs, verifies, publishes. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/judge.h"
#include "build/build.h"
#include "build/gather.h"
#include "build/initrd.h"
#include "build/makedumpfile.h"
#include "conf/settings.h"
#include "ctl/build_key.h"
#include "ctl/ctl.h"
#include "ctl/publish.h"
#include "ctl/settings_check.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/secret.h"
#include "util/self.h"

static const char usage[] =
	"Usage: ukdumpctl build [OPTION]...\n\n"
	"Make a capture image: kernel, capture initrd (dracut) and command line as one\n"
	"sealed, signed UKI. Verified before it is published.\n\n"
	"      --kver V              kernel version (default: the running one; with\n"
	"                            --root the newest there)\n"
	"      --kernel F            kernel file instead of the installed one of V\n"
	"      --initrd F            this initrd as it is; dracut is not run\n"
	"      --cmdline S           capture command line instead of the default\n"
	"      --cmdline-append S    add to the command line\n"
	"      --osrel F, --uname S  content of .osrel and .uname\n"
	"      --stub F              systemd-stub file (default: the installed one; if\n"
	"                            none is installed, firmware refuses the image)\n"
	"      --no-uefi             make an image that firmware refuses in any case\n"
	"      --section NAME=F      a further section, such as .splash=F\n"
	"      --key KEY --cert F    sign with this key (PEM file or store URI); default:\n"
	"                            Key= and Certificate=, else a host key is made\n"
	"      --key auto            sign with the first usable key of this machine, see\n"
	"                            'ukdumpctl sign --list-keys'\n"
	"      --no-sign             leave it unsigned, for 'sign' or 'attach'\n"
	"      --root DIR            build for the system installed in DIR\n"
	"      --config F            settings (default: /etc/ukdump/ukdump.conf)\n"
	"      --normal-kexec        for a normal kexec instead of a crash\n"
	"      --keep-dmcryptkeys    take over dm-crypt keys from the crashed kernel\n"
	"      --json                facts as JSON\n"
	"  -o OUT                    image file (default: below /var/lib/ukdump/images)\n"
	"  -h, --help                this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

struct options {
	const char *kver, *kernel, *initrd, *cmdline, *cmdline_append, *osrel, *uname, *stub;
	const char *key, *cert, *root, *config, *out;
	struct extra_section extra[BUILD_MAX_EXTRA];
	const char *extra_file[BUILD_MAX_EXTRA];
	unsigned int n_extra;
	uint32_t flags;
	bool no_sign, no_uefi, json;
	const char *luks_key; /* number of a descriptor: `luks enroll` hands over a new key */
};

/* Everything that lives from gathering to publishing. */
struct job {
	const struct options *opt;
	struct root root;
	struct settings settings;
	char kver[KVER_MAX];
	char *cmdline;
	struct buffer kernel, initrd, osrel, stub, image, extra[BUILD_MAX_EXTRA];
	struct signing_key key;
	struct luks_key luks_key;
	struct timespec begin;
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
	signing_key_free(&j->key);
	settings_free(&j->settings);
	root_close(&j->root);
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
static int gather_kernel(struct job *j, struct ukd_error *e)
{
	const char *set = j->settings.image.kernel, *path = set && set[0] == '/' ? set : NULL;
	const char *wanted = j->opt->kver ? j->opt->kver : set;
	bool file = j->opt->kernel || path;
	int r;

	if (file) {
		r = j->opt->kernel ? read_own(j->opt->kernel, &j->kernel, e) :
				     root_read(&j->root, path, PART_MAX, &j->kernel, e);
		if (r >= 0)
			r = find_file_version(j, e);
	} else {
		r = find_kernel_version(&j->root, wanted, j->kver, e);
		if (r >= 0)
			r = read_kernel(&j->root, j->kver, &j->kernel, e);
	}
	return r < 0 ? r : check_version(j, e);
}

static int gather_rest(struct job *j, struct ukd_error *e)
{
	const struct options *o = j->opt;
	const struct command_line_spec spec = {
		.line = o->cmdline ? o->cmdline : j->settings.image.command_line,
		.append = o->cmdline_append ? o->cmdline_append :
					      j->settings.image.command_line_append,
		.fleet = o->root != NULL,
		.need_panic = !o->initrd,
		.threads = j->settings.dump.threads,
	};
	int r = make_command_line(&j->root, &spec, &j->cmdline, e);

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
	bool fails;
	const char *problem = makedumpfile_check(&j->root, j->kver, &fails);
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
	return initrd_build(&needs, tick, NULL, &j->initrd, e);
}

/* Before anything slow: which key, and is it usable? */
static int find_key(struct job *j, struct ukd_error *e)
{
	const struct signing_key_spec spec = {&j->root, &j->settings, j->opt->key, j->opt->cert};

	return j->opt->no_sign ? 0 : build_key_load(&spec, note, j, &j->key, e);
}

static int assemble(struct job *j, struct ukd_error *e)
{
	const struct options *o = j->opt;
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

static void report(const struct job *j, const char *path, const struct auth_result *a)
{
	struct json_object *o;

	if (!j->opt->json) {
		publish_print(path, j->image.len, a);
		return;
	}
	o = publish_json(path, j->image.len, a);
	json_text(o, "kernel", j->kver[0] ? j->kver : NULL);
	json_text(o, "cmdline", j->cmdline);
	json_number(o, "initrd_bytes", j->initrd.len);
	json_print(o);
}

static int build(struct job *j, struct ukd_error *e)
{
	struct publish_spec spec = {.root = &j->root, .out = j->opt->out};
	struct auth_result result;
	char path[PUBLISH_PATH_MAX];
	int r = output_check(j->opt->out, e);

	(void)clock_gettime(CLOCK_MONOTONIC, &j->begin);
	if (r >= 0)
		r = root_open(j->opt->root, &j->root, e);
	if (r >= 0)
		r = settings_for_build(&j->root, j->opt->config, &j->settings, e);
	if (r >= 0)
		r = gather_kernel(j, e);
	if (r >= 0)
		r = gather_rest(j, e);
	if (r >= 0)
		r = find_key(j, e);
	if (r >= 0)
		r = j->opt->initrd ? read_own(j->opt->initrd, &j->initrd, e) : run_dracut(j, e);
	if (r >= 0)
		r = assemble(j, e);
	if (r < 0)
		return r;
	spec.kver = j->kver[0] ? j->kver : "kernel";
	step(j, j->key.key ? "signing, verifying and publishing" : "verifying and publishing");
	r = image_sign_publish(&spec, &j->key, &j->image, path, &result, e);
	if (r >= 0)
		report(j, path, &result);
	return r;
}

/* NAME=FILE of --section. */
static bool parse_section(struct options *o, char *arg)
{
	char *equals = strchr(arg, '=');

	if (!equals || arg[0] != '.' || equals - arg > 8 || equals - arg < 2 ||
	    o->n_extra == BUILD_MAX_EXTRA)
		return false;
	*equals = 0;
	o->extra[o->n_extra].name = arg;
	o->extra_file[o->n_extra++] = equals + 1;
	return true;
}

enum {
	OPT_SECTION = OPT_LONG,
	OPT_NO_SIGN,
	OPT_NO_UEFI,
	OPT_NORMAL,
	OPT_KEYS,
	OPT_JSON,
	OPT_STRING, /* OPT_STRING + i: the i-th of the options that take a string */
};

static const struct option long_options[] = {
	{"section", required_argument, NULL, OPT_SECTION},
	{"no-sign", no_argument, NULL, OPT_NO_SIGN},
	{"no-uefi", no_argument, NULL, OPT_NO_UEFI},
	{"normal-kexec", no_argument, NULL, OPT_NORMAL},
	{"keep-dmcryptkeys", no_argument, NULL, OPT_KEYS},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{"kver", required_argument, NULL, OPT_STRING},
	{"kernel", required_argument, NULL, OPT_STRING + 1},
	{"initrd", required_argument, NULL, OPT_STRING + 2},
	{"cmdline", required_argument, NULL, OPT_STRING + 3},
	{"cmdline-append", required_argument, NULL, OPT_STRING + 4},
	{"osrel", required_argument, NULL, OPT_STRING + 5},
	{"uname", required_argument, NULL, OPT_STRING + 6},
	{"stub", required_argument, NULL, OPT_STRING + 7},
	{"key", required_argument, NULL, OPT_STRING + 8},
	{"cert", required_argument, NULL, OPT_STRING + 9},
	{"root", required_argument, NULL, OPT_STRING + 10},
	{"config", required_argument, NULL, OPT_STRING + 11},
	{"luks-key", required_argument, NULL, OPT_STRING + 12},
	{0},
};

static bool take_option(struct options *o, int c)
{
	const char **strings[] = {&o->kver,    &o->kernel,	   &o->initrd,
				  &o->cmdline, &o->cmdline_append, &o->osrel,
				  &o->uname,   &o->stub,	   &o->key,
				  &o->cert,    &o->root,	   &o->config,
				  &o->luks_key};

	switch (c) {
	case 'o':
		o->out = optarg;
		return true;
	case OPT_SECTION:
		return parse_section(o, optarg);
	case OPT_NO_SIGN:
		o->no_sign = true;
		return true;
	case OPT_NO_UEFI:
		o->no_uefi = true;
		return true;
	case OPT_NORMAL:
		o->flags |= SEALED_FOR_NORMAL_KEXEC;
		return true;
	case OPT_KEYS:
		o->flags |= SEALED_KEEP_DMCRYPTKEYS;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	}
	if (c < OPT_STRING || (size_t)(c - OPT_STRING) >= ARRAY_SIZE(strings))
		return false;
	*strings[c - OPT_STRING] = optarg;
	return true;
}

static int run(int argc, char **argv)
{
	_cleanup_(job_free) struct job j = {.root = ROOT_NONE};
	struct options opt = {0};
	struct ukd_error e = {0};
	int c;

	while ((c = getopt_long(argc, argv, "ho:", long_options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_build);
		if (!take_option(&opt, c))
			return verb_misuse(&verb_build,
					   c == OPT_SECTION ? "build: --section needs .NAME=FILE" :
							      NULL);
	}
	if (optind < argc)
		return verb_misuse(&verb_build, "build: '%s' is not an option", argv[optind]);
	if (!key_options_fit(opt.key, opt.cert))
		return verb_misuse(&verb_build, KEY_OPTIONS_MISUSE, "build");
	if (opt.key && opt.no_sign)
		return verb_misuse(&verb_build, "build: --no-sign contradicts --key");
	j.opt = &opt;
	return build(&j, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_build = {
	.name = "build",
	.summary = "make a signed capture image",
	.run = run,
	.usage = usage,
};
