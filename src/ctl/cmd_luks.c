// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl luks: a key slot for the capture environment. The key is made here, goes into the
 * device's header and, by a memory file, into the image that `build` makes, and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/luks.h"
#include "ctl/ctl.h"
#include "ctl/image/publish.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/secret.h"
#include "util/self.h"
#include "util/terminal.h"

#define BUILD_LIMIT_S	 1200
#define PASSPHRASE_MAX	 MIB(8) /* cryptsetup's own limit for key files */
#define PASSPHRASE_TYPED 512	/* and for what is typed */

static const char usage[] =
	"Usage: ukdumpctl luks enroll [--key-file F] [--config F]\n"
	"       ukdumpctl luks remove [--config F]\n"
	"       ukdumpctl luks status [--json] [--config F]\n\n"
	"A key slot of the capture environment's own in the LUKS device that the first\n"
	"such Target= is on. Its random key lies only in the capture image, which lies on\n"
	"that device.\n\n"
	"  enroll           add the slot and build an image with the key\n"
	"  remove           remove the slot; images with the key become useless\n"
	"  status           tell about the device, the slot and the key\n\n"
	"      --key-file F  an existing passphrase or key of the device (default: asked\n"
	"                    for, or read from standard input)\n"
	"      --config F    settings (default: /etc/ukdump/ukdump.conf)\n"
	"      --json        facts as JSON\n"
	"  -h, --help        this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct options {
	const char *key_file, *config;
	bool json;
};

struct job {
	const struct options *opt;
	struct root root;
	struct settings settings;
	struct luks_device device;
	struct luks_info info;
};

static void job_free(struct job *j)
{
	settings_free(&j->settings);
	root_close(&j->root);
}

static int prepare(struct job *j, struct ukd_error *e)
{
	int r = root_open(NULL, &j->root, e);

	if (r >= 0)
		r = settings_load_option(&j->root, j->opt->config, &j->settings, e);
	if (r >= 0)
		r = luks_of_settings(&j->root, &j->settings, &j->device, e);
	return r < 0 ? r : luks_read(j->device.node, &j->info, e);
}

static int read_passphrase(const struct job *j, int *ret_fd, struct ukd_error *e)
{
	char typed[PASSPHRASE_TYPED] = "", path[LUKS_FD_PATH], prompt[128];
	_buffer_ struct buffer file = {0};
	struct bytes content;
	int r;

	(void)snprintf(prompt, sizeof(prompt), "Passphrase of %s: ", j->device.node);
	if (j->opt->key_file)
		r = file_read(AT_FDCWD, j->opt->key_file, PASSPHRASE_MAX, &file, e);
	else
		r = terminal_ask_secret(prompt, typed, sizeof(typed), e);
	content = j->opt->key_file ? buffer_bytes(&file) :
				     (struct bytes){(uint8_t *)typed, strlen(typed)};
	if (r >= 0)
		r = luks_memory_file(content, path, ret_fd, e);
	/* cryptsetup gets it as standard input; the build that follows is not to inherit it. */
	if (r >= 0)
		(void)fcntl(*ret_fd, F_SETFD, FD_CLOEXEC);
	explicit_bzero(typed, sizeof(typed));
	if (file.data)
		explicit_bzero(file.data, file.len);
	return r;
}

/* The verb `build` as a program of its own; the key's descriptor is all it is told. */
static int run_build(const struct job *j, const struct luks_key *key, struct ukd_error *e)
{
	uint8_t content[LUKS_KEY_LEN + 1];
	char path[LUKS_FD_PATH];
	const char *argv[7] = {"/proc/self/exe", "build", "--luks-key"};
	struct process p = {PROCESS_DEFAULTS, .argv = argv};
	_close_ int fd = -1;
	int r;

	p.timeout_s = BUILD_LIMIT_S;
	memcpy(content, key->bytes, LUKS_KEY_LEN);
	content[LUKS_KEY_LEN] = (uint8_t)key->slot;
	r = luks_memory_file((struct bytes){content, sizeof(content)}, path, &fd, e);
	explicit_bzero(content, sizeof(content));
	if (r < 0)
		return r;
	argv[3] = strrchr(path, '/') + 1;
	if (j->opt->config) {
		argv[4] = "--config";
		argv[5] = j->opt->config;
	}
	return process_run_ok(&p, e);
}

static int check_new(const struct job *j, struct ukd_error *e)
{
	struct luks_key key;
	struct ukd_error ignored;
	bool has = j->info.n ||
		   (j->info.version == 1 && luks_find_key(&j->root, IMAGE_DIR, j->device.node,
							  j->device.uuid, &key, &ignored) == 0);

	explicit_bzero(&key, sizeof(key));
	if (has)
		return ukd_refuse(e, "luks.enrolled",
				  "%s has a slot of ours already; 'ukdumpctl build' takes its key "
				  "from the newest image, 'ukdumpctl luks remove' removes it",
				  j->device.node);
	return luks_check_images(&j->root, IMAGE_DIR, j->device.uuid, e);
}

static int enroll(struct job *j, struct ukd_error *e)
{
	_close_ int passphrase = -1;
	struct ukd_error ignored;
	struct luks_key key;
	sigset_t before;
	int r = check_new(j, e);

	if (r >= 0)
		r = process_keep_secrets(e);
	if (r >= 0)
		r = read_passphrase(j, &passphrase, e);
	if (r < 0)
		return r;
	/* Who is stopped in between would leave a slot behind whose key is lost. */
	stops_hold(&before);
	r = luks_add(j->device.node, &j->info, passphrase, &key, e);
	if (r >= 0) {
		r = run_build(j, &key, e);
		if (r < 0 && luks_forget(j->device.node, key.slot, &ignored) < 0)
			fprintf(stderr, "ukdumpctl: luks: slot %d stays: %s\n", key.slot,
				ignored.text);
	}
	explicit_bzero(&key, sizeof(key));
	stops_release(&before);
	if (r >= 0)
		printf("%s: slot %d is the capture environment's\n", j->device.node, key.slot);
	return r;
}

/* LUKS1 has no tokens: the slot is the one that a key in an image opens. */
static int remove_by_key(struct job *j, struct ukd_error *e)
{
	struct luks_key key;
	int r = luks_find_key(&j->root, IMAGE_DIR, j->device.node, j->device.uuid, &key, e);

	if (r < 0)
		return r;
	explicit_bzero(key.bytes, sizeof(key.bytes));
	r = luks_forget(j->device.node, key.slot, e);
	if (r >= 0)
		printf("%s: slot %d removed\n", j->device.node, key.slot);
	return r;
}

static int remove_slots(struct job *j, struct ukd_error *e)
{
	int r = process_keep_secrets(e);

	if (r >= 0 && j->info.version == 1)
		return remove_by_key(j, e);
	if (r >= 0 && !j->info.n)
		return ukd_fail(e, -ENOENT, "%s has no slot of ours", j->device.node);
	for (unsigned int i = 0; r >= 0 && i < j->info.n; i++) {
		r = luks_forget(j->device.node, j->info.slot[i], e);
		if (r >= 0 && j->info.slot[i] != LUKS_ANY_SLOT)
			printf("%s: slot %d removed\n", j->device.node, j->info.slot[i]);
	}
	return r;
}

static void print_status(const struct job *j, bool key, int slot)
{
	printf("device   %s, LUKS%u, UUID %s\n", j->device.node, j->info.version, j->device.uuid);
	printf("target   %s\n", j->device.target);
	if (key)
		printf("key      in the newest image, opens slot %d\n", slot);
	else if (j->info.n)
		printf("key      slot %d is ours, but no image has its key: run 'ukdumpctl luks\n"
		       "         remove', then 'ukdumpctl luks enroll'\n",
		       j->info.slot[0]);
	else
		printf("key      none; run 'ukdumpctl luks enroll'\n");
}

static void print_status_json(const struct job *j, bool key, int slot)
{
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_text(o, "device", j->device.node);
	json_text(o, "uuid", j->device.uuid);
	json_number(o, "version", j->info.version);
	json_text(o, "target", j->device.target);
	json_flag(o, "enrolled", key || j->info.n);
	json_flag(o, "key", key);
	if (key)
		json_number(o, "slot", (uint64_t)slot);
	json_print(o);
}

static int status(struct job *j, struct ukd_error *e)
{
	struct luks_key key;
	int r = process_keep_secrets(e);

	if (r >= 0)
		r = luks_find_key(&j->root, IMAGE_DIR, j->device.node, j->device.uuid, &key, e);
	explicit_bzero(key.bytes, sizeof(key.bytes));
	if (r < 0 && r != -ENOENT)
		return r;
	(j->opt->json ? print_status_json : print_status)(j, r >= 0, r >= 0 ? key.slot : 0);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"key-file", required_argument, NULL, 'k'},
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const struct {
		const char *name;
		int (*run)(struct job *j, struct ukd_error *e);
	} actions[] = {{"enroll", enroll}, {"remove", remove_slots}, {"status", status}};
	struct options opt = {0};
	_cleanup_(job_free) struct job j = {.opt = &opt, .root = ROOT_NONE};
	struct ukd_error e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_luks);
		if (c == 'k')
			opt.key_file = optarg;
		else if (c == 'c')
			opt.config = optarg;
		else if (c == 'j')
			opt.json = true;
		else
			return verb_misuse(&verb_luks, NULL);
	}
	if (optind + 1 != argc)
		return verb_misuse(&verb_luks, "luks: one of enroll, remove, status");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(argv[optind], actions[i].name) != 0)
			continue;
		r = prepare(&j, &e);
		if (r >= 0)
			r = actions[i].run(&j, &e);
		return r < 0 ? verb_failed(&e) : EXIT_DONE;
	}
	return verb_misuse(&verb_luks, "luks: '%s' is none of enroll, remove, status",
			   argv[optind]);
}

const struct verb verb_luks = {
	.name = "luks",
	.summary = "a key slot for captures to an encrypted target",
	.run = run,
	.usage = usage,
};
