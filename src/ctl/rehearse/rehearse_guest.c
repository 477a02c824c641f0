// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs QEMU: see rehearse_guest.h. The first kernel is the image's own .linux, which is the one
 * that would crash here; its initrd is src/rehearse/init.c and the image.
 */
#include "ctl/rehearse/rehearse_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/rehearse/rehearse_memory.h"
#include "ctl/rehearse/rehearse_serial.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/cpio.h"
#include "util/process.h"
#include "util/self.h"

#define MEMORY_BASE   MIB(320)
#define MEMORY_STEP   MIB(64)
#define KVM_SILENCE_S 60 /* inside another guest, on KVM that works, it is 15 s */
#define ARGUMENTS     64
#define TEXT_MAX      256
/* An id that no account has (systemd's docs/UIDS-GIDS.md leaves 2147352576 and less unassigned). */
#define OWN_ID 2140000000u

extern const uint8_t rehearse_init_start[], rehearse_init_end[];

uint64_t guest_memory(const struct rehearse_image *i, uint64_t crash_memory)
{
	/* As initrd, unpacked, and while the kernel reads it. */
	return align_up(crash_memory + MEMORY_BASE + 3 * i->file.len, MEMORY_STEP);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool guest_find_qemu(char *ret, size_t size)
{
	const char *path = getenv("PATH");

	for (const char *dir = path ? path : ""; *dir;
	     dir += strcspn(dir, ":"), dir += *dir == ':') {
		(void)snprintf(ret, size, "%.*s/qemu-system-x86_64", (int)strcspn(dir, ":"), dir);
		if (is_program(ret))
			return true;
	}
	/* Red Hat's: not in PATH, and the only one there. */
	(void)snprintf(ret, size, "/usr/libexec/qemu-kvm");
	return is_program(ret);
}

/* A file of the guest, in the scratch directory, opened for QEMU: by its number, not its name. */
static int put_file(const struct guest_spec *spec, const char *name, struct bytes content,
		    int *ret_fd, struct ukd_error *e)
{
	char path[5000];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", spec->scratch, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	*ret_fd = fd;
	if (fd_write_full(fd, content.p, content.len) < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	return 0;
}

static int put_initrd(const struct guest_spec *spec, int *ret_fd, struct ukd_error *e)
{
	struct bytes init = {rehearse_init_start,
			     (size_t)(rehearse_init_end - rehearse_init_start)};
	int r = put_file(spec, "initrd", (struct bytes){0}, ret_fd, e);
	FILE *out;

	if (r < 0)
		return r;
	out = fdopen(dup(*ret_fd), "w");
	if (!out)
		return ukd_fail_errno(e, -errno, "the guest's initrd");
	cpio_write_file(out, "init", 0755, 0755, init);
	cpio_write_file(out, "mark", 0755, 0600,
			(struct bytes){(const uint8_t *)spec->mark, strlen(spec->mark)});
	cpio_write_file(out, "image", 0755, 0600, spec->image->file);
	r = ferror(out) ? -EIO : 0;
	if (fclose(out) != 0 || r < 0)
		return ukd_fail(e, -EIO, "%s: cannot write the guest's initrd", spec->scratch);
	return 0;
}

/* The arguments of QEMU, and of what confines it. */
struct command {
	const char *argv[ARGUMENTS];
	unsigned int n;
	char text[12][TEXT_MAX];
	unsigned int n_text;
	int kernel, initrd, disk, memory;
};

#define COMMAND_NONE                                                 \
	{                                                            \
		.kernel = -1, .initrd = -1, .disk = -1, .memory = -1 \
	}

static void command_free(struct command *c)
{
	int fds[] = {c->kernel, c->initrd, c->disk, c->memory};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

static void add(struct command *c, const char *word)
{
	if (c->n < ARGUMENTS - 1)
		c->argv[c->n++] = word;
}

static void add_text(struct command *c, const char *option, const char *fmt, ...) _printf_(3, 4);
static void add_text(struct command *c, const char *option, const char *fmt, ...)
{
	char *text = c->text[c->n_text++];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, TEXT_MAX, fmt, ap);
	va_end(ap);
	add(c, option);
	add(c, text);
}

/* Is every id mapped, as outside of containers? */
static bool has_all_ids(void)
{
	_buffer_ struct buffer map = {0};
	unsigned long from, to, count;
	struct ukd_error ignored;

	return file_read(AT_FDCWD, "/proc/self/uid_map", 4096, &map, &ignored) == 0 &&
	       sscanf((const char *)map.data, "%lu %lu %lu", &from, &to, &count) == 3 &&
	       from == 0 && count > OWN_ID + (1u << 22);
}

static bool can_confine(void)
{
	return geteuid() == 0 && has_all_ids() && is_program("/usr/bin/setpriv");
}

/*
 * As a user of its own, that owns the guest's files and nothing else, with the right to use KVM. It
 * goes when we go.
 */
static int add_confinement(struct command *c, struct ukd_error *e)
{
	unsigned int id = OWN_ID + (unsigned int)getpid();
	int fds[] = {c->kernel, c->initrd, c->disk, c->memory};
	struct stat kvm;

	if (!can_confine())
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fchown(fds[i], id, id) < 0)
			return ukd_fail_errno(e, -errno, "fchown");
	add(c, "setpriv");
	add_text(c, "--reuid", "%u", id);
	add_text(c, "--regid", "%u", id);
	if (stat("/dev/kvm", &kvm) == 0)
		add_text(c, "--groups", "%u", (unsigned int)kvm.st_gid);
	else
		add(c, "--clear-groups");
	add(c, "--no-new-privs");
	add(c, "--pdeathsig=KILL");
	add(c, "--");
	return 0;
}

static void add_machine(struct command *c, const struct guest_spec *spec, bool kvm)
{
	static const char *const fixed[] = {"-nodefaults",
					    "-no-user-config",
					    "-display",
					    "none",
					    "-vga",
					    "none",
					    "-monitor",
					    "none",
					    "-nic",
					    "none",
					    "-no-reboot",
					    "-machine",
					    "q35,sata=off,usb=off,memory-backend=ram",
					    "-smp",
					    "1",
					    "-chardev",
					    "stdio,id=serial,signal=off",
					    "-serial",
					    "chardev:serial",
					    "-device",
					    "virtio-blk-pci,drive=target"};
	uint64_t memory = guest_memory(spec->image, spec->crash_memory);

	add(c, spec->qemu);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		add(c, fixed[i]);
	add(c, "-accel");
	add(c, kvm ? "kvm" : "tcg,thread=multi");
	add(c, "-cpu");
	add(c, kvm ? "host" : "max");
	add_text(c, "-m", "%llu", (unsigned long long)(memory / MIB(1)));
	add_text(c, "-object", "memory-backend-file,id=ram,share=on,size=%lluM,mem-path=/dev/fd/%d",
		 (unsigned long long)(memory / MIB(1)), c->memory);
	add_text(c, "-kernel", "/dev/fd/%d", c->kernel);
	add_text(c, "-initrd", "/dev/fd/%d", c->initrd);
	add_text(c, "-append", "console=ttyS0 panic=1 rdinit=/init crashkernel=%lluM",
		 (unsigned long long)(spec->crash_memory / MIB(1)));
	/* By default QEMU stops the guest when there is no room for the disk's file. */
	add_text(c, "-drive",
		 "if=none,id=target,format=raw,cache=unsafe,werror=report,file=/dev/fd/%d",
		 c->disk);
}

/* Reads what there is; false at its end. */
static bool read_console(int fd, struct serial *s, double seconds)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0) {
		s->result->heard = seconds;
		serial_feed(s, chunk, (size_t)n, seconds);
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/*
 * A kernel that starts fills the console; a KVM that does not work leaves it silent, be it from the
 * beginning or when the second kernel starts. Emulation then needs time, too.
 */
static bool kvm_hangs(const struct guest_spec *spec, const struct guest_result *r, double seconds)
{
	unsigned int quarter = spec->timeout_s / 4;

	return r->kvm && r->step < GUEST_CAPTURES &&
	       seconds - r->heard >= (quarter < KVM_SILENCE_S ? quarter : KVM_SILENCE_S);
}

/* True: it must be ended. */
static bool is_over(const struct guest_spec *spec, struct guest_result *r, double seconds)
{
	r->stopped = stops_pending();
	r->timed_out = seconds >= spec->timeout_s;
	r->kvm_hung = kvm_hangs(spec, r, seconds);
	return r->stopped || r->timed_out || r->kvm_hung;
}

static int follow(const struct guest_spec *spec, struct child *child, struct guest_result *r,
		  struct ukd_error *e)
{
	struct serial s = {
		.result = r, .progress = spec->progress, .progress_ctx = spec->progress_ctx};
	uint64_t begin = clock_ms();

	for (;;) {
		struct pollfd fds[] = {{.fd = child->out, .events = POLLIN},
				       {.fd = child->pidfd, .events = POLLIN}};
		double seconds;

		if (poll(fds, ARRAY_SIZE(fds), 500) < 0 && errno != EINTR)
			return ukd_fail_errno(e, -errno, "poll");
		seconds = (double)(clock_ms() - begin) / 1000;
		if (fds[0].revents && read_console(child->out, &s, seconds))
			continue;
		if (fds[1].revents || r->halted) {
			if (r->step >= GUEST_ARMED)
				r->step = GUEST_ENDED;
			r->at[GUEST_ENDED] = seconds;
			if (r->halted)
				(void)process_kill(child);
			r->stopped = stops_pending(); /* QEMU may have got it, too */
			return 0;
		}
		if (is_over(spec, r, seconds)) {
			(void)process_kill(child);
			return 0;
		}
		spec->progress(spec->progress_ctx, r->step, NULL, seconds);
	}
}

/* Why QEMU itself has failed: a signal, or what is on its standard error. */
static void take_complaint(int fd, const char *signal, struct guest_result *r)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;

	r->broken = true;
	if (*signal)
		(void)snprintf(r->trouble, sizeof(r->trouble), "%s", signal);
	else if (!r->trouble[0] && lseek(fd, 0, SEEK_SET) == 0 &&
		 file_read_fd(fd, "stderr", KIB(64), &b, &ignored) == 0 && b.len)
		(void)snprintf(r->trouble, sizeof(r->trouble), "%.*s",
			       (int)strcspn((const char *)b.data, "\n"), (const char *)b.data);
	text_printable(r->trouble);
}

static int run(const struct guest_spec *spec, bool kvm, struct guest_result *ret,
	       struct ukd_error *e)
{
	_cleanup_(command_free) struct command c = COMMAND_NONE;
	struct process p = {PROCESS_DEFAULTS, .argv = c.argv};
	struct guest_result result = {.kvm = kvm, .as_root = geteuid() == 0 && !can_confine()};
	struct child child = CHILD_NONE;
	struct buffer unused = {0}; /* asks for a pipe */
	_close_ int complaints = -1;
	int ended, r = memfd_open(&complaints, e);

	if (r >= 0)
		r = put_file(spec, "kernel", spec->image->inner, &c.kernel, e);
	if (r >= 0)
		r = put_initrd(spec, &c.initrd, e);
	c.disk = r < 0 ? -1 : open(spec->disk, O_RDWR);
	if (r >= 0 && c.disk < 0)
		r = ukd_fail_errno(e, -errno, "%s", spec->disk);
	if (r >= 0)
		r = rehearse_memory_make(guest_memory(spec->image, spec->crash_memory), &c.memory,
					 e);
	if (r >= 0)
		r = add_confinement(&c, e);
	if (r < 0)
		return r;
	add_machine(&c, spec, kvm);
	p.output = &unused;
	p.stderr_fd = complaints;
	p.oom_score_adj = OOM_SCORE_FIRST; /* rather the guest than what this machine is for */
	r = process_start(&p, &child, e);
	if (r < 0)
		return r;
	r = follow(spec, &child, &result, e);
	ended = r == 0 && child.pid > 0 ? process_reap(&child, e) : 0;
	if (ended)
		take_complaint(complaints, ended < 0 ? e->text : "", &result);
	if (child.pid > 0)
		(void)process_kill(&child);
	if (r == 0 && result.step >= GUEST_ARMED)
		rehearse_memory_read(c.memory, &result);
	if (r == 0)
		*ret = result;
	return r;
}

static void remove_files(const struct guest_spec *spec)
{
	static const char *const names[] = {"kernel", "initrd"};
	char path[5000];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", spec->scratch, names[i]);
		(void)unlink(path);
	}
}

bool guest_has_kvm(void)
{
	return access("/dev/kvm", R_OK | W_OK) == 0;
}

int guest_run(const struct guest_spec *spec, bool kvm, struct guest_result *ret,
	      struct ukd_error *e)
{
	int r = run(spec, kvm, ret, e);

	remove_files(spec);
	if (r == 0)
		ret->no_kvm = kvm && !ret->stopped && (ret->step == GUEST_BOOTS || ret->kvm_hung);
	return r;
}
