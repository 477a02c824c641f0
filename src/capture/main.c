// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdump-capture: saves /proc/vmcore. Runs as init (pid 1) of the lean capture environment, or from
 * a unit of a full one. As pid 1 it never returns and takes no arguments: the kernel passes on
 * every word of its command line that it does not know itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/guard.h"
#include "capture/init.h"
#include "capture/keeper.h"
#include "capture/leave.h"
#include "capture/result.h"
#include "capture/watchdog.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/process.h"

#define NOTHING_LIMIT_S 60 /* to end the machine where there is no dump to wait for */
#define STORE_LIMIT_S	5  /* less than systemd waits for ExecStopPost= (system.conf) */

static const char usage[] =
	"usage: ukdump-capture [--no-action]\n"
	"       ukdump-capture --root DIR\n"
	"       ukdump-capture --store-result\n"
	"\n"
	"Saves the memory of the crashed kernel (/proc/vmcore) to the first target of\n"
	"/etc/ukdump/capture.conf that takes it, then reboots or does what OnSuccess= and\n"
	"OnFailure= say. Meant to run in the capture environment only.\n"
	"\n"
	"  --root DIR    take /proc, /sys, /dev and /etc from DIR; implies --no-action\n"
	"  --no-action   end with exit status 0 (complete) or 1 instead\n"
	"  --store-result\n"
	"                save nothing; put what a killed capture has left in /run into\n"
	"                the EFI variable that `ukdumpctl report` reads\n"
	"  --help, --version\n";

static struct options {
	const char *root;
	bool act;
	bool init;
	bool store;
} opt = {.act = true};

static void say(enum log_level level, const char *line)
{
	log_line(level, "%s", line);
}

/* The console shows each line once: as we print it. */
static void say_to_kernel_log(void)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	log_to_kmsg(fd);
	init_quiet_kernel();
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

/* What the watchdogs need when the time is over; they have a copy of it as it was at their start. */
static struct {
	const struct capture *c;
	struct watchdogs w;
} guarded;

static void on_timeout(void *ctx)
{
	const struct capture *c = guarded.c;
	enum setting_action action = c->settings.action.on_failure;
	struct ukd_error e;

	(void)ctx;
	last_words(clock_ms() < c->budget.end_ms ? "the capture program has crashed: ending now" :
						   "TimeoutSec= is over: ending now");
	if (result_store(c->root, WATCHDOG_SECOND_S / 2, &e) < 0)
		last_words(e.text);
	if ((action == ACTION_POWEROFF || action == ACTION_HALT) &&
	    keeper_stop(guarded.w.keeper, c->root, &e) < 0)
		last_words(e.text);
	machine_end(action);
}

static void on_second_timeout(void *ctx)
{
	(void)ctx;
	last_words("still here: emergency restart");
	machine_emergency();
}

static void check(pid_t pid, const struct ukd_error *e)
{
	if (pid < 0)
		log_error("%s", e->text);
}

static void start_watchdogs(const struct capture *c)
{
	uint64_t end = c->budget.end_ms;
	struct ukd_error e;

	guarded.c = c;
	guarded.w.keeper = keeper_start(end + WATCHDOG_KEEPER_S * 1000, say, &e);
	check(guarded.w.keeper, &e);
	guarded.w.first = watchdog_start(end, on_timeout, NULL, &e);
	check(guarded.w.first, &e);
	guarded.w.second =
		watchdog_start(end + WATCHDOG_SECOND_S * 1000, on_second_timeout, NULL, &e);
	check(guarded.w.second, &e);
}

static void finish(const struct capture *c, enum dump_state state)
{
	bool ok = state == STATE_COMPLETE;

	for (unsigned int i = 0; i < c->record.n_targets; i++)
		log_line(ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "target %s: %s%s%s",
			 c->record.targets[i].uri, dump_state_name(c->record.targets[i].state),
			 c->record.targets[i].reason[0] ? ", " : "", c->record.targets[i].reason);
	if (!c->record.n_targets)
		log_error("no target was tried");
	if (opt.act)
		leave(c, ok ? c->settings.action.on_success : c->settings.action.on_failure,
		      &guarded.w);
}

static void load_settings(struct capture *c)
{
	struct ukd_error e;

	if (settings_load(c->root, "/etc/ukdump/capture.conf", &c->settings, &e) < 0) {
		log_error("%s; using the defaults", e.text);
		c->settings_lost = true;
		if (settings_init(&c->settings, &e) < 0)
			log_error("%s", e.text);
	}
}

/* TimeoutSec=, or what auto means for this memory: the size of /proc/vmcore is known at once. */
static uint64_t time_limit(const struct capture *c)
{
	_close_ int fd = root_openat(c->root, "/proc/vmcore", O_RDONLY);
	struct stat st = {0};

	if (c->settings.dump.timeout_s)
		return c->settings.dump.timeout_s;
	if (fd >= 0)
		(void)fstat(fd, &st);
	return budget_auto_s((uint64_t)st.st_size, c->settings.dump.dump_level);
}

/*
 * Pid 1 of the full environment: with the watchdogs running it becomes systemd, which starts this
 * program again. Returns only if that fails; what can be done without systemd is done then.
 */
static void become_systemd(const struct capture *c)
{
	static const char systemd[] = "/usr/lib/systemd/systemd";
	const char *const argv[] = {"systemd", "--unit=ukdump.target", NULL};
	struct ukd_error e;

	if (handover_write(c->root, c->budget.end_ms, &guarded.w, &e) < 0) {
		log_error("%s; going on without systemd", e.text);
		return;
	}
	/* Until the program runs again, which it may not. */
	if (result_keep(c, "systemd did not start the capture program", &e) < 0)
		log_warning("%s", e.text);
	(void)umask(022);
	(void)execv(systemd, (char *const *)argv);
	log_error("%s: %s; going on without systemd", systemd, strerror(errno));
	(void)umask(077);
}

/*
 * A fault of process 1, with which the kernel would panic, and nothing be known of it but on the
 * console. The watchdog stores the result and ends the machine. Children die as ever.
 */
static void on_fault(int number)
{
	if (getpid() == 1 && guarded.w.first > 0) {
		watchdog_wake(guarded.w.first);
		for (;;)
			(void)pause();
	}
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void catch_faults(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	static char memory[32768]; /* the stack may be what has no room */
	const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
	const struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};

	(void)sigaltstack(&stack, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		(void)sigaction(faults[i], &action, NULL);
}

/* Time limit and watchdogs, in the full environment begun by pid 1, and by it alone. */
static void guard_whole(struct capture *c)
{
	struct ukd_error e;

	if (!opt.init && handover_read(c->root, &c->budget.end_ms, &guarded.w, &e) == 0) {
		init_console();
		say_to_kernel_log();
	} else {
		start_watchdogs(c);
	}
	/* A bad file is told by capture_run(). */
	if (opt.init && facts_read(c->root, &c->facts, &e) == 0 && c->facts.full)
		become_systemd(c);
	if (opt.init)
		catch_faults();
	/* For all that is forked from here on; the tools that are run go first instead. */
	process_set_oom_score(OOM_SCORE_NEVER);
}

static enum dump_state capture(const struct root *root)
{
	static struct capture c; /* too large for the stack */
	enum dump_state state;

	c.root = root;
	c.say = say;
	load_settings(&c);
	budget_start(&c.budget, time_limit(&c));
	if (opt.act)
		guard_whole(&c);
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
	struct ukd_error e;

	if (!init_after_crash(root)) {
		log_error("no /proc/vmcore: this image only captures crash dumps. Powering off");
		machine_end(ACTION_POWEROFF);
		init_wait();
	}
	log_error("a crash, but no /proc/vmcore: there is nothing to save");
	c.root = root;
	c.say = say;
	load_settings(&c);
	budget_start(&c.budget, NOTHING_LIMIT_S);
	start_watchdogs(&c);
	if (result_keep(&c, "a crash, but no /proc/vmcore", &e) < 0 ||
	    result_store(root, NOTHING_LIMIT_S / 2, &e) < 0)
		log_error("%s", e.text);
	finish(&c, STATE_FAILED);
	init_wait();
}

/* Ends with an exit status, or not: -1 means go on. */
static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},	  {"no-action", no_argument, NULL, 'n'},
		{"store-result", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},	  {0},
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
		case 's':
			opt.store = true;
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
	int r;

	opt.init = true;
	r = init_environment(&e);
	say_to_kernel_log();
	if (r < 0)
		log_error("%s", e.text);
}

/* After the program's death, which only the kernel log and this variable outlive. */
static int store_result(const struct root *root)
{
	struct ukd_error e;

	if (opt.act) {
		init_console();
		say_to_kernel_log();
	}
	if (result_store(root, STORE_LIMIT_S, &e) == 0)
		return 0;
	log_error("%s", e.text);
	return 1;
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
	if (opt.store)
		return store_result(&root);
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
