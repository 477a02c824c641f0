// SPDX-License-Identifier: GPL-2.0-or-later
/* libkdumpfile in a child process: see pager.h. The child is hostile from its first answer on. */
#include "dump/pager.h"

#include <errno.h>
#include <libkdumpfile/kdumpfile.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/cleanup.h"

#define ANSWER_MS 60000 /* for one batch; a page takes microseconds */

/* Seconds for all batches together, of the CPU as of waiting: a slow disk's pace. */
#define SECONDS(stored) (60 + (stored) / MIB(1))

/* Address space: the bitmap, 24 bytes per run of pages, as many as their descriptors, and room to
 * enlarge these; caches. */
#define MEMORY(stored) (MIB(512) + 4 * (stored))

/* Question and answer, one packet each. The first answer, without a question, is that of opening. */
struct question {
	uint64_t paddr[PAGER_BATCH];
	uint32_t n;
};

struct answer {
	uint8_t ok[PAGER_BATCH];
	char why[PAGER_WHY_MAX];
};

struct pager {
	pid_t pid;
	int fd; /* to the child */
	uint32_t page_size;
	uint64_t stored;  /* bytes of the dump that are on disk */
	uint64_t left_ms; /* to wait for answers */
	uint8_t *pages;	  /* shared with the child: PAGER_BATCH pages */
};

/* The child */

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* With sanitizers the run-time needs more calls than we can list. */
#if defined(THIS_ARCH) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ALLOW(name)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int confine(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(pread64),
		ALLOW(read),
		ALLOW(lseek),
		ALLOW(fstat),
		ALLOW(newfstatat), /* fstat() of glibc since 2.33; there is no path to look up */
		ALLOW(recvfrom),
		ALLOW(sendto),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(mremap),
		ALLOW(munmap),
		ALLOW(mprotect), /* malloc grows its heaps by it */
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(getrandom), /* malloc, once, since glibc 2.36 */
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_fprog program = {ARRAY_SIZE(filter), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/* A kernel without seccomp: the other limits have to do. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}
#else
static int confine(void)
{
	return 0;
}
#endif

/* Takes a limit down to most; whoever started us may have set a lower one. */
static int limit(int what, uint64_t most)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0)
		return -errno;
	if (l.rlim_max > most)
		l.rlim_max = most;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	return setrlimit(what, &l) < 0 ? -errno : 0;
}

static int limit_resources(uint64_t stored)
{
	int r = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;

	/* No core (it would be a copy of the dump's secrets), no writing, no process, no new file. */
	if (r >= 0)
		r = limit(RLIMIT_CORE, 0);
	if (r >= 0)
		r = limit(RLIMIT_FSIZE, 0);
	if (r >= 0)
		r = limit(RLIMIT_NPROC, 0);
	if (r >= 0)
		r = limit(RLIMIT_CPU, SECONDS(stored));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (r >= 0)
		r = limit(RLIMIT_AS, MEMORY(stored));
#endif
	return r;
}

static void explain(struct answer *a, const char *why)
{
	(void)snprintf(a->why, sizeof(a->why), "%s", why ? why : "no reason given");
}

static bool answer(int fd, const struct answer *a)
{
	return send(fd, a, sizeof(*a), MSG_NOSIGNAL) == (ssize_t)sizeof(*a);
}

static bool open_dump(kdump_ctx_t *ctx, const struct pager *p, int dump_fd, struct answer *a)
{
	int r = limit_resources(p->stored);

	if (r >= 0)
		r = confine();
	if (r < 0) {
		explain(a, strerror(-r));
		return false;
	}
	/* A file that shrinks, or a page said to be behind its end, must be an error, not SIGBUS. */
	(void)kdump_set_number_attr(ctx, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER);
	if (kdump_open_fd(ctx, dump_fd) != KDUMP_OK) {
		explain(a, kdump_get_err(ctx));
		return false;
	}
	a->ok[0] = true;
	return true;
}

static _noreturn_ void serve(struct pager *p, int dump_fd, int fd)
{
	kdump_ctx_t *ctx = kdump_new();
	struct answer opened = {0};

	if (!ctx || !open_dump(ctx, p, dump_fd, &opened)) {
		(void)answer(fd, &opened);
		_exit(1);
	}
	for (bool go = answer(fd, &opened); go;) {
		struct question q;
		struct answer a = {0};

		if (recv(fd, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
			break;
		for (uint32_t i = 0; i < q.n; i++) {
			size_t len = p->page_size;

			a.ok[i] = kdump_read(ctx, KDUMP_MACHPHYSADDR, q.paddr[i],
					     p->pages + (size_t)i * p->page_size, &len) == KDUMP_OK;
			if (!a.ok[i])
				explain(&a, kdump_get_err(ctx));
		}
		go = answer(fd, &a);
	}
	_exit(0);
}

/* The parent */

static int lost(struct pager *p, struct ukd_error *e)
{
	int status = 0;

	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, &status, 0);
	p->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return ukd_refuse(e, "dump.library", "damaged: libkdumpfile crashes on it (%s)",
				  strsignal(WTERMSIG(status)));
	return ukd_refuse(e, "dump.library", "damaged: libkdumpfile gives no answer");
}

static int take_answer(struct pager *p, struct answer *ret, struct ukd_error *e)
{
	struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
	uint64_t begin = clock_ms(), waited;
	int r;

	do
		r = poll(&pfd, 1, p->left_ms < ANSWER_MS ? (int)p->left_ms : ANSWER_MS);
	while (r < 0 && errno == EINTR);
	waited = clock_ms() - begin;
	p->left_ms -= waited < p->left_ms ? waited : p->left_ms;
	if (r != 1 || recv(p->fd, ret, sizeof(*ret), MSG_DONTWAIT) != (ssize_t)sizeof(*ret))
		return lost(p, e);
	ret->why[sizeof(ret->why) - 1] = 0;
	for (char *s = ret->why; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			*s = '?';
	return 0;
}

void pager_close(struct pager *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		(void)close(p->fd);
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	if (p->pages)
		(void)munmap(p->pages, (size_t)PAGER_BATCH * p->page_size);
	free(p);
}

static void pager_closep(struct pager **p)
{
	pager_close(*p);
}

static int start(struct pager *p, int dump_fd, struct ukd_error *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ukd_fail_errno(e, -errno, "cannot make a socket pair");
	p->fd = pair[0];
	p->pid = fork();
	if (p->pid == 0) {
		(void)close(pair[0]);
		(void)close(STDIN_FILENO);
		(void)close(STDOUT_FILENO);
		(void)close(STDERR_FILENO);
		serve(p, dump_fd, pair[1]);
	}
	(void)close(pair[1]);
	if (p->pid < 0)
		return ukd_fail_errno(e, -errno, "cannot start a process");
	return 0;
}

int pager_open(int fd, const struct dump_facts *f, struct pager **ret, struct ukd_error *e)
{
	_cleanup_(pager_closep) struct pager *p = calloc(1, sizeof(*p));
	struct answer opened;
	void *pages;
	int r;

	if (!p)
		return ukd_oom(e);
	p->fd = -1;
	p->page_size = f->page_size;
	p->stored = f->stored;
	p->left_ms = SECONDS(f->stored) * 1000;
	pages = mmap(NULL, (size_t)PAGER_BATCH * p->page_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return ukd_oom(e);
	p->pages = pages;
	r = start(p, fd, e);
	if (r >= 0)
		r = take_answer(p, &opened, e);
	if (r < 0)
		return r;
	if (!opened.ok[0])
		return ukd_refuse(e, "dump.library", "libkdumpfile does not take it: %s",
				  opened.why);
	*ret = take_ptr(&p);
	return 0;
}

int pager_read(struct pager *p, const uint64_t *paddr, unsigned int n, uint8_t *pages, bool *ok,
	       char *why, struct ukd_error *e)
{
	struct question q = {.n = n};
	struct answer a;
	int r;

	if (p->pid <= 0)
		return ukd_refuse(e, "dump.library", "damaged: libkdumpfile has crashed on it");
	memcpy(q.paddr, paddr, n * sizeof(*paddr));
	if (send(p->fd, &q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q))
		return lost(p, e);
	r = take_answer(p, &a, e);
	if (r < 0)
		return r;
	/* The child could still change its pages: what is looked at is a copy. */
	memcpy(pages, p->pages, (size_t)n * p->page_size);
	for (unsigned int i = 0; i < n; i++)
		ok[i] = a.ok[i];
	memcpy(why, a.why, PAGER_WHY_MAX);
	return 0;
}
