// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `ukdumpctl info DUMP`: what a dump says. DUMP is a vmcore, or the directory of one crash. The
 * directory's manifest is what the capture environment said about the dump; the dump is asked
 * itself all the same. All of it is hostile.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/dumps/dump_path.h"
#include "ctl/dumps/info.h"
#include "dump/dump.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"

/* A dump is not hashed if it has more holes than this, and more than this many times its data. */
#define HOLES_MAX   (4 * MIB(1024))
#define HOLES_RATIO 16

char *info_manifest_text(const struct info *i, const char *key)
{
	struct json_object *o = NULL;

	if (!i->manifest || !json_object_object_get_ex(i->manifest, key, &o) ||
	    !(json_object_is_type(o, json_type_string) || json_object_is_type(o, json_type_int)))
		return NULL;
	char *s = strdup(json_object_get_string(o));

	return s ? text_clean(s) : NULL;
}

/*
 * The file as it lies there, flattened or encrypted: as many bytes as it had when it was opened.
 * Holes have to be hashed like data.
 */
static int hash_file(const struct info *i, char ret[INFO_SHA256_HEX], struct ukd_error *e)
{
	uint64_t size = i->file_size;
	_free_ uint8_t *chunk = malloc(MIB(1));
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	if (!chunk)
		return ukd_oom(e);
	if (size > HOLES_MAX && (size - HOLES_MAX) / HOLES_RATIO > i->file_stored)
		return ukd_refuse(e, "dump.sparse", "nearly all of the file is a hole, not hashed");
	SHA256Init(&ctx);
	for (uint64_t off = 0; off < size; off += MIB(1)) {
		size_t n = size - off < MIB(1) ? (size_t)(size - off) : MIB(1);
		int r = fd_pread_full(i->fd, chunk, n, off);

		if (r < 0)
			return ukd_fail_errno(e, r, "cannot read");
		SHA256Update(&ctx, chunk, n);
		show_progress("hashing: %u %%", (unsigned int)(off / (size / 100 + 1)));
	}
	SHA256Final(digest, &ctx);
	format_hex((struct bytes){digest, sizeof(digest)}, ret);
	return 0;
}

/* What takes time: --full, --checksum and --find. */
static int examine(struct info *i, const struct info_options *o, struct ukd_error *e)
{
	int r = 0;

	if (i->dump && o->full)
		r = dump_walk_pages(i->dump, NULL, NULL, &i->walk, e);
	if (r >= 0 && i->fd >= 0 && !i->dump_error.code && (o->full || o->checksum))
		r = hash_file(i, i->sha256, e);
	if (r >= 0 && i->dump && o->pattern_len)
		r = dump_find(i->dump, (struct bytes){o->pattern, o->pattern_len}, &i->found,
			      &i->found_at, e);
	return r < 0 ? ukd_prefix(e, "%s", i->path) : 0;
}

const char *info_hash_verdict(const struct info *i, const char *expected)
{
	if (!expected || !*expected)
		return "none recorded";
	if (!i->sha256[0])
		return "not checked";
	return strcmp(i->sha256, expected) ? "does not match" : "matches";
}

/* Complains about what --full, --checksum and --find were to show and did not. Returns the exit
 * code. */
static int judge(const struct info *i, const struct info_options *o)
{
	_free_ char *expected = info_manifest_text(i, "sha256");
	_free_ char *state = info_manifest_text(i, "state");
	const char *incomplete = i->dump ? dump_facts(i->dump)->incomplete : NULL;
	bool wrong_hash = !strcmp(info_hash_verdict(i, expected), "does not match");
	int code = EXIT_DONE;

	/* That a crash of which only the log was saved has no good dump is no news, */
	if (i->dump_error.code &&
	    !(state && (!strcmp(state, "log-only") || !strcmp(state, "failed"))))
		code = verb_failed(&i->dump_error);
	/* nor that a partial dump is partial. */
	if (incomplete && !(state && !strcmp(state, "partial"))) {
		fprintf(stderr, "ukdumpctl: %s: %s\n", i->path, incomplete);
		code = EXIT_FAILED;
	}
	if (wrong_hash) {
		fprintf(stderr, "ukdumpctl: %s: SHA-256 is %s, the manifest says %s\n", i->path,
			i->sha256, expected);
		code = EXIT_FAILED;
	}
	if (i->walk.errors) {
		fprintf(stderr, "ukdumpctl: %s: %" PRIu64 " pages cannot be read, first: %s\n",
			i->path, i->walk.errors, i->walk.first_error);
		code = EXIT_FAILED;
	}
	if (o->full && i->dump && i->log_error.code && i->log_error.code != -ENOTSUP) {
		fprintf(stderr, "ukdumpctl: %s: kernel log: %s\n", i->path, i->log_error.text);
		code = EXIT_FAILED;
	}
	if (o->pattern_len && !i->found) {
		fprintf(stderr, "ukdumpctl: %s: %s\n", i->path,
			i->encrypted && !i->dump ? "encrypted, --find needs --identity" :
						   "no page has this pattern");
		code = EXIT_FAILED;
	}
	return code;
}

static bool parse_pattern(const char *hex, struct info_options *o)
{
	size_t n = strlen(hex) / 2;

	if (!n || n > INFO_PATTERN_MAX || !parse_hex(hex, o->pattern, n))
		return false;
	o->pattern_len = n;
	return true;
}

static bool parse_lines(const char *text, struct info_options *o)
{
	if (!strcmp(text, "all")) {
		o->lines = UINT64_MAX;
		return true;
	}
	return parse_u64(text, &o->lines);
}

enum {
	OPT_FULL = OPT_LONG,
	OPT_CHECKSUM,
	OPT_JSON,
	OPT_FIND,
	OPT_LINES,
	OPT_IDENTITY,
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct info_options *o)
{
	static const struct option table[] = {
		{"full", no_argument, NULL, OPT_FULL},
		{"checksum", no_argument, NULL, OPT_CHECKSUM},
		{"json", no_argument, NULL, OPT_JSON},
		{"find", required_argument, NULL, OPT_FIND},
		{"lines", required_argument, NULL, OPT_LINES},
		{"identity", required_argument, NULL, OPT_IDENTITY},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == OPT_FULL)
			o->full = true;
		else if (c == OPT_CHECKSUM)
			o->checksum = true;
		else if (c == OPT_JSON)
			o->json = true;
		else if (c == OPT_FIND && !parse_pattern(optarg, o))
			return verb_misuse(&verb_info,
					   "info: --find '%.80s': 1 to %d bytes in hexadecimal",
					   optarg, INFO_PATTERN_MAX);
		else if (c == OPT_LINES && !parse_lines(optarg, o))
			return verb_misuse(&verb_info, "info: --lines '%.80s': a number, or all",
					   optarg);
		else if (c == OPT_IDENTITY)
			o->identity = optarg;
		else if (c == 'h')
			return verb_help(&verb_info);
		else if (c == '?')
			return verb_misuse(&verb_info, NULL);
	}
	if (argc - optind != 1)
		return verb_misuse(&verb_info, "info takes one dump: a vmcore or its directory");
	o->path = argv[optind];
	return -1;
}

static int run(int argc, char **argv)
{
	_cleanup_(info_free) struct info i = {.fd = -1};
	struct info_options o = {.lines = 10};
	struct ukd_error e = {0};
	char path[PATH_MAX];
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	if (dump_path(o.path, path, &e) < 0)
		return verb_failed(&e);
	o.path = path;
	if (info_open(&i, &o, &e) < 0 || examine(&i, &o, &e) < 0)
		return verb_failed(&e);
	if (o.json)
		info_print_json(&i, &o);
	else
		info_print_text(&i, &o);
	return judge(&i, &o);
}

const struct verb verb_info = {
	.name = "info",
	.summary = "show what a dump contains",
	.run = run,
	.usage =
		"Usage: ukdumpctl info [OPTION]... DUMP\n\n"
		"Shows what a dump says about the crash: kernel, time, panic text, pages, the end\n"
		"of the kernel log. DUMP is a vmcore (kdump-compressed or ELF, also flattened or\n"
		"encrypted), the directory of one crash, such as\n"
		"/var/crash/20261121T183822Z-<machine-id>, or its name as 'list' shows it.\n\n"
		"      --full           read every page and compare the file with the manifest\n"
		"      --checksum       compare the file with the manifest, without reading pages\n"
		"      --find HEX       count the pages that contain these bytes (up to 256)\n"
		"      --identity FILE  open an encrypted dump with this age identity or SSH key\n"
		"      --json           print JSON\n"
		"      --lines N        show the last N lines of the kernel log, or all\n"
		"                       (default: 10)\n"
		"  -h, --help           this text\n\n"
		"Exit: 0 done; 1 not a dump, or --full, --checksum or --find failed; 2 usage.\n",
};
