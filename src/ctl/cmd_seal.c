// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl seal: makes a sealed image from a plain UKI that somebody else has built. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "build/gather.h"
#include "build/reseal.h"
#include "ctl/ctl.h"
#include "ctl/key/find_key.h"
#include "ctl/image/publish.h"
#include "ctl/key/trust.h"
#include "util/cleanup.h"

static const char usage[] =
	"Usage: ukdumpctl seal [OPTION]... IN [-o OUT]\n\n"
	"Make a sealed image from a plain UKI, such as a distribution's, whose signature\n"
	"this machine trusts. Its sections are kept byte for byte; what is different is\n"
	"said. The result is unsigned unless a key is given.\n\n"
	"      --profile N|ID      this profile of the UKI (default: 0)\n"
	"      --trust CERT        trust this certificate (PEM or DER), too; may be\n"
	"                          repeated. Always: /etc/ukdump/trust.d, UEFI db, MOK\n"
	"      --no-verify         do not ask who signed IN, or whether it is revoked\n"
	"      --key KEY --cert F  sign with this key (PEM file or store URI)\n"
	"      --key auto          sign with the first usable key of this machine, see\n"
	"                          'ukdumpctl sign --list-keys'\n"
	"      --no-sign           leave it unsigned, for 'sign' or 'attach' (default)\n"
	"      --normal-kexec      for a normal kexec instead of a crash\n"
	"      --keep-dmcryptkeys  take over dm-crypt keys from the crashed kernel\n"
	"      --json              facts as JSON\n"
	"  -o OUT                  image file (default: the name of IN with .sealed.efi,\n"
	"                          in the current directory)\n"
	"  -h, --help              this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct options {
	const char *in, *out, *profile, *key, *cert;
	struct trust_options trust;
	uint32_t flags;
	bool no_verify, no_sign, json;
};

static void note(void *ctx, const char *text)
{
	fprintf(stderr, "ukdumpctl: seal: %s: %s\n", (const char *)ctx, text);
}

/*
 * The UKI's verdict by this machine's policy. Whoever signs the sealed image vouches for all that
 * is in it, so what nobody here trusts, or what is revoked, is not sealed; nor a UKI around a
 * revoked kernel, which nobody would look at again once it is sealed.
 */
static int check_verdict(const struct judgement *j, struct ukd_error *e)
{
	const struct auth_result *a = &j->auth;

	if (j->inner.verdict == AUTH_REVOKED)
		return ukd_refuse(e, j->inner.check, "%s: its .linux: %s", j->uki.name,
				  j->inner.reason);
	if (a->verdict == AUTH_TRUSTED)
		return 0;
	return ukd_refuse(e, a->check, "%s: %s%s", j->uki.name, a->reason,
			  a->verdict == AUTH_UNTRUSTED ?
				  "; name its certificate with --trust, or use --no-verify" :
			  a->verdict == AUTH_UNSIGNED ? "; --no-verify seals it all the same" :
							"");
}

static int judge(const struct options *opt, struct bytes file, struct judgement *ret,
		 struct ukd_error *e)
{
	_auth_policy_ struct auth_policy policy = {0};
	_judgement_ struct judgement j = {0};
	_root_ struct root root = ROOT_NONE;
	_close_ int fd = -1;
	int r = image_memory_file(file, &fd, e);

	if (r >= 0 && opt->no_verify) {
		policy.trust = auth_trust_new();
		r = policy.trust ? 0 : ukd_oom(e);
	} else if (r >= 0) {
		r = root_open(NULL, &root, e);
		if (r >= 0)
			r = policy_load(&root, &opt->trust, &policy, e);
	}
	if (r >= 0)
		r = image_judge(fd, opt->in, file.len, &policy, &j, e);
	if (r < 0)
		return r;
	if (j.uki.kind != UKI_PLAIN)
		return ukd_refuse(e, "seal.kind", "%s: %s", opt->in,
				  j.uki.kind == UKI_SEALED ? "is a sealed image already" :
							     "is an addon, not a UKI");
	r = opt->no_verify ? 0 : check_verdict(&j, e);
	if (r < 0)
		return r;
	if (!opt->no_verify && j.auth.warning[0])
		fprintf(stderr, "ukdumpctl: seal: %s: warning: %s\n", opt->in, j.auth.warning);
	*ret = j;
	j = (struct judgement){0};
	ret->uki.fd = -1; /* closed; everything is in file */
	return 0;
}

/* vendor.efi becomes vendor.sealed.efi, here: beside it may be the ESP, for firmware's images. */
static int default_out(const char *in, char ret[NAME_MAX + 1], struct ukd_error *e)
{
	const char *base = strrchr(in, '/') ? strrchr(in, '/') + 1 : in;
	size_t len = strlen(base);
	int n;

	if (len > 4 && !strcmp(base + len - 4, ".efi"))
		len -= 4;
	n = snprintf(ret, NAME_MAX + 1, "%.*s.sealed.efi", (int)len, base);
	return n < 0 || n > NAME_MAX ? ukd_fail_errno(e, -ENAMETOOLONG, "%s", in) : 0;
}

/* Reads the UKI; refuses to write the sealed image over it. */
static int read_uki(const struct options *opt, const char *out, struct buffer *ret,
		    struct ukd_error *e)
{
	struct stat in_stat, out_stat;
	_close_ int fd = -1;
	uint64_t size;
	int r = file_open_regular(AT_FDCWD, opt->in, &fd, &size, e);

	if (r < 0)
		return r;
	if (fstat(fd, &in_stat) == 0 && stat(out, &out_stat) == 0 &&
	    in_stat.st_dev == out_stat.st_dev && in_stat.st_ino == out_stat.st_ino)
		return ukd_refuse(e, "seal.output",
				  "%s: is the UKI itself; name another file with -o", out);
	return file_read_fd(fd, opt->in, PART_MAX, ret, e);
}

static void report(const struct options *opt, const char *path, uint64_t size,
		   const struct judgement *j, const struct uki_profile *profile,
		   const struct auth_result *a)
{
	struct json_object *o;

	if (opt->json) {
		o = publish_json(path, size, a);
		json_number(o, "profile", profile->number);
		json_text(o, "cmdline", uki_profile_text(&j->uki, profile, UKI_CMDLINE));
		json_print(o);
	} else {
		publish_print(path, size, a);
	}
	if (!opt->key)
		fprintf(stderr,
			"ukdumpctl: seal: unsigned; next: ukdumpctl sign --key KEY --cert CERT "
			"%s\n",
			path);
}

static int seal(const struct options *opt, struct ukd_error *e)
{
	char out[NAME_MAX + 1], path[PUBLISH_PATH_MAX];
	struct publish_spec publish = {.out = opt->out};
	struct reseal_spec spec = {.flags = opt->flags, .note = note, .note_ctx = (void *)opt->in};
	_buffer_ struct buffer file = {0}, image = {0};
	_root_ struct root root = ROOT_NONE;
	_signing_key_ struct signing_key key = {0};
	_judgement_ struct judgement j = {0};
	struct auth_result result;
	int r = 0;

	if (!opt->out) {
		r = default_out(opt->in, out, e);
		publish.out = out;
	}
	if (r >= 0)
		r = read_uki(opt, publish.out, &file, e);
	if (r >= 0)
		r = judge(opt, buffer_bytes(&file), &j, e);
	if (r >= 0)
		r = uki_profile_find(&j.uki, opt->profile, &spec.profile, e);
	if (r >= 0 && opt->key)
		r = root_open(NULL, &root, e);
	if (r >= 0 && opt->key)
		r = signing_key_choose("seal", &root, opt->key, opt->cert, &key, e);
	if (r < 0)
		return r;
	spec.uki = &j.uki;
	spec.file = buffer_bytes(&file);
	r = image_reseal(&spec, &image, e);
	if (r >= 0)
		r = image_sign_publish(&publish, &key, &image, path, &result, e);
	if (r >= 0)
		report(opt, path, image.len, &j, &spec.profile, &result);
	return r;
}

enum {
	OPT_PROFILE = OPT_LONG,
	OPT_TRUST,
	OPT_NO_VERIFY,
	OPT_KEY,
	OPT_CERT,
	OPT_NO_SIGN,
	OPT_NORMAL,
	OPT_KEYS,
	OPT_JSON,
};

static bool take_option(struct options *opt, int c)
{
	switch (c) {
	case 'o':
		opt->out = optarg;
		return true;
	case OPT_PROFILE:
		opt->profile = optarg;
		return true;
	case OPT_TRUST:
		if (opt->trust.n == TRUST_MAX_FILES)
			return false;
		opt->trust.files[opt->trust.n++] = optarg;
		return true;
	case OPT_NO_VERIFY:
		opt->no_verify = true;
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
	case OPT_NORMAL:
		opt->flags |= SEALED_FOR_NORMAL_KEXEC;
		return true;
	case OPT_KEYS:
		opt->flags |= SEALED_KEEP_DMCRYPTKEYS;
		return true;
	case OPT_JSON:
		opt->json = true;
		return true;
	}
	return false;
}

static int check_options(const struct options *opt)
{
	if (!key_options_fit(opt->key, opt->cert))
		return verb_misuse(&verb_seal, KEY_OPTIONS_MISUSE, "seal");
	if (opt->key && opt->no_sign)
		return verb_misuse(&verb_seal, "seal: --no-sign contradicts --key");
	if (opt->trust.n && opt->no_verify)
		return verb_misuse(&verb_seal, "seal: --no-verify contradicts --trust");
	return -1;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"profile", required_argument, NULL, OPT_PROFILE},
		{"trust", required_argument, NULL, OPT_TRUST},
		{"no-verify", no_argument, NULL, OPT_NO_VERIFY},
		{"key", required_argument, NULL, OPT_KEY},
		{"cert", required_argument, NULL, OPT_CERT},
		{"no-sign", no_argument, NULL, OPT_NO_SIGN},
		{"normal-kexec", no_argument, NULL, OPT_NORMAL},
		{"keep-dmcryptkeys", no_argument, NULL, OPT_KEYS},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	struct ukd_error e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_seal);
		if (!take_option(&opt, c))
			return verb_misuse(&verb_seal, c == OPT_TRUST ? TRUST_MISUSE : NULL,
					   "seal");
	}
	if (argc - optind != 1)
		return verb_misuse(&verb_seal, "seal: need exactly one UKI");
	opt.in = argv[optind];
	r = check_options(&opt);
	if (r >= 0)
		return r;
	return seal(&opt, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_seal = {
	.name = "seal",
	.summary = "make a sealed image from a plain UKI",
	.run = run,
	.usage = usage,
};
