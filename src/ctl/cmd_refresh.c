// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl refresh: brings images and what is armed up to date. The one thing that units, hooks
 * and packages call. ukdumpctl restart: the same, and arms anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/image/build_image.h"
#include "ctl/ctl.h"
#include "ctl/report/journal.h"
#include "ctl/image/leftovers.h"
#include "ctl/image/outcome.h"
#include "ctl/image/refresh.h"
#include "ctl/image/refresh_plan.h"
#include "util/cleanup.h"
#include "util/lockfile.h"

/* What changes while an image is built is found in the next round; not for ever. */
#define ROUNDS 3

/* A kernel's package waits for it; a refresh that runs will see at its end that the kernel is gone.
 */
#define REMOVE_LOCK_LIMIT_S 10

static const char usage[] =
	"Usage: ukdumpctl refresh [--kver V | --remove V] [--force] [--json]\n\n"
	"Bring the machine up to date: build the capture image of the kernel that Kernel=\n"
	"names if it is missing or anything in it has changed, arm it, and remove images\n"
	"that nobody needs any more. What is armed stays armed until the new image has\n"
	"passed every check, and if anything fails. With Kernel=running an image for the\n"
	"newest kernel is made, too, for the time after the reboot.\n\n"
	"      --kver V    make an image of this kernel, too\n"
	"      --remove V  the kernel V is being removed: only drop its images\n"
	"      --force     build even if nothing has changed\n"
	"      --json      facts as JSON\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed (see 'ukdumpctl status'), 2 usage.\n";

static const char restart_usage[] =
	"Usage: ukdumpctl restart [--json]\n\n"
	"As 'ukdumpctl refresh', and arm anew even what the kernel holds already. What is\n"
	"armed stays until the new image has passed every check.\n\n"
	"      --json  facts as JSON\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 done, 1 failed (see 'ukdumpctl status'), 2 usage.\n";

static void refresh_free(struct refresh *r)
{
	free(r->armed_id);
	images_free(&r->images);
	settings_free(&r->settings);
	strings_free(&r->built);
	strings_free(&r->dropped);
	if (r->lock >= 0)
		(void)close(r->lock);
	root_close(&r->root);
}

/* Builds, and keeps a failure: the others may do better. Returns whether something was built. */
static bool make(struct refresh *r, const char *kver)
{
	struct ukd_error e = {0};
	int code = kver[0] ? refresh_build(r, kver, &e) : 0;

	if (code < 0)
		refresh_failed(r, &e);
	return code > 0;
}

static void arm(struct refresh *r)
{
	struct ukd_error e = {0};

	if (refresh_arm(r, &e) < 0)
		refresh_failed(r, &e);
}

/*
 * A build takes long, and an image that has grown stale captures as well as it did yesterday. If it
 * is refused, the new one may not be. Where arming locks, the one load is for the new one.
 */
static void arm_what_there_is(struct refresh *r)
{
	struct ukd_error before = r->failure;

	if (r->armed || r->settings.arm.lock_after_arm != LOCK_NO ||
	    !refresh_arms(&r->images, r->capture, false))
		return;
	arm(r);
	r->failure = before;
}

/* The image to be armed first; those for later can wait. Returns whether something was built. */
static bool round_of_builds(struct refresh *r)
{
	bool built;

	arm_what_there_is(r);
	built = make(r, r->capture);
	arm(r);
	if (strcmp(r->advance, r->capture) != 0)
		built |= make(r, r->advance);
	if (r->kver && strcmp(r->kver, r->capture) != 0)
		built |= make(r, r->kver);
	r->force = false;
	return built;
}

static int follow(struct refresh *r, struct ukd_error *e)
{
	bool again = true;

	for (unsigned int i = 0; again && !r->failure.code && i < ROUNDS; i++) {
		int code = refresh_look(r, e);

		if (code < 0)
			return code;
		code = refresh_find_kernels(r, e);
		if (code < 0)
			return code;
		again = round_of_builds(r);
	}
	return 0;
}

static void tell_journal(const struct refresh *r)
{
	const struct journal_field fields[] = {
		{"UKDUMP_REASON", r->failure.text},
		{"UKDUMP_IMAGE", r->image},
	};
	struct ukd_error e;

	if (journal_send(LOG_ERR, JOURNAL_REFRESH_FAILED, r->failure.text, fields,
			 ARRAY_SIZE(fields), &e) < 0)
		(void)verb_failed(&e);
}

static void record(struct refresh *r)
{
	struct outcome o = {0};
	struct ukd_error e;
	const char *result = r->failure.code ? OUTCOME_FAILED :
			     r->waiting[0]   ? OUTCOME_WAITS :
			     r->next_boot[0] ? OUTCOME_NEXT_BOOT :
					       OUTCOME_DONE;
	const char *image = r->waiting[0] ? r->waiting : r->next_boot[0] ? r->next_boot : r->image;

	(void)snprintf(o.result, sizeof(o.result), "%s", result);
	(void)snprintf(o.reason, sizeof(o.reason), "%s", r->failure.text);
	(void)snprintf(o.image, sizeof(o.image), "%s", image);
	if (outcome_write(&r->root, &o, &e) < 0)
		refresh_failed(r, &e);
	if (r->failure.code)
		tell_journal(r);
}

/* Holds the lock already. */
static int refresh(struct refresh *r, struct ukd_error *e)
{
	int code = leftovers_remove(&r->root, e);

	if (code >= 0)
		code = settings_load(&r->root, NULL, &r->settings, e);
	if (code >= 0)
		code = r->remove ? refresh_look(r, e) : follow(r, e);
	return code < 0 ? code : refresh_drop(r, e);
}

/*
 * What went wrong came before it was known which kernel's image is to be armed, such as settings
 * that cannot be read: one that fits the running kernel is better than none.
 */
static void arm_blindly(struct refresh *r)
{
	struct ukd_error e = {0};
	int code = refresh_look(r, &e);

	if (code >= 0 && r->armed)
		return;
	if (code >= 0)
		code = root_kernel_release(&r->root, r->capture, sizeof(r->capture), &e);
	if (code < 0)
		refresh_failed(r, &e);
	else
		arm(r);
}

static void print_text(const struct refresh *r)
{
	for (unsigned int i = 0; i < r->built.n; i++)
		printf("built    %s\n", r->built.v[i]);
	for (unsigned int i = 0; i < r->dropped.n; i++)
		printf("removed  %s\n", r->dropped.v[i]);
	if (r->waiting[0])
		printf("unsigned %s\n", r->waiting);
	if (r->next_boot[0])
		printf("waits    %s, for the next boot: the kernel takes no other image before\n",
		       r->next_boot);
	if (r->image[0])
		printf("armed    %s\n", r->image);
}

static void print_json(const struct refresh *r)
{
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_flag(o, "ok", !r->failure.code);
	json_text(o, "reason", r->failure.code ? r->failure.text : NULL);
	json_flag(o, "armed", r->armed);
	json_text_or_null(o, "image", r->image);
	json_text_or_null(o, "waits", r->waiting);
	json_text_or_null(o, "next_boot", r->next_boot);
	json_add(o, "built", json_strings(&r->built));
	json_add(o, "removed", json_strings(&r->dropped));
	json_print(o);
}

static int run_refresh(struct refresh *r, bool json)
{
	struct ukd_error e = {0};
	int code = root_open(NULL, &r->root, &e);

	if (code >= 0)
		code = lockfile_take(&r->root, BUILD_LOCK, "ukdumpctl refresh",
				     r->remove ? REMOVE_LOCK_LIMIT_S : BUILD_LOCK_LIMIT_S, &r->lock,
				     &e);
	if (code < 0)
		return verb_failed(&e);
	if (refresh(r, &e) < 0)
		refresh_failed(r, &e);
	if (r->failure.code && !r->remove && !r->capture[0])
		arm_blindly(r);
	if (!r->remove || r->failure.code)
		record(r);
	if (json)
		print_json(r);
	else
		print_text(r);
	return r->failure.code ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"kver", required_argument, NULL, 'k'}, {"remove", required_argument, NULL, 'r'},
		{"force", no_argument, NULL, 'f'},	{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},	{0},
	};
	_cleanup_(refresh_free) struct refresh r = {.root = ROOT_NONE, .lock = -1};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_refresh);
		if (c == 'k')
			r.kver = optarg;
		else if (c == 'r')
			r.remove = optarg;
		else if (c == 'f')
			r.force = true;
		else if (c == 'j')
			json = true;
		else
			return verb_misuse(&verb_refresh, NULL);
	}
	if (optind < argc)
		return verb_misuse(&verb_refresh, "refresh: '%s' is not an option", argv[optind]);
	if (r.remove && (r.kver || r.force))
		return verb_misuse(&verb_refresh,
				   "refresh: --remove goes with neither --kver nor --force");
	return run_refresh(&r, json);
}

static int run_restart(int argc, char **argv)
{
	_cleanup_(refresh_free) struct refresh r = {.root = ROOT_NONE, .lock = -1, .rearm = true};
	bool json = false;
	int code = verb_parse_simple(&verb_restart, argc, argv, &json);

	return code >= 0 ? code : run_refresh(&r, json);
}

const struct verb verb_refresh = {
	.name = "refresh",
	.summary = "bring image and arming up to date",
	.run = run,
	.usage = usage,
};

const struct verb verb_restart = {
	.name = "restart",
	.summary = "bring the image up to date and arm it anew",
	.run = run_restart,
	.usage = restart_usage,
};
