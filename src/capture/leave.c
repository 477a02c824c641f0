// SPDX-License-Identifier: GPL-2.0-or-later
/* The final action: see leave.h. */
#include "capture/leave.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/guard.h"
#include "capture/init.h"
#include "capture/keeper.h"
#include "util/cleanup.h"
#include "util/process.h"

#define SYNC_LIMIT_S 30

static void stop_watchdogs(const struct capture *c, const struct watchdogs *w)
{
	struct ukd_error e;

	watchdog_stop(w->first);
	watchdog_stop(w->second);
	if (keeper_stop(w->keeper, c->root, &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
}

/* A session of its own with the console as its terminal, so that ^C reaches what runs in it. */
static _noreturn_ void run_shell(void)
{
	static const char *const shells[] = {"/usr/bin/bash", "/usr/bin/dash", "/usr/bin/busybox"};
	const char *const argv[] = {"sh", NULL};
	int fd;

	process_set_oom_score(OOM_SCORE_FIRST);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd < 0)
		_exit(127);
	(void)ioctl(fd, TIOCSCTTY, 1);
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		(void)execv(shells[i], (char *const *)argv);
	(void)dprintf(STDERR_FILENO, "ukdump-capture: there is no shell in this image\n");
	_exit(127);
}

/* Until it ends: at its "exit", or when the console is gone. There is no limit here. */
static void wait_for_shell(const struct capture *c)
{
	pid_t pid;

	capture_say(c, LOG_LEVEL_INFO, "a shell; when it ends, the machine reboots");
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_shell();
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void leave(const struct capture *c, enum setting_action action, const struct watchdogs *w)
{
	struct ukd_error e;

	if (guard_sync(budget_any_s(&c->budget, SYNC_LIMIT_S), &e) < 0)
		capture_say(c, LOG_LEVEL_WARNING, "%s", e.text);
	if (action == ACTION_SHELL && !c->settings.image.allow_shell)
		action = ACTION_REBOOT;
	if (action != ACTION_REBOOT)
		stop_watchdogs(c, w);
	if (action == ACTION_SHELL) {
		wait_for_shell(c);
		(void)!guard_sync(SYNC_LIMIT_S, &e);
	}
	machine_end(action);
	machine_emergency();
}
