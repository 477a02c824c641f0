// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the administrator's programs: see hookdir.h. */
#include "ctl/hookdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/process.h"

#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_MAX	 32

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcmp(name + n - m, end);
}

static int is_wanted(const struct dirent *d)
{
	static const char *const kept[] = {"~",		 ".dpkg-old", ".dpkg-new",
					   ".dpkg-dist", ".rpmsave",  ".rpmnew"};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (ends_with(d->d_name, kept[i]))
			return 0;
	return d->d_name[0] != '.';
}

static int check_safe(const struct stat *st, const char *path, struct ukd_error *e)
{
	if (st->st_uid != geteuid())
		return ukd_refuse(e, "hook.writable", "%s: belongs to user %u, not to root", path,
				  st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return ukd_refuse(e, "hook.writable",
				  "%s: others than root may write to it; chmod go-w", path);
	return 0;
}

/* 1: to be run, 0: it is no program */
static int check_program(const struct hookdir *h, const char *path, struct ukd_error *e)
{
	_close_ int fd = root_openat(h->root, path, O_PATH);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(e, fd < 0 ? fd : -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return 0;
	r = check_safe(&st, path, e);
	return r < 0 ? r : 1;
}

static int run_program(const struct hookdir *h, const char *path, struct ukd_error *e)
{
	const char *env[ENV_MAX] = {PATH_ENV};
	char program[8192];
	const char *const argv[] = {program, h->argument, NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .env = env};

	for (size_t i = 0; h->env && h->env[i] && i < ENV_MAX - 2; i++)
		env[i + 1] = h->env[i];
	(void)snprintf(program, sizeof(program), "%s%s", h->root->path, path);
	p.stdout_fd = STDERR_FILENO;
	p.timeout_s = h->limit_s;
	return process_run_ok(&p, e);
}

/* True unless it failed. */
static bool run_one(const struct hookdir *h, const char *name)
{
	struct ukd_error e = {0};
	char path[4096];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", h->path, name);
	r = check_program(h, path, &e);
	if (r == 0)
		return true;
	if (r > 0)
		r = run_program(h, path, &e);
	h->done(h->ctx, path, &e);
	return r >= 0;
}

int hookdir_run(const struct hookdir *h, struct ukd_error *e)
{
	_close_ int fd = root_openat(h->root, h->path, O_RDONLY | O_DIRECTORY);
	struct dirent **list;
	int n, r, failed = 0;
	struct stat st;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(e, fd < 0 ? fd : -errno, "%s", h->path);
	r = check_safe(&st, h->path, e);
	if (r < 0)
		return r;
	n = scandirat(fd, ".", &list, is_wanted, alphasort);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s", h->path);
	for (int i = 0; i < n; i++) {
		failed += !run_one(h, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return failed;
}
