// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl addon: makes an addon, by which a machine's UKI gets crashkernel= and the like. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "build/addon.h"
#include "build/gather.h"
#include "ctl/ctl.h"
#include "ctl/key/find_key.h"
#include "ctl/image/publish.h"

static const char usage[] =
	"Usage: ukdumpctl addon [OPTION]... -o OUT.addon.efi\n\n"
	"Make a UKI addon: what systemd-stub adds to the UKI that it starts, such as\n"
	"crashkernel=. It takes addons from UKI.efi.extra.d/ beside the UKI and from\n"
	"/loader/addons/ on the ESP, if firmware accepts their signature.\n\n"
	"      --cmdline S         add to the kernel command line\n"
	"      --section NAME=F    .initrd, .ucode, .dtb or .cmdline from a file; may be\n"
	"                          repeated\n"
	"      --uname S           only for UKIs whose .uname is this\n"
	"      --sbat F            text of .sbat (default: component ukdump-addon)\n"
	"      --key KEY --cert F  sign with this key (PEM file or store URI)\n"
	"      --key auto          sign with the first usable key of this machine;\n"
	"                          without --key: as 'ukdumpctl sign' does\n"
	"      --no-sign           leave it unsigned, for 'sign' or 'attach'\n"
	"      --json              facts as JSON\n"
	"  -o OUT                  the file; its name ends in .addon.efi\n"
	"  -h, --help              this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct options {
	const char *key, *cert, *sbat, *uname, *out;
	struct addon_parts parts;
	const char *file[ADDON_MAX_SECTIONS]; /* of the sections; NULL: the command line */
	bool no_sign, json;
};

/* The files that the options name. */
struct contents {
	struct buffer section[ADDON_MAX_SECTIONS], sbat;
};

static void contents_free(struct contents *c)
{
	for (unsigned int i = 0; i < ADDON_MAX_SECTIONS; i++)
		buffer_free(&c->section[i]);
	buffer_free(&c->sbat);
}

static int read_contents(struct options *opt, struct contents *ret, struct ukd_error *e)
{
	int r = opt->sbat ? file_read(AT_FDCWD, opt->sbat, UKI_TEXT_MAX, &ret->sbat, e) : 0;

	if (r >= 0 && opt->sbat && !ret->sbat.len)
		r = ukd_refuse(e, "addon.content", "%s: the file is empty", opt->sbat);
	opt->parts.sbat = buffer_bytes(&ret->sbat);
	for (unsigned int i = 0; r >= 0 && i < opt->parts.n; i++) {
		if (!opt->file[i])
			continue;
		r = file_read(AT_FDCWD, opt->file[i], PART_MAX, &ret->section[i], e);
		opt->parts.section[i].data = buffer_bytes(&ret->section[i]);
	}
	return r;
}

static int make(struct options *opt, struct ukd_error *e)
{
	struct publish_spec publish = {.out = opt->out};
	_cleanup_(contents_free) struct contents contents = {0};
	_root_ struct root root = ROOT_NONE;
	_signing_key_ struct signing_key key = {0};
	_buffer_ struct buffer image = {0};
	char path[PUBLISH_PATH_MAX];
	struct auth_result result;
	int r = read_contents(opt, &contents, e);

	if (r >= 0 && !opt->no_sign)
		r = root_open(NULL, &root, e);
	if (r >= 0 && !opt->no_sign)
		r = signing_key_choose("addon", &root, opt->key, opt->cert, &key, e);
	if (r >= 0)
		r = addon_assemble(&opt->parts, &image, e);
	/* Mode 0600 as every image: an addon's initrd may hold secrets; the ESP has no modes. */
	if (r >= 0)
		r = image_sign_publish(&publish, &key, &image, path, &result, e);
	if (r < 0)
		return r;
	if (opt->json)
		json_print(publish_json(path, image.len, &result));
	else
		publish_print(path, image.len, &result);
	return 0;
}

/* A section from the command line (file NULL) or from a file. */
static bool add_section(struct options *opt, const char *name, const char *text, const char *file)
{
	unsigned int n = opt->parts.n;

	if (n == ADDON_MAX_SECTIONS || !addon_may_have(name))
		return false;
	opt->parts.section[n].name = name;
	opt->file[n] = file;
	if (!file)
		opt->parts.section[n].data = (struct bytes){(const uint8_t *)text, strlen(text)};
	opt->parts.n++;
	return true;
}

/* NAME=FILE of --section. */
static bool parse_section(struct options *opt, char *arg)
{
	char *equals = strchr(arg, '=');

	if (!equals)
		return false;
	*equals = 0;
	return add_section(opt, arg, NULL, equals + 1);
}

enum {
	OPT_CMDLINE = OPT_LONG,
	OPT_SECTION,
	OPT_UNAME,
	OPT_SBAT,
	OPT_KEY,
	OPT_CERT,
	OPT_NO_SIGN,
	OPT_JSON,
};

static bool take_option(struct options *opt, int c)
{
	switch (c) {
	case 'o':
		opt->out = optarg;
		return true;
	case OPT_CMDLINE:
		return add_section(opt, ".cmdline", optarg, NULL);
	case OPT_SECTION:
		return parse_section(opt, optarg);
	case OPT_UNAME:
		opt->uname = optarg;
		opt->parts.uname = (struct bytes){(const uint8_t *)optarg, strlen(optarg)};
		return true;
	case OPT_SBAT:
		opt->sbat = optarg;
		return true;
	case OPT_KEY:
		opt->key = optarg;
		return true;
	case OPT_CERT:
		opt->cert = optarg;
		return true;
	case OPT_NO_SIGN:
		opt->no_sign = true;
		return true;
	case OPT_JSON:
		opt->json = true;
		return true;
	}
	return false;
}

static int check_options(const struct options *opt)
{
	const struct verb *v = &verb_addon;
	size_t len, suffix = strlen(ADDON_SUFFIX);

	if (!key_options_fit(opt->key, opt->cert))
		return verb_misuse(v, KEY_OPTIONS_MISUSE, "addon");
	if (opt->key && opt->no_sign)
		return verb_misuse(v, "addon: --no-sign contradicts --key");
	if (opt->uname && !*opt->uname)
		return verb_misuse(v, "addon: --uname needs a kernel version");
	if (!opt->parts.n)
		return verb_misuse(v, "addon: need --cmdline or --section");
	if (!opt->out)
		return verb_misuse(v, "addon: need -o");
	len = strlen(opt->out);
	if (len <= suffix || strcmp(opt->out + len - suffix, ADDON_SUFFIX) != 0)
		return verb_misuse(v,
				   "addon: '%s' does not end in " ADDON_SUFFIX
				   ": systemd-stub would not look at it",
				   opt->out);
	return -1;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"cmdline", required_argument, NULL, OPT_CMDLINE},
		{"section", required_argument, NULL, OPT_SECTION},
		{"uname", required_argument, NULL, OPT_UNAME},
		{"sbat", required_argument, NULL, OPT_SBAT},
		{"key", required_argument, NULL, OPT_KEY},
		{"cert", required_argument, NULL, OPT_CERT},
		{"no-sign", no_argument, NULL, OPT_NO_SIGN},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	struct ukd_error e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_addon);
		if (!take_option(&opt, c))
			return verb_misuse(
				&verb_addon,
				c == OPT_SECTION ?
					"addon: --section needs .initrd, .ucode, .dtb or "
					".cmdline, =, and a file; each once" :
				c == OPT_CMDLINE ? "addon: too many sections" :
						   NULL);
	}
	if (optind < argc)
		return verb_misuse(&verb_addon, "addon: '%s' is not an option", argv[optind]);
	r = check_options(&opt);
	if (r >= 0)
		return r;
	return make(&opt, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_addon = {
	.name = "addon",
	.summary = "make a UKI addon, such as one with crashkernel=",
	.run = run,
	.usage = usage,
};
