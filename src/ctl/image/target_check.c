// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets, before they are needed: see target_check.h. */
#include "ctl/image/target_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/needs.h"
#include "build/target.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/connect.h"
#include "util/parse.h"
#include "util/url.h"

#define ALL_MS	   4000
#define CONNECT_MS 3000

struct check {
	const struct root *root;
	const struct settings *settings;
	const char *uri;
	struct ukd_error e;
};

/* Total memory of this machine in bytes, 0 if it cannot be read. */
static uint64_t memory_size(const struct root *root)
{
	_buffer_ struct buffer b = {0};
	unsigned long long kib = 0;
	struct ukd_error ignored;

	if (root_read(root, "/proc/meminfo", KIB(64), &b, &ignored) < 0 ||
	    sscanf((char *)b.data, "MemTotal: %llu kB", &kib) != 1)
		return 0;
	return KIB(kib);
}

/*
 * How much a dump may take: at level 31 a tenth of memory is plenty (what the kernel itself uses,
 * compressed), at lower ones the page cache and more is in it.
 */
static uint64_t estimate(const struct check *c)
{
	uint64_t memory = memory_size(c->root);

	return c->settings->dump.dump_level == 31 ? memory / 10 : memory;
}

static int check_room(struct check *c, const char *path)
{
	_close_ int fd = root_openat(c->root, path, O_PATH | O_DIRECTORY);
	char have[FORMAT_SIZE_MAX], keep[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];
	uint64_t room, keep_free = c->settings->store.keep_free, need = estimate(c);
	struct statvfs fs;

	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return ukd_fail_errno(&c->e, fd < 0 ? fd : -errno, "%s", path);
	if (fs.f_flag & ST_RDONLY)
		return ukd_fail(&c->e, -EROFS, "%s is mounted read-only", path);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room > keep_free && room - keep_free >= need)
		return 0;
	format_size(room, have);
	format_size(keep_free, keep);
	if (room <= keep_free)
		return ukd_fail(&c->e, -ENOSPC, "%s has %s free, KeepFree= wants %s to stay free",
				path, have, keep);
	return ukd_fail(&c->e, -ENOSPC, "%s has %s free; a dump may need %s besides KeepFree= (%s)",
			path, have, format_size(need, want), keep);
}

static int check_disk(struct check *c)
{
	char mounted[PATH_MAX] = "";
	struct place p;
	int r = place_resolve(c->root, c->uri, false, &p, &c->e);

	if (r >= 0 && p.device[0])
		r = place_mounted(c->root, p.device, mounted, &c->e);
	return r < 0 || !mounted[0] ? r : check_room(c, mounted);
}

static int check_file(struct check *c, const char *setting, const char *path)
{
	_close_ int fd = path ? root_openat(c->root, path, O_PATH) : 0;

	if (!path)
		return 0;
	return fd < 0 ? ukd_fail_errno(&c->e, fd, "%s=%s", setting, path) : 0;
}

static int check_files(struct check *c, const char *scheme)
{
	const struct settings *s = c->settings;
	const struct {
		const char *scheme, *setting, *path;
	} files[] = {
		{"https", "CaFile", s->network.ca_file},
		{"https", "Netrc", s->network.netrc},
		{"https", "HttpHeaders", s->network.http_headers},
		{"s3", "CaFile", s->network.ca_file},
		{"s3", "S3Credentials", s->network.s3_credentials},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(files); i++)
		if (!strcmp(files[i].scheme, scheme))
			r = check_file(c, files[i].setting, files[i].path);
	return r;
}

static int check_host(struct check *c, const struct url *u)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	uint64_t until = clock_ms() + CONNECT_MS;
	char port[12];
	int r;

	(void)snprintf(port, sizeof(port), "%u", u->port);
	r = getaddrinfo(u->host, port, &hints, &found);

	if (r)
		return ukd_fail(&c->e, -EHOSTUNREACH, "the name %s does not resolve: %s", u->host,
				gai_strerror(r));
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = found; r < 0 && a; a = a->ai_next) {
		uint64_t now = clock_ms();

		r = connect_within(a, until > now ? (int)(until - now) : 0);
	}
	freeaddrinfo(found);
	return r < 0 ? ukd_fail_errno(&c->e, r, "%s port %s does not answer", u->host, port) : 0;
}

/* As the next build will: what it puts into the image is thrown away. Keys are for root to read. */
static int check_ssh(struct check *c, const struct url *u)
{
	_needs_ struct needs n = {.root = c->root, .settings = c->settings};

	return geteuid() ? 0 : need_ssh_identity(&n, u, &c->e);
}

/* "http://HOST:PORT" */
static int check_proxy(struct check *c, const char *proxy)
{
	struct url u;
	int r = url_parse(proxy, &u, &c->e);

	if (r >= 0)
		r = check_host(c, &u);
	return r < 0 ? ukd_prefix(&c->e, "Proxy=%s", proxy) : 0;
}

static int check_network(struct check *c)
{
	const char *proxy = c->settings->network.proxy;
	struct url u;
	int r = url_parse(c->uri, &u, &c->e);

	if (r >= 0)
		r = strcmp(u.scheme, "ssh") ? check_files(c, u.scheme) : check_ssh(c, &u);
	if (r < 0)
		return r;
	if (proxy && (!strcmp(u.scheme, "https") || !strcmp(u.scheme, "s3")))
		return check_proxy(c, proxy);
	return check_host(c, &u);
}

static int check_program(struct check *c, const char *path)
{
	_close_ int fd = root_openat(c->root, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ukd_fail_errno(&c->e, fd < 0 ? fd : -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return ukd_fail(&c->e, -EACCES, "%s is no program", path);
	return 0;
}

static int check_one(struct check *c)
{
	if (!strncmp(c->uri, "exec:", 5))
		return check_program(c, c->uri + 5);
	if (!strncmp(c->uri, "virtiofs://", 11)) /* its tag cannot be asked for */
		return 0;
	return strstr(c->uri, "://") ? check_network(c) : check_disk(c);
}

/* Child side: the problem as text, nothing if there is none. */
static _noreturn_ void child(struct check *c, int out)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (check_one(c) < 0)
		(void)!write(out, c->e.text, strnlen(c->e.text, TARGET_PROBLEM_MAX - 1));
	_exit(0);
}

/* A check that runs; fd -1: it could not be started. */
struct running {
	pid_t pid;
	int fd; /* where its text comes from */
};

static struct running start(struct check *c)
{
	struct running r = {.fd = -1};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return r;
	(void)fflush(NULL);
	r.pid = fork();
	if (r.pid == 0)
		child(c, fds[1]);
	(void)close(fds[1]);
	r.fd = fds[0];
	if (r.pid < 0)
		(void)close(take_fd(&r.fd));
	return r;
}

/* Takes the text of a child, which writes it in one piece at its end. */
static void finish(struct running *r, uint64_t until_ms, char ret[TARGET_PROBLEM_MAX])
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	uint64_t now = clock_ms();
	ssize_t n;

	if (r->fd < 0) {
		(void)snprintf(ret, TARGET_PROBLEM_MAX, "not checked: cannot start a process");
		return;
	}
	if (poll(&p, 1, until_ms > now ? (int)(until_ms - now) : 0) == 1) {
		n = read(r->fd, ret, TARGET_PROBLEM_MAX - 1);
		ret[n > 0 ? n : 0] = 0;
		(void)waitpid(r->pid, NULL, 0);
	} else {
		(void)snprintf(ret, TARGET_PROBLEM_MAX, "no answer within %d s", ALL_MS / 1000);
		(void)kill(r->pid, SIGKILL); /* not waited for: it may sleep in the kernel */
	}
	(void)close(r->fd);
}

static void check_recipients(const struct root *root, const struct settings *s,
			     struct ukd_error *ret)
{
	_needs_ struct needs n = {.root = root, .settings = s};

	(void)!need_encrypt(&n, ret);
}

void targets_free(struct targets *t)
{
	settings_free(&t->settings);
	free(t->v);
	*t = (struct targets){0};
}

int targets_check(const struct root *root, struct targets *ret, struct ukd_error *e)
{
	_targets_ struct targets t = {0};
	_free_ struct running *running = NULL;
	uint64_t until = clock_ms() + ALL_MS;
	int r = settings_load(root, NULL, &t.settings, e);

	if (r < 0)
		return r;
	t.n = t.settings.dump.target.n;
	t.v = calloc(t.n, sizeof(*t.v));
	running = calloc(t.n, sizeof(*running));
	if (!t.v || !running)
		return ukd_oom(e);
	for (unsigned int i = 0; i < t.n; i++) {
		struct check c = {root, &t.settings, t.settings.dump.target.v[i], {0}};

		t.v[i].uri = c.uri;
		running[i] = start(&c);
	}
	check_recipients(root, &t.settings, &t.recipients);
	for (unsigned int i = 0; i < t.n; i++)
		finish(&running[i], until, t.v[i].problem);
	*ret = t;
	t = (struct targets){0};
	return 0;
}
