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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "loader/after.h"
#include "loader/armed.h"
#include "loader/check.h"
#include "loader/explain.h"
#include "loader/lastgood.h"
#include "loader/sysctl.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/lockfile.h"
#include "util/log.h"
#include "util/self.h"
#include "util/sys.h"

#define LOCK_FILE    "run/ukdump/lock"
#define LOCK_LIMIT_S 240 /* who gives up leaves its image out: 20 loads, emulated 8 s each */
#define LOAD_TRIES   5

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&ts, NULL);
}

/* The one call. A sealed image brings its initrd and command line along. */
static int load_once(const struct plan *p)
{
	if (plan_is_sealed(p))
		return sys_kexec_file_load(p->image.memfd, -1, NULL,
					   UKD_KEXEC_FILE_ON_CRASH | UKD_KEXEC_FILE_NO_INITRAMFS);
	return sys_kexec_file_load(p->parts.kernel, p->parts.initrd, p->parts.cmdline,
				   UKD_KEXEC_FILE_ON_CRASH);
}

/*
 * EBUSY: a hotplug update holds the lock. EADDRNOTAVAIL: where the kernel places dm-crypt keys at
 * random, the next try may find a hole. Each call counts against kexec_load_limit_panic, failed
 * ones, too; one is left for the last good image.
 */
static int call_kernel(const struct host *h, const struct plan *p)
{
	uint64_t tries = h->loads_left <= LOAD_TRIES ? h->loads_left - 1 : LOAD_TRIES;
	int r;

	do {
		r = load_once(p);
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
	struct machine machine;
	const char *path;
	struct plan image, good;
	bool has_good; /* there is a last good image */
	/*
	 * From the first call until the kernel held an image: the kernel drops the old one some
	 * time in it, so this is the most that nothing was armed.
	 */
	uint64_t call_ms;
};

static void arming_free(struct arming *a)
{
	machine_free(&a->machine);
	plan_free(&a->image);
	plan_free(&a->good);
}

static void tell_locked(enum setting_lock lock)
{
	if (lock != LOCK_NO)
		log_info("locked until the next boot (LockAfterArm=): no other capture image%s "
			 "can be loaded, also if this one turns out to be bad, and this one cannot "
			 "be unloaded",
			 lock == LOCK_ALL ? " and no kernel" : "");
}

/* The plan p is armed: what fails now is told and recorded, and undoes nothing. */
static void record(const struct arming *a, const struct plan *p, const char *path)
{
	const struct root *root = a->machine.root;
	struct ukd_error problem = {0}, e;

	if (after_arm(root, &a->machine.settings, &problem) < 0) {
		log_warning("armed, but [Arm] of ukdump.conf was not carried out: %s",
			    problem.text);
	} else {
		problem.text[0] = 0; /* of what was not there, and need not be */
		tell_locked(a->machine.settings.arm.lock_after_arm);
	}
	if (a->machine.unread.code)
		(void)ukd_fail(&problem, a->machine.unread.code,
			       "armed with the defaults of [Arm]: %s", a->machine.unread.text);
	if (armed_write(root, &(struct armed){p, path, a->call_ms, problem.text}, &e) >= 0)
		return;
	log_warning("%s", e.text);
	/* A record of the image before would be a lie. */
	if (armed_remove(root, &e) < 0)
		log_warning("%s", e.text);
}

static void record_new(const struct arming *a)
{
	struct ukd_error e;
	char full[PATH_MAX];

	tell_verified(&a->machine, &a->image);
	if (!realpath(a->path, full))
		(void)snprintf(full, sizeof(full), "%s", a->path);
	record(a, &a->image, full);
	if (last_good_set(a->machine.root, &a->image, &e) < 0)
		log_warning("%s", e.text);
}

/* The new image was refused although all our checks passed, and the old one is gone. */
static void load_last_good(struct arming *a, uint64_t begin, struct ukd_error *e)
{
	int r;

	/* In front: a long text loses its tail. */
	if (!a->has_good) {
		(void)ukd_prefix(e, "NOT ARMED, there is no last good image");
		return;
	}
	r = call_kernel(&a->machine.host, &a->good);
	if (r < 0) {
		(void)ukd_prefix(e, "NOT ARMED, the last good image failed, too (errno %d)", -r);
		return;
	}
	a->call_ms = clock_ms() - begin;
	record(a, &a->good, LAST_GOOD);
	(void)ukd_prefix(e, "the last good image is armed again, after %" PRIu64 " ms", a->call_ms);
}

/*
 * A typing error must not leave a machine unarmed after its next boot: only [Arm] matters here, and
 * its defaults do, but that what cannot be read may say RequireSealed=yes.
 */
static int read_settings(struct machine *m, struct ukd_error *e)
{
	int r = settings_load(m->root, NULL, &m->settings, &m->unread);

	if (r >= 0)
		return r;
	m->unread.code = r;
	log_warning("%s; the defaults of [Arm] are taken, with RequireSealed=yes", m->unread.text);
	r = settings_init(&m->settings, e);
	m->settings.arm.require_sealed = true;
	return r;
}

static int read_machine(struct machine *m, struct ukd_error *e)
{
	int r = host_read(m->root, &m->host, e);

	if (r >= 0)
		r = check_host(m, e);
	if (r >= 0)
		r = read_settings(m, e);
	if (r >= 0)
		r = auth_policy_of_host(m->root, &m->policy, e);
	return r;
}

static int prepare(struct arming *a, const char *profile, struct ukd_error *e)
{
	struct ukd_error no_good;
	int r = read_machine(&a->machine, e);

	if (r >= 0)
		r = plan_make(&a->machine, AT_FDCWD, a->path, profile, &a->image, e);
	if (r >= 0)
		r = check_plan(&a->machine, &a->image, e);
	if (r < 0)
		return r;
	r = last_good_plan(&a->machine, &a->good, &no_good);
	if (r < 0)
		log_warning("the last good image is no longer good: %s", no_good.text);
	a->has_good = r > 0;
	return 0;
}

/* Nothing is armed any more: what was set for that is put back. */
static int forget(const struct root *root, struct ukd_error *e)
{
	int r = armed_remove(root, e);

	return r < 0 ? r : sysctl_restore(root, e);
}

static int arm(struct arming *a, struct ukd_error *e)
{
	const struct root *root = a->machine.root;
	struct ukd_error ignored;
	uint64_t begin;
	bool loaded;
	int r;

	/* Whatever our caller's priority: the machine is not armed during a part of the call. */
	(void)setpriority(PRIO_PROCESS, 0, -20);
	begin = clock_ms();
	r = call_kernel(&a->machine.host, &a->image);
	if (r == 0) {
		a->call_ms = clock_ms() - begin;
		record_new(a);
		return 0;
	}
	(void)call_failed(e, r, a->path);
	if (crash_image_loaded(root, &loaded, &ignored) < 0 || !loaded) {
		if (forget(root, &ignored) < 0)
			log_warning("%s", ignored.text);
		load_last_good(a, begin, e);
	}
	return r;
}

int load_image(const struct root *root, const char *path, const char *profile, struct ukd_error *e)
{
	_cleanup_(arming_free) struct arming a = {
		.machine.root = root, .path = path, .image = PLAN_NONE, .good = PLAN_NONE};
	_close_ int lock = -1;
	sigset_t before;
	int r = lockfile_take(root, LOCK_FILE, "ukdump-load", LOCK_LIMIT_S, &lock, e);

	if (r >= 0)
		r = prepare(&a, profile, e);
	if (r < 0)
		return r;
	/* Between the call and the record, or the last good image, nobody may stop us. */
	stops_hold(&before);
	r = arm(&a, e);
	stops_release(&before);
	return r;
}

int unload_image(const struct root *root, struct ukd_error *e)
{
	_close_ int lock = -1;
	bool loaded = false;
	int r = lockfile_take(root, LOCK_FILE, "ukdump-load", LOCK_LIMIT_S, &lock, e);

	if (r >= 0)
		r = crash_image_loaded(root, &loaded, e);
	if (r < 0)
		return r;
	if (loaded) {
		r = sys_kexec_file_load(-1, -1, NULL,
					UKD_KEXEC_FILE_UNLOAD | UKD_KEXEC_FILE_ON_CRASH);
		if (r < 0)
			return ukd_fail(e, r, "cannot unload: errno %d: %s", -r, explain_errno(-r));
	}
	return forget(root, e);
}

int print_status(const struct root *root, struct ukd_error *e)
{
	struct host h;
	int r = host_read(root, &h, e);

	if (r < 0)
		return r;
	printf("loaded=%d\n", h.loaded);
	printf("crash_memory=%" PRIu64 "\ncrash_memory_usable=%" PRIu64 "\n",
	       h.memory.total + h.memory.cma, h.memory.usable);
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
