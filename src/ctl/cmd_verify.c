// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl verify: judges images, one line per check; loads nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <fcntl.h>

#include "auth/judge.h"
#include "auth/keyring.h"
#include "ctl/ctl.h"
#include "ctl/trust.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char usage[] =
	"Usage: ukdumpctl verify [OPTION]... FILE...\n\n"
	"Judge capture images: structure, sealed layout, signature, trust. One line per\n"
	"check. Nothing is loaded, nothing is changed.\n\n"
	"      --trust CERT  trust this certificate (PEM or DER), too; may be repeated.\n"
	"                    Always: /etc/ukdump/trust.d, UEFI db, MOK list\n"
	"      --for-host    also tell whether the running kernel will take the image\n"
	"      --json        facts as JSON\n"
	"  -h, --help        this text\n\n"
	"Exit: 0 all accepted, 1 at least one refused, 2 usage.\n";

struct options {
	struct trust_options trust;
	bool for_host;
	bool json;
};

/* The outcome for one file, ready to be printed. */
struct outcome {
	const char *name;
	bool accepted;
	bool structure_ok;
	struct judgement j;	  /* if structure_ok */
	struct ukd_error refusal; /* if not */
	struct kernel_answer host;
};

static void judge(const char *name, const struct auth_policy *policy, struct outcome *o)
{
	_close_ int fd = -1;
	uint64_t size;

	o->name = name;
	if (file_open_regular(AT_FDCWD, name, &fd, &size, &o->refusal) < 0 ||
	    image_judge(fd, name, size, policy, &o->j, &o->refusal) < 0)
		return;
	o->structure_ok = true;
	o->accepted = o->j.auth.verdict == AUTH_TRUSTED;
}

static void ask_host(const struct root *root, struct outcome *o)
{
	o->host.opinion = KERNEL_LACKS_KEY;
	if (o->structure_ok && o->j.uki.kind == UKI_SEALED && o->j.auth.n_chain)
		kernel_ask(root, &o->j.auth, &o->host);
}

static void line(const char *what, const char *state, const char *fmt, ...) _printf_(3, 4);
static void line(const char *what, const char *state, const char *fmt, ...)
{
	va_list ap;

	printf("  %-9s %-4s  ", what, state);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void print_signature(const struct auth_result *a)
{
	if (a->verdict == AUTH_TRUSTED || a->verdict == AUTH_UNTRUSTED ||
	    a->verdict == AUTH_WRONG_USE)
		line("signature", "ok", "%s, %s, by '%s'", a->key_name, a->digest_name,
		     a->n_chain ? a->chain[0].subject : "?");
	else
		line("signature", "FAIL", "%s [%s]", a->reason, a->check);
	if (a->verdict == AUTH_TRUSTED)
		line("trust", "ok", "%s", a->anchor);
	else if (a->verdict == AUTH_UNTRUSTED || a->verdict == AUTH_WRONG_USE)
		line("trust", "FAIL", "%s [%s]", a->reason, a->check);
	if (a->warning[0])
		line("warning", "", "%s", a->warning);
}

static void print_host(const struct outcome *o)
{
	if (o->host.opinion == KERNEL_TRUSTS)
		line("host", "ok", "the kernel has the key '%s'", o->host.key);
	else if (o->j.uki.kind != UKI_SEALED)
		line("host", "FAIL", "the running kernel takes no plain UKI");
	else if (!o->j.auth.n_chain)
		line("host", "FAIL", "there is no signer that the kernel could know");
	else if (o->host.opinion != KERNEL_UNKNOWN)
		line("host", "FAIL", "%s", o->host.reason);
	else
		line("host", "?", "%s", o->host.reason);
}

static void print_outcome(const struct outcome *o, const struct options *opt)
{
	char size[FORMAT_SIZE_MAX], id[2 * AUTH_SHA256_LEN + 1];
	const struct judgement *j = &o->j;

	printf("%s: %s\n", o->name, o->accepted ? "accepted" : "refused");
	if (!o->structure_ok) {
		line("structure", "FAIL", "%s [%s]", o->refusal.text,
		     o->refusal.check[0] ? o->refusal.check : "file.read");
		return;
	}
	format_hex((struct bytes){j->auth.image_id, AUTH_SHA256_LEN}, id);
	line("structure", "ok", "PE32+ EFI application, %u sections, %s", j->uki.pe.n_sections,
	     format_size(j->uki.pe.file_size, size));
	if (j->uki.kind == UKI_SEALED)
		line("sealed", "ok", "kernel, initrd and command line as one: %s",
		     j->facts.version);
	else
		line("sealed", "no", "a plain UKI: the kernel can verify its .linux only");
	print_signature(&j->auth);
	line("revoked", "?", "dbx, MokListX and SBAT level are not looked at yet");
	if (opt->for_host)
		print_host(o);
	line("image id", "", "%s", id);
}

static struct json_object *to_json(const struct outcome *o, const struct options *opt)
{
	struct json_object *json = json_object_checked();
	const struct auth_result *a = &o->j.auth;

	json_number(json, "schema", 1);
	json_text(json, "file", o->name);
	json_flag(json, "accepted", o->accepted);
	if (!o->structure_ok) {
		json_text(json, "check", o->refusal.check[0] ? o->refusal.check : "file.read");
		json_text(json, "reason", o->refusal.text);
		return json;
	}
	json_text(json, "check", a->check[0] ? a->check : NULL);
	json_text(json, "reason", a->reason[0] ? a->reason : NULL);
	json_text(json, "warning", a->warning[0] ? a->warning : NULL);
	json_text(json, "verdict", auth_verdict_name(a->verdict));
	json_hex(json, "image", a->image_id, AUTH_SHA256_LEN);
	json_flag(json, "sealed", o->j.uki.kind == UKI_SEALED);
	json_number(json, "bytes", o->j.uki.pe.file_size);
	json_number(json, "signatures", a->n_signatures);
	json_text(json, "signer", a->n_chain ? a->chain[0].subject : NULL);
	json_text(json, "anchor", a->anchor[0] ? a->anchor : NULL);
	if (opt->for_host)
		json_text(json, "host",
			  o->host.opinion == KERNEL_TRUSTS  ? "trusted" :
			  o->host.opinion == KERNEL_UNKNOWN ? "unknown" :
							      "untrusted");
	return json;
}

static int verify_all(const struct options *opt, char **files, int n)
{
	_root_ struct root root = ROOT_NONE;
	_auth_policy_ struct auth_policy policy = {0};
	struct json_object *array = opt->json ? json_array_checked() : NULL;
	struct ukd_error e = {0};
	int ret = EXIT_DONE;

	if (root_open(NULL, &root, &e) < 0 || policy_load(&root, &opt->trust, &policy, &e) < 0)
		return verb_failed(&e);
	for (int i = 0; i < n; i++) {
		_free_ struct outcome *o = calloc(1, sizeof(*o));

		if (!o)
			return EXIT_FAILED;
		judge(files[i], &policy, o);
		if (opt->for_host)
			ask_host(&root, o);
		if (opt->json)
			json_append(array, to_json(o, opt));
		else
			print_outcome(o, opt);
		if (!o->accepted || (opt->for_host && o->host.opinion > KERNEL_TRUSTS))
			ret = EXIT_FAILED;
		judgement_free(&o->j);
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
			return verb_misuse(&verb_verify, NULL);
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
