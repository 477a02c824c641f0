// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl verify: judges images, one line per check; loads nothing, needs neither lock nor root. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/key/trust.h"
#include "ctl/image/verify.h"
#include "pe/profile.h"
#include "util/cleanup.h"
#include "util/lockdown.h"

static const char usage[] =
	"Usage: ukdumpctl verify [OPTION]... FILE...\n\n"
	"Judge images and addons: structure, sealed layout, signature, revocation, trust;\n"
	"of a plain UKI also the kernel inside and the addons beside it. One line per\n"
	"check. Nothing is loaded, nothing is changed.\n\n"
	"      --trust CERT  trust this certificate (PEM or DER), too; may be repeated.\n"
	"                    Always: /etc/ukdump/trust.d, UEFI db, MOK list\n"
	"      --for-host    also tell whether the running kernel will take the image, by\n"
	"                    which keyring, or why not; as root\n"
	"      --json        facts as JSON\n"
	"  -h, --help        this text\n\n"
	"Exit: 0 all accepted, 1 at least one refused, 2 usage.\n";

struct options {
	struct trust_options trust;
	bool for_host;
	bool json;
};

/* What all files are judged by. */
struct judge {
	struct root root;
	struct auth_policy policy;
	char revocations[160];
	struct lockdown lockdown;
};

static void judge_close(struct judge *by)
{
	auth_policy_free(&by->policy);
	root_close(&by->root);
}

static int judge_open(const struct options *opt, struct judge *by, struct ukd_error *e)
{
	_kconfig_ struct kconfig k = {0};
	int r = root_open(NULL, &by->root, e);

	if (r >= 0)
		r = policy_load(&by->root, &opt->trust, &by->policy, e);
	if (r < 0)
		return r;
	auth_revoked_describe(by->policy.revoked, by->revocations, sizeof(by->revocations));
	kconfig_read(&by->root, &k);
	lockdown_read(&by->root, &k, &by->lockdown);
	return 0;
}

static int judge_file(const struct judge *by, const char *name, struct judgement *ret,
		      struct ukd_error *e)
{
	_close_ int fd = -1;
	uint64_t size;
	int r = file_open_regular(AT_FDCWD, name, &fd, &size, e);

	return r < 0 ? r : image_judge(fd, name, size, &by->policy, ret, e);
}

/* As the loader takes them (loader/plan.c). */
static enum addon_state judge_addon(const struct judge *by, const char *path, const char *uname,
				    struct ukd_error *why)
{
	_judgement_ struct judgement j = {0};

	if (judge_file(by, path, &j, why) < 0)
		return ADDON_FAILS;
	if (j.uki.kind != UKI_ADDON) {
		(void)ukd_refuse(why, "plan.addon", "not an addon: it has a '.linux' section");
		return ADDON_FAILS;
	}
	if (j.auth.verdict != AUTH_TRUSTED) {
		(void)ukd_refuse(why, j.auth.check, "%s", j.auth.reason);
		return ADDON_FAILS;
	}
	return addon_applies(&j.uki, uname) ? ADDON_APPLIES : ADDON_OTHER_KERNEL;
}

static void look_beside(const struct judge *by, struct verify_result *o)
{
	struct beside *b = &o->beside;
	struct uki_profile profile;

	if (o->j.uki.kind == UKI_ADDON ||
	    sidecars_find(AT_FDCWD, o->name, &b->files, &b->error) < 0 ||
	    o->j.uki.kind != UKI_PLAIN)
		return;
	uki_profile_get(&o->j.uki, 0, &profile);
	for (unsigned int i = 0; i < b->files.n; i++)
		b->state[i] = judge_addon(by, b->files.path[i],
					  uki_profile_text(&o->j.uki, &profile, UKI_UNAME),
					  &b->why[i]);
}

/*
 * Of a sealed image the kernel looks at the image's own signature, of a plain UKI at that of its
 * .linux. What is wrong with a signature for us is wrong for it, but whom it trusts is its own
 * matter, and it knows neither extended key usage nor our lists of revocations.
 */
static void ask_host(const struct judge *by, struct verify_result *o)
{
	const struct auth_result *a = o->j.uki.kind == UKI_PLAIN ? &o->j.inner : &o->j.auth;

	o->enforced = by->lockdown.enforced;
	if (o->j.uki.kind == UKI_ADDON)
		return;
	if (verify_signature_ok(a)) {
		kernel_ask(&by->root, a, &o->kernel);
		return;
	}
	o->kernel.opinion = KERNEL_LACKS_KEY;
	(void)snprintf(o->kernel.check, sizeof(o->kernel.check), "%s", a->check);
	(void)snprintf(o->kernel.reason, sizeof(o->kernel.reason), "%.250s", a->reason);
}

bool verify_signature_ok(const struct auth_result *a)
{
	return a->verdict == AUTH_TRUSTED || a->verdict == AUTH_UNTRUSTED ||
	       a->verdict == AUTH_WRONG_USE || a->verdict == AUTH_REVOKED;
}

bool verify_host_refuses(const struct verify_result *o)
{
	return o->for_host && o->enforced && o->kernel.opinion > KERNEL_TRUSTS;
}

/* Would `start` refuse it for what is beside it? */
static bool beside_fails(const struct beside *b)
{
	bool fails = b->error.code != 0;

	for (unsigned int i = 0; i < b->files.n; i++)
		fails |= b->state[i] == ADDON_FAILS;
	return fails;
}

static void judge(const struct judge *by, const char *name, struct verify_result *o)
{
	o->name = name;
	o->revocations = by->revocations;
	if (judge_file(by, name, &o->j, &o->refusal) < 0)
		return;
	o->structure_ok = true;
	o->accepted = o->j.auth.verdict == AUTH_TRUSTED;
	look_beside(by, o);
	if (o->for_host)
		ask_host(by, o);
}

static void result_free(struct verify_result *o)
{
	judgement_free(&o->j);
	sidecars_free(&o->beside.files);
	free(o);
}

static int verify_all(const struct options *opt, char **files, int n)
{
	_cleanup_(judge_close) struct judge by = {.root = ROOT_NONE};
	struct json_object *array = opt->json ? json_array_checked() : NULL;
	struct ukd_error e = {0};
	int ret = EXIT_DONE;

	if (judge_open(opt, &by, &e) < 0)
		return verb_failed(&e);
	for (int i = 0; i < n; i++) {
		struct verify_result *o = calloc(1, sizeof(*o));

		if (!o) {
			(void)ukd_oom(&e);
			return verb_failed(&e);
		}
		o->for_host = opt->for_host;
		judge(&by, files[i], o);
		if (opt->json)
			json_append(array, verify_json(o));
		else
			verify_print(o);
		if (!o->accepted || beside_fails(&o->beside) || verify_host_refuses(o))
			ret = EXIT_FAILED;
		result_free(o);
	}
	if (opt->json)
		json_print(array);
	return ret;
}

static int run(int argc, char **argv)
{
	enum {
		OPT_TRUST = OPT_LONG,
		OPT_FOR_HOST,
		OPT_JSON
	};
	static const struct option options[] = {
		{"trust", required_argument, NULL, OPT_TRUST},
		{"for-host", no_argument, NULL, OPT_FOR_HOST},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_verify);
		else if (c == OPT_TRUST && opt.trust.n < TRUST_MAX_FILES)
			opt.trust.files[opt.trust.n++] = optarg;
		else if (c == OPT_FOR_HOST)
			opt.for_host = true;
		else if (c == OPT_JSON)
			opt.json = true;
		else
			return verb_misuse(&verb_verify, c == OPT_TRUST ? TRUST_MISUSE : NULL,
					   "verify");
	}
	if (optind == argc)
		return verb_misuse(&verb_verify, "verify: which file?");
	return verify_all(&opt, argv + optind, argc - optind);
}

const struct verb verb_verify = {
	.name = "verify",
	.summary = "judge capture images, one line per check",
	.run = run,
	.usage = usage,
};
