// SPDX-License-Identifier: GPL-2.0-or-later
/* Rehearses an image: see rehearse.h. */
#include "ctl/rehearse/rehearse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crashkernel/size.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/scratch.h"
#include "util/self.h"

#define SCRATCH_PREFIX "ukdump-rehearse."
#define VERIFY_S       300
#define DISK_SPARE     MIB(512)
#define ROOM_LEFT      MIB(4)

#define SET(text, ...) (void)snprintf(text, sizeof(text), __VA_ARGS__)

void rehearse_free(struct rehearse *r)
{
	rehearse_image_close(&r->image);
	rehearse_target_free(&r->target);
	rehearse_dump_free(&r->dump);
}

static void not_rehearsed(struct rehearse *r, const char *fmt, ...) _printf_(2, 3);
static void not_rehearsed(struct rehearse *r, const char *fmt, ...)
{
	va_list ap;

	SET(r->record.result, REHEARSAL_NONE);
	va_start(ap, fmt);
	(void)vsnprintf(r->record.reason, sizeof(r->record.reason), fmt, ap);
	va_end(ap);
}

static void begin_record(struct rehearse *r)
{
	const struct rehearse_image *i = &r->image;

	time_text_now(r->record.time);
	SET(r->record.image, "%s", i->id);
	SET(r->record.path, "%s", i->path);
	SET(r->record.kernel, "%s", i->kernel);
	SET(r->record.unproved, "%s", r->target.unproved);
}

/* What this machine has reserved for images; where that is nothing, what the image needs. */
static uint64_t find_crash_memory(struct rehearse *r)
{
	char have[FORMAT_SIZE_MAX], need[FORMAT_SIZE_MAX];
	struct crash_memory m = {0};
	struct ukd_error ignored;
	uint64_t bytes = 0;

	if (crash_memory_read(r->root, &m, &ignored) == 0)
		bytes = m.usable ? m.usable : m.total;
	(void)format_size(bytes, have);
	(void)format_size(r->image.comfort, need);
	if (!bytes)
		rehearse_target_check(&r->target, false, "crash memory",
				      "none is reserved here; %s, which are known to suffice, are "
				      "taken",
				      need);
	else
		rehearse_target_check(&r->target, false, "crash memory",
				      "%s are reserved, %s are known to suffice", have, need);
	bytes = bytes ? bytes : r->image.comfort;
	bytes -= bytes % MIB(1);
	SET(r->record.reserved, "%" PRIu64, bytes);
	return bytes;
}

static uint64_t free_memory(void)
{
	_buffer_ struct buffer b = {0};
	unsigned long long kib = 0;
	struct ukd_error ignored;
	const char *at = NULL;

	if (file_read(AT_FDCWD, "/proc/meminfo", KIB(64), &b, &ignored) == 0)
		at = strstr((const char *)b.data, "MemAvailable:");
	return at && sscanf(at, "MemAvailable: %llu", &kib) == 1 ? kib * 1024 : UINT64_MAX;
}

/* False: there is something that no guest is needed for, or nothing to run one with. */
static bool can_run(struct rehearse *r, uint64_t crash_memory, char *qemu, size_t size)
{
	uint64_t need = guest_memory(&r->image, crash_memory), have = free_memory();
	char a[FORMAT_SIZE_MAX], b[FORMAT_SIZE_MAX];

	if (r->image.unreadable.code)
		not_rehearsed(r, "what the image would do cannot be read: %s",
			      r->image.unreadable.text);
	else if (!r->target.uri[0])
		not_rehearsed(r, "no target can be rehearsed: %s",
			      r->target.left_out.n ? r->target.left_out.v[0] : "there is none");
	else if (!guest_find_qemu(qemu, size))
		not_rehearsed(r, "QEMU is not installed: only what is inside the image was "
				 "looked at; install qemu-system-x86");
	else if (need > have)
		not_rehearsed(r, "the guest takes %s of memory, %s are available",
			      format_size(need, a), format_size(have, b));
	else
		return true;
	return false;
}

static int make_mark(char *ret, size_t size, struct ukd_error *e)
{
	uint64_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return ukd_fail_errno(e, -errno, "getrandom");
	(void)snprintf(ret, size, "ukdump-rehearsal %016" PRIx64, id);
	return 0;
}

/* Where the file system was filled up, errors on the guest's disk say nothing about the image. */
static bool has_room(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) < 0 || st.f_bavail * st.f_frsize >= ROOM_LEFT;
}

/* On a fresh disk; in emulation if KVM does not work. Returns 1; 0 if there is none to judge. */
static int run_guest(struct rehearse *r, const struct guest_spec *spec, struct ukd_error *e)
{
	uint64_t room = 2 * guest_memory(&r->image, spec->crash_memory) + DISK_SPARE +
			r->image.settings.store.keep_free;
	int n;

	for (bool kvm = guest_has_kvm();; kvm = false) {
		(void)unlink(spec->disk);
		n = rehearse_disk_make(&r->target, spec->disk, room, e);
		if (n < 0) {
			not_rehearsed(r, "no scratch disk: %s", e->text);
			return 0;
		}
		n = guest_run(spec, kvm, &r->guest, e);
		if (n < 0 || !r->guest.no_kvm)
			return n < 0 ? n : 1;
	}
}

/* What came of it; mark is in the log of this crash. */
static void judge(struct rehearse *r, const struct guest_spec *spec, const char *mark)
{
	char mountpoint[4300];
	struct ukd_error e;

	SET(mountpoint, "%s/mnt", spec->scratch);
	if (r->guest.as_root)
		rehearse_target_check(&r->target, false, "guest",
				      "QEMU ran as root: setpriv(1) is missing, or not every user "
				      "id is to be had in this container");
	SET(r->record.accelerator, r->guest.kvm ? "kvm" : "tcg");
	if (r->guest.broken)
		not_rehearsed(r, "QEMU failed: %s",
			      r->guest.trouble[0] ? r->guest.trouble : "it said nothing");
	else if (r->guest.step >= GUEST_ARMED &&
		 rehearse_disk_read(&r->target, spec->disk, mountpoint, mark, VERIFY_S, &r->dump,
				    &e) < 0)
		not_rehearsed(r, "what the guest has written cannot be read: %s", e.text);
	else
		rehearse_judge(r);
	if (!strcmp(r->record.result, REHEARSAL_FAILED) && !has_room(spec->scratch))
		not_rehearsed(r, "there is no room left for the guest's disk in %s", spec->scratch);
}

/* In a scratch directory. A guest that cannot be had is a result. */
static int run_and_judge(struct rehearse *r, const char *qemu, uint64_t crash_memory,
			 struct ukd_error *e)
{
	const struct root here = {.fd = AT_FDCWD, .path = ""};
	_scratch_ struct scratch scratch = {0};
	char disk[4300], mark[64], line[80];
	struct guest_spec spec = {.image = &r->image,
				  .qemu = qemu,
				  .disk = disk,
				  .scratch = scratch.path,
				  .mark = line,
				  .crash_memory = crash_memory,
				  .timeout_s = r->timeout_s,
				  .progress = r->progress,
				  .progress_ctx = r->progress_ctx};
	int n = scratch_remove_leftovers(&here, SCRATCH_PREFIX, e);

	if (n >= 0)
		n = scratch_make(&here, SCRATCH_PREFIX, &scratch, e);
	if (n >= 0)
		n = make_mark(mark, sizeof(mark), e);
	if (n < 0)
		return n;
	SET(line, "%s\n", mark);
	SET(disk, "%s/disk", scratch.path);
	n = run_guest(r, &spec, e);
	if (n <= 0)
		return n;
	if (r->guest.stopped)
		return ukd_fail(e, -EINTR, "stopped");
	judge(r, &spec, mark);
	return 0;
}

/* What is rehearsed may be the last resort, and where dumps are to go was not. */
static void name_left_out(struct rehearse *r)
{
	const struct strings *targets = &r->image.settings.dump.target;

	if (!strcmp(r->record.result, REHEARSAL_OK) && r->target.left_out.n &&
	    strcmp(targets->v[0], r->target.uri) != 0)
		SET(r->record.reason, "not rehearsed was %s", r->target.left_out.v[0]);
}

int rehearse_run(struct rehearse *r, struct ukd_error *e)
{
	_stops_held_ sigset_t before;
	uint64_t crash_memory;
	char qemu[PATH_MAX];
	int n;

	stops_hold(&before);
	n = rehearse_image_open(r->root, r->path, &r->image, e);
	if (n >= 0)
		n = rehearse_target_choose(r->root, &r->image, &r->target, e);
	if (n < 0)
		return n;
	begin_record(r);
	crash_memory = find_crash_memory(r);
	if (can_run(r, crash_memory, qemu, sizeof(qemu)))
		n = run_and_judge(r, qemu, crash_memory, e);
	if (n < 0)
		return n;
	for (unsigned int i = 0; i < r->target.n_checks; i++)
		if (r->target.checks[i].bad && strcmp(r->record.result, REHEARSAL_FAILED) != 0) {
			SET(r->record.result, REHEARSAL_FAILED);
			SET(r->record.reason, "%s", r->target.checks[i].text);
		}
	name_left_out(r);
	return rehearsal_write(r->root, &r->record, e);
}
