// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl start, stop, reload: arms and disarms through ukdump-load. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "ctl/loader.h"
#include "ctl/publish.h"
#include "ctl/target_check.h"
#include "util/cleanup.h"
#include "util/root.h"

static const char start_usage[] =
	"Usage: ukdumpctl start [--profile N|ID] [--json] [IMAGE]\n\n"
	"Arm: load IMAGE (default: the newest one below /var/lib/ukdump/images that was\n"
	"built for the running kernel) for the next crash. Everything that can be checked\n"
	"is checked before the kernel is asked; what is armed stays armed if it fails.\n"
	"Targets that do not answer now are warnings, never a reason not to arm.\n"
	"A UKI that is not sealed is loaded in parts, with the addons beside it.\n\n"
	"      --profile N|ID  which profile of a UKI that is not sealed; default: 0\n"
	"      --json          facts as JSON\n"
	"  -h, --help          this text\n\n"
	"Exit: 0 armed, 1 refused, 2 usage.\n";

static const char stop_usage[] =
	"Usage: ukdumpctl stop [--json]\n\n"
	"Disarm: unload the capture image. A crash is not captured any more.\n\n"
	"      --json  facts as JSON\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 disarmed, 1 failed, 2 usage.\n";

static const char reload_usage[] =
	"Usage: ukdumpctl reload [--json]\n\n"
	"Arm anew with the newest image for the running kernel. The old image stays until\n"
	"the new one has passed every check.\n\n"
	"      --json  facts as JSON\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 armed, 1 refused, 2 usage.\n";

/* "<release>-<12 hex digits>.efi", as build names them. */
static bool is_image_name(const char *name, const char *release)
{
	size_t n = strlen(release);

	return !strncmp(name, release, n) && name[n] == '-' &&
	       strspn(name + n + 1, "0123456789abcdef") == 12 && !strcmp(name + n + 13, ".efi");
}

/* Made with --no-sign and still waiting for its signature: the image before it stays in use. */
static bool awaits_signature(int dirfd, const char *name)
{
	_uki_ struct uki u = {0};
	struct ukd_error ignored;
	_close_ int fd = -1;
	uint64_t size;

	return file_open_regular(dirfd, name, &fd, &size, &ignored) == 0 &&
	       uki_open(fd, name, size, &u, &ignored) == 0 && !u.certs.n;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* The newest image for this kernel; its path in ret. */
static int newest_image(const char *release, char *ret, size_t size, struct ukd_error *e)
{
	_closedir_ DIR *dir = opendir(IMAGE_DIR);
	struct timespec best = {0};
	struct dirent *d;

	if (!dir && errno != ENOENT)
		return ukd_fail_errno(e, -errno, IMAGE_DIR);
	ret[0] = 0;
	while (dir && (d = readdir(dir))) {
		struct stat st;

		if (!is_image_name(d->d_name, release) ||
		    fstatat(dirfd(dir), d->d_name, &st, 0) < 0 ||
		    (ret[0] && !is_newer(&st.st_mtim, &best)))
			continue;
		if (awaits_signature(dirfd(dir), d->d_name)) {
			fprintf(stderr, "ukdumpctl: %s is unsigned, left out\n", d->d_name);
			continue;
		}
		best = st.st_mtim;
		(void)snprintf(ret, size, IMAGE_DIR "/%s", d->d_name);
	}
	if (!ret[0])
		return ukd_fail(e, -ENOENT,
				"no capture image for kernel %s below " IMAGE_DIR
				"; run 'ukdumpctl build'",
				release);
	return 0;
}

static int find_image(char *ret, size_t size, struct ukd_error *e)
{
	_root_ struct root root = ROOT_NONE;
	char release[128];
	int r = root_open(NULL, &root, e);

	if (r >= 0)
		r = root_kernel_release(&root, release, sizeof(release), e);
	return r < 0 ? r : newest_image(release, ret, size, e);
}

static void report(const struct buffer *facts, const char *path, bool json)
{
	_free_ char *image = loader_value(facts, "image"), *signer = loader_value(facts, "signer"),
		    *kind = loader_value(facts, "kind");
	struct json_object *o;

	if (!json && !path) {
		printf("disarmed\n");
		return;
	}
	if (!json) {
		printf("armed: %s, signed by '%s'\n", path, signer ? signer : "?");
		return;
	}
	o = json_object_checked();
	json_number(o, "schema", 1);
	json_flag(o, "armed", path != NULL);
	json_text(o, "path", path);
	json_text(o, "image", image);
	json_text(o, "signer", signer);
	json_text(o, "kind", kind);
	json_print(o);
}

/* What status would call problems of the targets: told, and armed all the same. */
static void warn_about_targets(void)
{
	_root_ struct root root = ROOT_NONE;
	_targets_ struct targets t = {0};
	struct ukd_error e = {0};
	int r = root_open(NULL, &root, &e);

	if (r >= 0)
		r = targets_check(&root, &t, &e);
	if (r < 0)
		fprintf(stderr, "ukdumpctl: warning: %s\n", e.text);
	for (unsigned int i = 0; i < t.n; i++)
		if (t.v[i].problem[0])
			fprintf(stderr, "ukdumpctl: warning: target %s: %s\n", t.v[i].uri,
				t.v[i].problem);
	if (t.recipients.code)
		fprintf(stderr, "ukdumpctl: warning: %s\n", t.recipients.text);
}

/* path NULL: disarm */
static int change(const char *path, const char *profile, bool json)
{
	_buffer_ struct buffer facts = {0};
	struct ukd_error e = {0};
	int r = loader_run(path ? "load" : "unload", profile, path, &facts, &e);

	if (r < 0)
		return verb_failed(&e);
	if (r > 0)
		return EXIT_FAILED; /* ukdump-load has said why */
	report(&facts, path, json);
	if (path)
		warn_about_targets();
	return EXIT_DONE;
}

static int arm(const char *path, const char *profile, bool json)
{
	struct ukd_error e = {0};
	char found[4096];

	if (!path) {
		if (find_image(found, sizeof(found), &e) < 0)
			return verb_failed(&e);
		path = found;
	}
	return change(path, profile, json);
}

static int run_start(int argc, char **argv)
{
	static const struct option options[] = {
		{"profile", required_argument, NULL, 'p'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *profile = NULL;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_start);
		if (c == 'p')
			profile = optarg;
		else if (c == 'j')
			json = true;
		else
			return verb_misuse(&verb_start, NULL);
	}
	if (argc - optind > 1)
		return verb_misuse(&verb_start, "start: '%s' is one argument too many",
				   argv[optind + 1]);
	if (profile && !*profile)
		return verb_misuse(&verb_start, "start: --profile needs a number or an ID");
	return arm(argv[optind], profile, json);
}

static int run_reload(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_reload, argc, argv, 0, &json);

	return r >= 0 ? r : arm(NULL, NULL, json);
}

static int run_stop(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_stop, argc, argv, 0, &json);

	return r >= 0 ? r : change(NULL, NULL, json);
}

const struct verb verb_start = {
	.name = "start",
	.summary = "arm a capture image",
	.run = run_start,
	.usage = start_usage,
};

const struct verb verb_stop = {
	.name = "stop",
	.summary = "disarm",
	.run = run_stop,
	.usage = stop_usage,
};

const struct verb verb_reload = {
	.name = "reload",
	.summary = "arm anew with the newest image",
	.run = run_reload,
	.usage = reload_usage,
};
