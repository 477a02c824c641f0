// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl sign, attach: the image's signature, made here or by a remote signer who sees nothing
 * but the digest.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/judge.h"
#include "build/build.h"
#include "build/gather.h"
#include "ctl/ctl.h"
#include "ctl/key/find_key.h"
#include "ctl/key/list_keys.h"
#include "ctl/image/publish.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char sign_usage[] =
	"Usage: ukdumpctl sign [--key KEY --cert CERT | --key auto] IN [-o OUT]\n"
	"       ukdumpctl sign --print-digest IN\n"
	"       ukdumpctl sign --list-keys\n\n"
	"Sign an image, in place or as OUT. The new signature is its only one: the\n"
	"kernel reads no second. Without --key: Key= of ukdump.conf, else the host\n"
	"key, else as --key auto.\n\n"
	"      --key KEY       private key: PEM file, or an OpenSSL store URI (pkcs11:);\n"
	"                      auto: the first usable one that this machine has\n"
	"      --cert CERT     the signer's certificate, intermediates behind it\n"
	"      --list-keys     list the keys that this machine has, usable or why not,\n"
	"                      and who knows their certificates\n"
	"      --root DIR      look for settings and keys in DIR\n"
	"      --print-digest  print the SHA-256 Authenticode digest for a remote signer,\n"
	"                      whose signature 'ukdumpctl attach' takes\n"
	"      --json          facts as JSON\n"
	"  -o OUT              write OUT, leave IN as it is\n"
	"  -h, --help          this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

static const char attach_usage[] =
	"Usage: ukdumpctl attach --signature FILE --cert CERT IN [-o OUT]\n\n"
	"Attach a signature that was made elsewhere for the digest that\n"
	"'ukdumpctl sign --print-digest' printed: DER, PKCS#7 SignedData over\n"
	"SpcIndirectData (Authenticode). It becomes the image's only one.\n\n"
	"      --signature FILE  the signature\n"
	"      --cert CERT       the signer's certificate: nothing is written unless the\n"
	"                        image verifies by it\n"
	"      --json            facts as JSON\n"
	"  -o OUT                write OUT, leave IN as it is\n"
	"  -h, --help            this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

struct options {
	const char *key, *cert, *signature, *root, *out, *in;
	bool print_digest, list_keys, json;
};

static int read_image(const char *path, struct buffer *ret, uint8_t digest[AUTH_SHA256_LEN],
		      struct ukd_error *e)
{
	_close_ int fd = -1;
	uint64_t size;
	int r = file_open_regular(AT_FDCWD, path, &fd, &size, e);

	if (r >= 0)
		r = auth_image_digest(fd, path, size, digest, e);
	if (r >= 0)
		r = file_read_fd(fd, path, PART_MAX, ret, e);
	return r;
}

/* One line, or JSON. signer NULL: only the digest is known. */
static void report(const struct options *opt, const char *path, const uint8_t *digest,
		   const char *signer)
{
	char hex[2 * AUTH_SHA256_LEN + 1];
	struct json_object *o;

	format_hex((struct bytes){digest, AUTH_SHA256_LEN}, hex);
	if (!opt->json && signer)
		printf("%s: signed by '%s'\n", path, signer);
	else if (!opt->json)
		printf("%s\n", hex);
	if (!opt->json)
		return;
	o = json_object_checked();
	json_number(o, "schema", 1);
	json_text(o, "file", path);
	json_text(o, "image", hex);
	json_text(o, "signer", signer);
	json_print(o);
}

static int print_digest(const struct options *opt)
{
	uint8_t digest[AUTH_SHA256_LEN];
	struct ukd_error e = {0};
	_close_ int fd = -1;
	uint64_t size;

	if (file_open_regular(AT_FDCWD, opt->in, &fd, &size, &e) < 0 ||
	    auth_image_digest(fd, opt->in, size, digest, &e) < 0)
		return verb_failed(&e);
	report(opt, opt->in, digest, NULL);
	return EXIT_DONE;
}

/* Makes der the image's signature, verifies the result by the certificate, publishes it. */
static int finish(const struct options *opt, struct buffer *image, struct bytes der,
		  const char *cert, const struct root *cert_root, struct ukd_error *e)
{
	struct publish_spec spec = {
		.out = opt->out ? opt->out : opt->in, .cert = cert, .cert_root = cert_root};
	struct auth_result result;
	char path[PUBLISH_PATH_MAX];
	bool is_private = false;
	int r = opt->out ? file_check_copy(opt->in, opt->out, &is_private, e) : 0;

	/* What is in an initrd cannot be told, but who is kept from reading it. */
	spec.keep_mode = !is_private;
	if (r >= 0)
		r = image_attach(image, der, e);
	if (r >= 0)
		r = image_publish(&spec, buffer_bytes(image), path, &result, e);
	if (r >= 0)
		report(opt, path, result.image_id, result.chain[0].subject);
	return r;
}

static int do_sign(const struct options *opt, struct ukd_error *e)
{
	_buffer_ struct buffer image = {0}, der = {0};
	_signing_key_ struct signing_key key = {0};
	_root_ struct root root = ROOT_NONE;
	uint8_t digest[AUTH_SHA256_LEN];
	int r = read_image(opt->in, &image, digest, e);

	if (r >= 0)
		r = root_open(opt->root, &root, e);
	if (r >= 0)
		r = signing_key_choose("sign", &root, opt->key, opt->cert, &key, e);
	if (r >= 0)
		r = auth_sign_digest(key.key, digest, &der, e);
	return r < 0 ? r : finish(opt, &image, buffer_bytes(&der), key.cert, key.cert_root, e);
}

static int do_list_keys(const struct options *opt, struct ukd_error *e)
{
	_free_ struct found_keys *keys = calloc(1, sizeof(*keys));
	_settings_ struct settings settings = {0};
	_root_ struct root root = ROOT_NONE;
	int r = keys ? root_open(opt->root, &root, e) : ukd_oom(e);

	if (r >= 0)
		r = settings_load(&root, NULL, &settings, e);
	if (r >= 0)
		r = keys_find(&root, &settings, keys, e);
	if (r >= 0)
		list_keys(keys, opt->json);
	return r;
}

/* Signing services like to wrap what they make. */
static int check_der(const char *path, struct bytes der, struct ukd_error *e)
{
	if (!der.len)
		return ukd_refuse(e, "attach.form", "%s: the file is empty", path);
	if (der.p[0] != '-')
		return 0;
	return ukd_refuse(e, "attach.form",
			  "%s is PEM, needed is DER: 'openssl pkcs7 -in %s -outform DER -out FILE'",
			  path, path);
}

/* A signer that was told another digest algorithm than that of the digest it was given. */
static void explain_digest(struct ukd_error *e)
{
	size_t n = strlen(e->text);

	if (!strcmp(e->check, "auth.content") || !strcmp(e->check, "auth.digest"))
		(void)snprintf(e->text + n, sizeof(e->text) - n,
			       " (what 'sign --print-digest' prints is a SHA-256 digest)");
}

static int do_attach(const struct options *opt, struct ukd_error *e)
{
	_buffer_ struct buffer image = {0}, der = {0};
	uint8_t digest[AUTH_SHA256_LEN];
	int r = read_image(opt->in, &image, digest, e);

	if (r >= 0)
		r = file_read(AT_FDCWD, opt->signature, PE_CERT_TABLE_MAX, &der, e);
	if (r >= 0)
		r = check_der(opt->signature, buffer_bytes(&der), e);
	if (r < 0)
		return r;
	r = finish(opt, &image, buffer_bytes(&der), opt->cert, NULL, e);
	if (r < 0)
		explain_digest(e);
	return r;
}

enum {
	OPT_KEY = OPT_LONG,
	OPT_CERT,
	OPT_DIGEST,
	OPT_LIST,
	OPT_ROOT,
	OPT_SIGNATURE,
	OPT_JSON,
};

static const struct option sign_options[] = {
	{"key", required_argument, NULL, OPT_KEY},
	{"cert", required_argument, NULL, OPT_CERT},
	{"print-digest", no_argument, NULL, OPT_DIGEST},
	{"list-keys", no_argument, NULL, OPT_LIST},
	{"root", required_argument, NULL, OPT_ROOT},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const struct option attach_options[] = {
	{"signature", required_argument, NULL, OPT_SIGNATURE},
	{"json", no_argument, NULL, OPT_JSON},
	{"cert", required_argument, NULL, OPT_CERT},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool take_option(struct options *opt, int c)
{
	if (c == 'o')
		opt->out = optarg;
	else if (c == OPT_KEY)
		opt->key = optarg;
	else if (c == OPT_CERT)
		opt->cert = optarg;
	else if (c == OPT_SIGNATURE)
		opt->signature = optarg;
	else if (c == OPT_ROOT)
		opt->root = optarg;
	opt->print_digest |= c == OPT_DIGEST;
	opt->list_keys |= c == OPT_LIST;
	opt->json |= c == OPT_JSON;
	return c != '?';
}

/* Both verbs' options. Returns -1 to go on, else the exit code. */
static int parse(const struct verb *v, int argc, char **argv, struct options *opt)
{
	const struct option *options = v == &verb_sign ? sign_options : attach_options;
	int c;

	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(v);
		if (!take_option(opt, c))
			return verb_misuse(v, NULL);
	}
	if (argc - optind != !opt->list_keys)
		return verb_misuse(v, "%s: need exactly one image%s", v->name,
				   opt->list_keys ? ", or none with --list-keys" : "");
	opt->in = argv[optind];
	return -1;
}

static int run_sign(int argc, char **argv)
{
	struct ukd_error e = {0};
	struct options opt = {0};
	int r = parse(&verb_sign, argc, argv, &opt);

	if (r >= 0)
		return r;
	if (opt.print_digest + opt.list_keys + (opt.key || opt.cert || opt.out) > 1)
		return verb_misuse(&verb_sign, "sign: --print-digest and --list-keys sign nothing: "
					       "neither goes with the other, --key, --cert or -o");
	if (opt.print_digest)
		return print_digest(&opt);
	if (opt.list_keys)
		return do_list_keys(&opt, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
	if (!key_options_fit(opt.key, opt.cert))
		return verb_misuse(&verb_sign, KEY_OPTIONS_MISUSE, "sign");
	return do_sign(&opt, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

static int run_attach(int argc, char **argv)
{
	struct ukd_error e = {0};
	struct options opt = {0};
	int r = parse(&verb_attach, argc, argv, &opt);

	if (r >= 0)
		return r;
	if (!opt.signature || !opt.cert)
		return verb_misuse(&verb_attach, "attach: need --signature and --cert");
	return do_attach(&opt, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_sign = {
	.name = "sign",
	.summary = "sign an image, or print its digest for a remote signer",
	.run = run_sign,
	.usage = sign_usage,
};

const struct verb verb_attach = {
	.name = "attach",
	.summary = "attach a signature that was made elsewhere",
	.run = run_attach,
	.usage = attach_usage,
};
