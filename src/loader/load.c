// SPDX-License-Identifier: GPL-2.0-or-later
/* Arms a capture image: see load.h. */
#include "loader/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "auth/keyring.h"
#include "conf/settings.h"
#include "loader/after.h"
#include "loader/armed.h"
#include "loader/explain.h"
#include "loader/host.h"
#include "loader/snapshot.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/sys.h"

#define LOCK_FILE    "run/ukdump/lock"
#define LOCK_LIMIT_S 30
#define LOAD_TRIES   5

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&ts, NULL);
}

/* One loader at a time; the lock ends with the descriptor. */
static int take_lock(const struct root *root, int *ret, struct ukd_error *e)
{
	_close_ int fd = -1;
	int r = make_directories(root->fd, "run/ukdump", 0755, e);

	if (r < 0)
		return r;
	fd = openat(root->fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ukd_fail_errno(e, -errno, "/" LOCK_FILE);
	for (int tenths = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tenths++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ukd_fail_errno(e, -errno, "/" LOCK_FILE);
		if (tenths >= LOCK_LIMIT_S * 10)
			return ukd_fail(e, -EBUSY,
					"another ukdump-load still runs after %d s; see 'fuser "
					"/" LOCK_FILE "'",
					LOCK_LIMIT_S);
		pause_ms(100);
	}
	*ret = take_fd(&fd);
	return 0;
}

/* Rules that do not depend on the image. */
static int check_host(const struct host *h, struct ukd_error *e)
{
	if (h->missing[0])
		return ukd_refuse(e, "host.config",
				  "the running kernel was built without %s; boot one that was",
				  h->missing);
	if (!h->memory.total)
		return ukd_refuse(e, "host.memory",
				  "no crash memory is reserved; add crashkernel=256M to the kernel "
				  "command line and reboot");
	if (h->load_disabled)
		return ukd_refuse(e, "host.locked",
				  "kernel.kexec_load_disabled or kernel.kexec_load_limit_panic "
				  "forbids loading until the next boot");
	return 0;
}

static int check_memory(const struct host *h, const struct image_need *need, struct ukd_error *e)
{
	char have[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];
	uint64_t hole = h->memory.usable ? h->memory.usable : h->memory.total;

	(void)format_size(hole, have);
	if (hole < need->minimum)
		return ukd_refuse(
			e, "host.memory",
			"%s of crash memory are reserved in one piece, the image needs at "
			"least %s; raise crashkernel= and reboot",
			have, format_size(need->minimum, want));
	if (h->memory.total < need->comfort)
		log_warning(
			"%s of crash memory are reserved, %s are known to suffice; the dump may "
			"run out of memory",
			format_size(h->memory.total, have), format_size(need->comfort, want));
	return 0;
}

/* Does a key of the kernel's vouch for the signer? Only where the kernel will insist on it. */
static int check_keyring(const struct root *root, const struct host *h, const struct snapshot *s,
			 struct ukd_error *e)
{
	struct kernel_answer a;

	if (!h->enforced) {
		log_warning("Secure Boot and lockdown are off: the kernel does not enforce the "
			    "image's signature");
		return 0;
	}
	kernel_ask(root, &s->j.auth, &a);
	if (a.opinion == KERNEL_UNKNOWN)
		log_warning("cannot tell whether the kernel knows the signer: %s", a.reason);
	if (a.opinion == KERNEL_UNKNOWN || a.opinion == KERNEL_TRUSTS)
		return 0;
	return ukd_refuse(e, a.check,
			  "%s; enroll its certificate: "
			  "'openssl x509 -in %s -outform der -out mok.der', 'mokutil --import "
			  "mok.der', reboot",
			  a.reason, s->j.auth.anchor[0] == '/' ? s->j.auth.anchor : "CERT");
}

static int check_image(const struct root *root, const struct host *h, const struct snapshot *s,
		       struct ukd_error *e)
{
	int r = check_memory(h, &s->need, e);

	if (r < 0)
		return r;
	if (s->j.facts.flags & SEALED_FOR_NORMAL_KEXEC)
		return ukd_refuse(
			e, "sealed.normal",
			"the image was sealed for a normal kexec and would find no memory "
			"to dump; build one without --normal-kexec");
	if (h->five_level && !(s->j.facts.outer.xloadflags & XLF_5LEVEL))
		return ukd_refuse(
			e, "host.paging",
			"the running kernel uses 5-level paging, which the image's kernel "
			"does not support");
	return check_keyring(root, h, s, e);
}

/*
 * EBUSY: a hotplug update holds the lock. EADDRNOTAVAIL: where the kernel places dm-crypt keys at
 * random, the next try may find a hole. Each call counts against kexec_load_limit_panic, failed
 * ones, too; one is left for the last good image.
 */
static int call_kernel(const struct host *h, int memfd)
{
	uint64_t tries = h->loads_left <= LOAD_TRIES ? h->loads_left - 1 : LOAD_TRIES;
	int r;

	do {
		r = sys_kexec_file_load(memfd, -1, NULL,
					UKD_KEXEC_FILE_ON_CRASH | UKD_KEXEC_FILE_NO_INITRAMFS);
		if (r != -EBUSY && !(r == -EADDRNOTAVAIL && h->has_keys))
			return r;
		pause_ms(200);
	} while (tries-- > 1);
	return r;
}

/* The kernel's refusal as a sentence. */
static int call_failed(struct ukd_error *e, int r, const char *path)
{
	return ukd_fail(e, r, "%s: kexec_file_load: errno %d: %s", path, -r, explain_errno(-r));
}

/* What an arming works with; everything was checked before the kernel is asked. */
struct arming {
	const struct root *root;
	const char *path;
	struct host host;
	struct settings settings;
	struct snapshot image, good; /* good.memfd -1: there is no last good image */
};

static void arming_free(struct arming *a)
{
	settings_free(&a->settings);
	snapshot_free(&a->image);
	snapshot_free(&a->good);
}

/* The image s is armed: what fails now is told and recorded, and undoes nothing. */
static void record(const struct arming *a, const struct snapshot *s, const char *path)
{
	struct ukd_error problem = {0}, e;

	if (after_arm(a->root, &a->settings, &problem) < 0)
		log_warning("armed, but [Arm] of ukdump.conf was not carried out: %s",
			    problem.text);
	if (armed_write(a->root, &s->j, path, &s->need, problem.text, &e) >= 0)
		return;
	log_warning("%s", e.text);
	/* A record of the image before would be a lie. */
	if (armed_remove(a->root, &e) < 0)
		log_warning("%s", e.text);
}

static void record_new(const struct arming *a)
{
	struct ukd_error e;
	char full[PATH_MAX];

	if (!realpath(a->path, full))
		(void)snprintf(full, sizeof(full), "%s", a->path);
	record(a, &a->image, full);
	if (last_good_set(a->root, a->image.fd, a->image.memfd, a->image.size, &e) < 0)
		log_warning("%s", e.text);
}

/* The new image was refused although all our checks passed, and the old one is gone. */
static void load_last_good(const struct arming *a, struct ukd_error *e)
{
	int r;

	/* In front: a long text loses its tail. */
	if (a->good.memfd < 0) {
		(void)ukd_prefix(e, "NOT ARMED, there is no last good image");
		return;
	}
	r = call_kernel(&a->host, a->good.memfd);
	if (r < 0) {
		(void)ukd_prefix(e, "NOT ARMED, the last good image failed, too (errno %d)", -r);
		return;
	}
	record(a, &a->good, LAST_GOOD);
	(void)ukd_prefix(e, "the last good image is armed again");
}

static int prepare(struct arming *a, struct ukd_error *e)
{
	struct ukd_error ignored;
	int r = host_read(a->root, &a->host, e);

	if (r >= 0)
		r = check_host(&a->host, e);
	if (r >= 0)
		r = settings_load(a->root, NULL, &a->settings, e);
	if (r >= 0)
		r = after_check(a->root, &a->settings, e);
	if (r >= 0)
		r = snapshot_take(a->root, AT_FDCWD, a->path, &a->image, e);
	if (r >= 0)
		r = check_image(a->root, &a->host, &a->image, e);
	if (r < 0)
		return r;
	if (root_exists(a->root, LAST_GOOD) &&
	    snapshot_take(a->root, a->root->fd, &LAST_GOOD[1], &a->good, &ignored) < 0)
		log_warning("the last good image is no longer good: %s", ignored.text);
	return 0;
}

static int arm(const struct arming *a, struct ukd_error *e)
{
	struct ukd_error ignored;
	bool loaded;
	int r = call_kernel(&a->host, a->image.memfd);

	if (r == 0) {
		record_new(a);
		return 0;
	}
	(void)call_failed(e, r, a->path);
	if (host_crash_loaded(a->root, &loaded, &ignored) < 0 || !loaded) {
		if (armed_remove(a->root, &ignored) < 0)
			log_warning("%s", ignored.text);
		load_last_good(a, e);
	}
	return r;
}

int load_image(const struct root *root, const char *path, struct ukd_error *e)
{
	_cleanup_(arming_free) struct arming a = {
		.root = root, .path = path, .image = SNAPSHOT_NONE, .good = SNAPSHOT_NONE};
	_close_ int lock = -1;
	sigset_t stops, before;
	int r = take_lock(root, &lock, e);

	if (r >= 0)
		r = prepare(&a, e);
	if (r < 0)
		return r;
	/* Between the call and the record, or the last good image, nobody may stop us. */
	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &stops, &before);
	r = arm(&a, e);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int unload_image(const struct root *root, struct ukd_error *e)
{
	_close_ int lock = -1;
	bool loaded = false;
	int r = take_lock(root, &lock, e);

	if (r >= 0)
		r = host_crash_loaded(root, &loaded, e);
	if (r < 0)
		return r;
	if (loaded) {
		r = sys_kexec_file_load(-1, -1, NULL,
					UKD_KEXEC_FILE_UNLOAD | UKD_KEXEC_FILE_ON_CRASH);
		if (r < 0)
			return ukd_fail(e, r, "cannot unload: errno %d: %s", -r, explain_errno(-r));
	}
	return armed_remove(root, e);
}

int print_status(const struct root *root, struct ukd_error *e)
{
	struct host h;
	int r = host_read(root, &h, e);

	if (r < 0)
		return r;
	printf("loaded=%d\n", h.loaded);
	printf("crash_memory=%" PRIu64 "\ncrash_memory_usable=%" PRIu64 "\n", h.memory.total,
	       h.memory.usable);
	printf("secure_boot=%d\nlockdown=%s\nenforced=%d\n", h.secure_boot, h.lockdown, h.enforced);
	printf("load_disabled=%d\nmissing_option=%s\nconfig_known=%d\n", h.load_disabled, h.missing,
	       h.config_known);
	if (h.loaded) {
		r = armed_print(root, e);
		if (r < 0)
			return r;
	}
	return h.loaded;
}
