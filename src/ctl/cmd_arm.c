// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl start, stop, reload: arms and disarms through ukdump-load. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl/image/arming.h"
#include "ctl/ctl.h"
#include "ctl/loader.h"
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

static int find_image(char ret[IMAGE_PATH_MAX], struct ukd_error *e)
{
	_root_ struct root root = ROOT_NONE;
	char release[KVER_MAX];
	int r = root_open(NULL, &root, e);

	if (r >= 0)
		r = root_kernel_release(&root, release, sizeof(release), e);
	return r < 0 ? r : arming_newest_image(&root, release, ret, e);
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
		printf("armed: %s, signed by '%s', in %" PRIu64 " ms\n", path,
		       signer ? signer : "?", loader_number(facts, "call_ms"));
		return;
	}
	o = json_object_checked();
	json_number(o, "schema", 1);
	json_flag(o, "armed", path != NULL);
	json_text(o, "path", path);
	json_text(o, "image", image);
	json_text(o, "signer", signer);
	json_text(o, "kind", kind);
	if (path)
		json_number(o, "call_ms", loader_number(facts, "call_ms"));
	json_print(o);
}

/* path NULL: disarm */
static int change(const char *path, const char *profile, bool json)
{
	_buffer_ struct buffer facts = {0};
	struct ukd_error e = {0};
	int r = arming_change(path, profile, &facts, &e);

	if (r == -EREMOTEIO)
		return EXIT_FAILED; /* ukdump-load has said why */
	if (r < 0)
		return verb_failed(&e);
	report(&facts, path, json);
	if (path)
		arming_warn_about_targets();
	return EXIT_DONE;
}

static int arm(const char *path, const char *profile, bool json)
{
	struct ukd_error e = {0};
	char found[IMAGE_PATH_MAX];

	if (!path) {
		if (find_image(found, &e) < 0)
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
		return verb_too_many(&verb_start, argv[optind + 1]);
	if (profile && !*profile)
		return verb_misuse(&verb_start, "start: --profile needs a number or an ID");
	return arm(argv[optind], profile, json);
}

static int run_reload(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_reload, argc, argv, &json);

	return r >= 0 ? r : arm(NULL, NULL, json);
}

static int run_stop(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_stop, argc, argv, &json);

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
