// SPDX-License-Identifier: GPL-2.0-or-later
/* Arms a capture image: see load.h. */
#include "loader/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
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
	uint64_t hole = h->memory.largest ? h->memory.largest : h->memory.total;

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
			have, format_size(need->comfort, want));
	return 0;
}

/* Does a key of the kernel's vouch for the signer? Only where the kernel will insist on it. */
static int check_keyring(const struct root *root, const struct host *h, const struct snapshot *s,
			 struct ukd_error *e)
{
	char key[KEYRING_NAME_MAX];
	struct ukd_error ignored;
	int r;

	if (!h->enforced) {
		log_warning("Secure Boot and lockdown are off: the kernel does not enforce the "
			    "image's signature");
		return 0;
	}
	r = keyring_find(root, &s->j.auth, key, &ignored);
	if (r < 0)
		log_warning("cannot tell whether the kernel knows the signer: %s", ignored.text);
	if (r != 0)
		return 0;
	return ukd_refuse(e, "host.keyring",
			  "no key of the running kernel vouches for '%s'; enroll it with 'mokutil "
			  "--import %s' and reboot",
			  s->j.auth.chain[0].subject, s->j.auth.anchor);
}

static int check_image(const struct root *root, const struct host *h, const struct snapshot *s,
		       struct ukd_error *e)
{
	int r = check_memory(h, &s->need, e);

	if (r < 0)
		return r;
	if (h->five_level && !(s->j.facts.outer.xloadflags & XLF_5LEVEL))
		return ukd_refuse(
			e, "host.paging",
			"the running kernel uses 5-level paging, which the image's kernel "
			"does not support");
	return check_keyring(root, h, s, e);
}

/* EBUSY: a hotplug update holds the lock; EADDRNOTAVAIL: dm-crypt keys are placed at random. */
static int call_kernel(int memfd)
{
	int r = 0;

	for (int i = 0; i < LOAD_TRIES; i++) {
		r = sys_kexec_file_load(memfd, -1, NULL,
					UKD_KEXEC_FILE_ON_CRASH | UKD_KEXEC_FILE_NO_INITRAMFS);
		if (r != -EBUSY && r != -EADDRNOTAVAIL)
			break;
		pause_ms(200);
	}
	return r;
}

/* The kernel's refusal as a sentence. */
static int call_failed(struct ukd_error *e, int r, const char *path)
{
	return ukd_fail(e, r, "%s: kexec_file_load: errno %d: %s", path, -r, explain_errno(-r));
}

/*
 * The new image was refused although all our checks passed, and the old one is gone. good was
 * verified before the call.
 */
static void load_last_good(const struct root *root, struct snapshot *good, struct ukd_error *e)
{
	struct ukd_error ignored;
	int r;

	/* In front: a long text loses its tail. */
	if (good->memfd < 0) {
		(void)ukd_prefix(e, "NOT ARMED, there is no last good image");
		return;
	}
	r = call_kernel(good->memfd);
	if (r < 0) {
		(void)ukd_prefix(e, "NOT ARMED, the last good image failed, too (errno %d)", -r);
		return;
	}
	if (armed_write(root, &good->j, LAST_GOOD, &good->need, &ignored) < 0)
		log_warning("%s", ignored.text);
	(void)ukd_prefix(e, "the last good image is armed again");
}

static void record(const struct root *root, const char *path, const struct snapshot *s,
		   const struct settings *settings)
{
	struct ukd_error e = {0};
	char full[PATH_MAX];

	/* The image is armed: what fails now is told, and undoes nothing. */
	if (!realpath(path, full))
		(void)snprintf(full, sizeof(full), "%s", path);
	if (armed_write(root, &s->j, full, &s->need, &e) < 0)
		log_warning("%s", e.text);
	if (last_good_set(root, s->fd, s->memfd, s->size, &e) < 0)
		log_warning("%s", e.text);
	if (after_arm(root, settings, &e) < 0)
		log_warning("armed, but [Arm] of ukdump.conf was not carried out: %s", e.text);
}

int load_image(const struct root *root, const char *path, struct ukd_error *e)
{
	_snapshot_ struct snapshot s = SNAPSHOT_NONE, good = SNAPSHOT_NONE;
	_settings_ struct settings settings = {0};
	struct ukd_error ignored;
	_close_ int lock = -1;
	struct host h;
	bool loaded;
	int r = take_lock(root, &lock, e);

	if (r >= 0)
		r = host_read(root, &h, e);
	if (r >= 0)
		r = check_host(&h, e);
	if (r >= 0)
		r = settings_load(root, NULL, &settings, e);
	if (r >= 0)
		r = after_check(root, &settings, e);
	if (r >= 0)
		r = snapshot_take(root, AT_FDCWD, path, &s, e);
	if (r >= 0)
		r = check_image(root, &h, &s, e);
	if (r < 0)
		return r;
	if (root_exists(root, LAST_GOOD) &&
	    snapshot_take(root, root->fd, &LAST_GOOD[1], &good, &ignored) < 0)
		log_warning("the last good image is no longer good: %s", ignored.text);

	r = call_kernel(s.memfd);
	if (r == 0) {
		record(root, path, &s, &settings);
		return 0;
	}
	(void)call_failed(e, r, path);
	if (host_crash_loaded(root, &loaded, &ignored) < 0 || !loaded) {
		if (armed_remove(root, &ignored) < 0)
			log_warning("%s", ignored.text);
		load_last_good(root, &good, e);
	}
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
	printf("crash_memory=%" PRIu64 "\ncrash_memory_largest=%" PRIu64 "\n", h.memory.total,
	       h.memory.largest);
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
