// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdump-capture: saves /proc/vmcore. Runs as init (pid 1) of the lean capture environment, or from
 * a unit of a full one. As pid 1 it never returns and takes no arguments: the kernel passes on
 * every word of its command line that it does not know itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/guard.h"
#include "capture/init.h"
#include "capture/watchdog.h"
#include "util/cleanup.h"
#include "util/process.h"

#define TIMEOUT_FALLBACK_S 3600
#define NOTHING_LIMIT_S	   60 /* to end the machine where there is no dump to wait for */

static const char usage[] =
	"usage: ukdump-capture [--no-action]\n"
	"       ukdump-capture --root DIR\n"
	"\n"
	"Saves the memory of the crashed kernel (/proc/vmcore) to the first target of\n"
	"/etc/ukdump/capture.conf that takes it, then reboots or does what OnSuccess= and\n"
	"OnFailure= say. Meant to run in the capture environment only.\n"
	"\n"
	"  --root DIR    take /proc, /sys, /dev and /etc from DIR; implies --no-action\n"
	"  --no-action   end with exit status 0 (complete) or 1 instead\n"
	"  --help, --version\n";

static struct options {
	const char *root;
	bool act;
	bool init;
} opt = {.act = true};

static void say(enum log_level level, const char *line)
{
	log_line(level, "%s", line);
}

/* The last words of a watchdog: to the kernel log only, which never waits as a console may. */
static void last_words(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	(void)dprintf(fd, "<3>ukdump-capture: %s\n", text);
	(void)close(fd);
}

static void on_timeout(void *ctx)
{
	const struct settings *s = ctx;

	last_words("TimeoutSec= is over: ending now");
	machine_end(s->action.on_failure);
}

static void on_second_timeout(void *ctx)
{
	(void)ctx;
	last_words("still here: emergency restart");
	machine_emergency();
}

static void start_watchdogs(struct settings *s)
{
	unsigned int limit = s->dump.timeout_s < UINT_MAX / 2 ? (unsigned int)s->dump.timeout_s :
								UINT_MAX / 2;
	struct ukd_error e;

	if (watchdog_start(limit, on_timeout, s, &e) < 0 ||
	    watchdog_start(limit + WATCHDOG_SECOND_S, on_second_timeout, NULL, &e) < 0)
		log_error("%s", e.text);
}

static void finish(struct capture *c, enum dump_state state)
{
	bool ok = state == STATE_COMPLETE;
	enum setting_action action = ok ? c->settings.action.on_success :
					  c->settings.action.on_failure;
	struct ukd_error e;

	for (unsigned int i = 0; i < c->record.n_targets; i++)
		log_line(ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "target %s: %s%s%s",
			 c->record.targets[i].uri, dump_state_name(c->record.targets[i].state),
			 c->record.targets[i].reason[0] ? ", " : "", c->record.targets[i].reason);
	if (!c->record.n_targets)
		log_error("no target was tried");
	if (!opt.act)
		return;
	if (guard_sync(budget_any_s(&c->budget, 30), &e) < 0)
		log_warning("%s", e.text);
	if (action == ACTION_SHELL)
		log_warning("no shell in this capture environment: rebooting");
	machine_end(action);
	machine_emergency();
}

static void load_settings(struct capture *c)
{
	struct ukd_error e;

	if (settings_load(c->root, "/etc/ukdump/capture.conf", &c->settings, &e) < 0) {
		log_error("%s; using the defaults", e.text);
		if (settings_init(&c->settings, &e) < 0)
			log_error("%s", e.text);
	}
	if (!c->settings.dump.timeout_s)
		c->settings.dump.timeout_s = TIMEOUT_FALLBACK_S;
}

static enum dump_state capture(const struct root *root)
{
	static struct capture c; /* too large for the stack */
	enum dump_state state;

	c.root = root;
	c.say = say;
	load_settings(&c);
	budget_start(&c.budget, c.settings.dump.timeout_s);
	if (opt.act) {
		/* For all that is forked here; the tools that are run are the first to go instead. */
		process_set_oom_score(OOM_SCORE_NEVER);
		start_watchdogs(&c.settings);
	}
	state = capture_run(&c);
	finish(&c, state);
	settings_free(&c.settings);
	return state;
}

/*
 * There is no /proc/vmcore. After a crash its kernel could not make it, or /proc is not there: a
 * failed capture, which must not leave the machine off.
 */
static _noreturn_ void nothing_to_capture(const struct root *root)
{
	static struct capture c;

	if (!init_after_crash(root)) {
		log_error("no /proc/vmcore: this image only captures crash dumps. Powering off");
		machine_end(ACTION_POWEROFF);
		init_wait();
	}
	log_error("a crash, but no /proc/vmcore: there is nothing to save");
	c.root = root;
	load_settings(&c);
	if (c.settings.dump.timeout_s > NOTHING_LIMIT_S)
		c.settings.dump.timeout_s = NOTHING_LIMIT_S;
	budget_start(&c.budget, c.settings.dump.timeout_s);
	start_watchdogs(&c.settings);
	finish(&c, STATE_FAILED);
	init_wait();
}

/* Ends with an exit status, or not: -1 means go on. */
static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},
		{"no-action", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (o) {
		case 'r':
			opt.root = optarg;
			opt.act = false;
			break;
		case 'n':
			opt.act = false;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return 0;
		case 'v':
			(void)puts("ukdump-capture " UKDUMP_VERSION);
			return 0;
		default: /* getopt has complained */
			(void)fputs("Try 'ukdump-capture --help'.\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	(void)fprintf(stderr,
		      "ukdump-capture: '%s' is not an option\n"
		      "Try 'ukdump-capture --help'.\n",
		      argv[optind]);
	return 2;
}

static void become_init(void)
{
	struct ukd_error e;
	int r, kmsg;

	opt.init = true;
	r = init_environment(&e);
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg >= 0) {
		log_to_kmsg(kmsg);
		init_quiet_kernel();
	}
	if (r < 0)
		log_error("%s", e.text);
}

static int run(void)
{
	_free_ char *path = opt.root ? realpath(opt.root, NULL) : NULL;
	_root_ struct root root = ROOT_NONE;
	struct ukd_error e;

	if (opt.root && !path) {
		log_error("%s: %s", opt.root, strerror(errno));
		return 1;
	}
	if (root_open(path, &root, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	if (!root_exists(&root, "/proc/vmcore")) {
		if (opt.init)
			nothing_to_capture(&root);
		log_error("no %s/proc/vmcore: not a capture environment", root.path);
		return 1;
	}
	return capture(&root) == STATE_COMPLETE ? 0 : 1;
}

int main(int argc, char **argv)
{
	int r = -1;

	log_setup("ukdump-capture", LOG_LEVEL_INFO, false);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getpid() == 1)
		become_init();
	else
		r = parse_options(argc, argv);
	if (r < 0)
		r = run();
	if (opt.init)
		init_wait();
	return r;
}
