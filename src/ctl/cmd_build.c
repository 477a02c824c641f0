// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl build, rebuild: the options and the report; the work is done in build_image.c. */
#include <stdio.h>
#include <string.h>

#include "ctl/image/build_image.h"
#include "ctl/ctl.h"
#include "util/cleanup.h"

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

static const char rebuild_usage[] =
	"Usage: ukdumpctl rebuild [--json]\n\n"
	"'ukdumpctl build' as the settings say: make the capture image anew whatever has\n"
	"changed. It is armed by 'ukdumpctl reload', or at the next refresh.\n\n"
	"      --json  facts as JSON\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

struct options {
	struct build_options build;
	bool json;
};

static void report(const struct built *b, bool json)
{
	struct json_object *o;

	if (!json) {
		publish_print(b->path, b->bytes, &b->auth);
		return;
	}
	o = publish_json(b->path, b->bytes, &b->auth);
	json_text_or_null(o, "kernel", b->kver);
	json_text(o, "cmdline", b->cmdline);
	json_number(o, "initrd_bytes", b->initrd_bytes);
	json_print(o);
}

/* NAME=FILE of --section. */
static bool parse_section(struct build_options *o, char *arg)
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

static bool take_option(struct options *all, int c)
{
	struct build_options *o = &all->build;
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
		all->json = true;
		return true;
	}
	if (c < OPT_STRING || (size_t)(c - OPT_STRING) >= ARRAY_SIZE(strings))
		return false;
	*strings[c - OPT_STRING] = optarg;
	return true;
}

static int build(const struct options *opt)
{
	_built_ struct built built = {0};
	struct ukd_error e = {0};

	if (build_image(&opt->build, &built, &e) < 0)
		return verb_failed(&e);
	report(&built, opt->json);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct options opt = {0};
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
	if (!key_options_fit(opt.build.key, opt.build.cert))
		return verb_misuse(&verb_build, KEY_OPTIONS_MISUSE, "build");
	if (opt.build.key && opt.build.no_sign)
		return verb_misuse(&verb_build, "build: --no-sign contradicts --key");
	return build(&opt);
}

static int run_rebuild(int argc, char **argv)
{
	struct options opt = {0};
	int r = verb_parse_simple(&verb_rebuild, argc, argv, &opt.json);

	return r >= 0 ? r : build(&opt);
}

const struct verb verb_build = {
	.name = "build",
	.summary = "make a signed capture image",
	.run = run,
	.usage = usage,
};

const struct verb verb_rebuild = {
	.name = "rebuild",
	.summary = "make the capture image anew, arm nothing",
	.run = run_rebuild,
	.usage = rebuild_usage,
};
