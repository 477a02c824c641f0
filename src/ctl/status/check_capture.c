// SPDX-License-Identifier: GPL-2.0-or-later
/* Preconditions of the capture: settings, where dumps would go, what makes and writes them. */
#include <stdio.h>
#include <string.h>

#include "build/gather.h"
#include "build/makedumpfile.h"
#include "ctl/status/status.h"

static void check_settings(struct status *s)
{
	const struct ukd_error *e = &s->settings_error;
	struct finding *f = finding_add(&s->findings, "settings",
					e->code ? VERDICT_FAILED : VERDICT_OK, "%s",
					e->code ? e->text : "ukdump.conf is well-formed");

	if (!e->code)
		return;
	finding_mend(f, "correct it, see ukdump.conf(5)");
	finding_problem(f, "%s", e->text);
}

static void check_target(struct status *s, unsigned int i)
{
	const struct target_report *t = &s->targets.v[i];
	struct finding *f;
	char name[32];

	(void)snprintf(name, sizeof(name), "target.%u", i + 1);
	f = finding_add(&s->findings, name, t->problem[0] ? VERDICT_FAILED : VERDICT_OK, "%s%s%s",
			t->uri, t->problem[0] ? ": " : "", t->problem);
	finding_needed(f, "reachable, writable, room for a dump");
	if (!t->problem[0])
		return;
	finding_mend(f, "mend it, or change Target= in ukdump.conf");
	finding_problem(f, "target %s: %s", t->uri, t->problem);
}

static void check_recipients(struct status *s)
{
	const struct ukd_error *e = &s->targets.recipients;
	struct finding *f;

	if (!s->targets.settings.dump.encrypt_to.n)
		return;
	f = finding_add(&s->findings, "encryption", e->code ? VERDICT_FAILED : VERDICT_OK, "%s",
			e->code ? e->text : "age takes the recipients of EncryptTo=");
	if (!e->code)
		return;
	finding_mend(f, "install age, or correct EncryptTo= in ukdump.conf");
	finding_problem(f, "%s", e->text);
}

/*
 * Told, and no problem: there is a dump in any case, and where no release knows the kernel yet, an
 * exit code that nobody can end would only teach not to look at it.
 */
static void check_makedumpfile(const struct root *root, struct status *s)
{
	/* Without settings: as by default. */
	unsigned int level = s->settings_error.code ? 31 : s->targets.settings.dump.dump_level;
	struct ukd_error ignored;
	char release[128];
	struct finding *f;

	if (root_kernel_release(root, release, sizeof(release), &ignored) >= 0)
		s->note = makedumpfile_check(root, release, level);
	f = finding_add(
		&s->findings, "tool.makedumpfile-version", s->note ? VERDICT_WARNING : VERDICT_OK,
		"%s", s->note ? s->note : "nothing is known against makedumpfile and this kernel");
	if (s->note)
		finding_mend(f, "install a newer makedumpfile, then ukdumpctl refresh");
}

/* What a build needs; what is armed does without. */
static void check_program(const struct root *root, struct status *s, const char *name,
			  const char *package)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	char finding[32], path[64];
	struct finding *f;

	(void)snprintf(finding, sizeof(finding), "tool.%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (!root_exists(root, path))
			continue;
		(void)finding_add(&s->findings, finding, VERDICT_OK, "%s", path);
		return;
	}
	f = finding_add(&s->findings, finding, s->armed ? VERDICT_WARNING : VERDICT_FAILED,
			"%s is not installed: no image can be built", name);
	finding_needed(f, "installed");
	finding_mend(f, "install %s (Debian: %s)", name, package);
}

static void check_stub(const struct root *root, struct status *s)
{
	bool there = root_exists(root, EFI_STUB_PATH);

	(void)finding_add(&s->findings, "tool.systemd-stub", VERDICT_OK, "%s%s", EFI_STUB_PATH,
			  there ? "" :
				  " is not there: firmware would not boot images, which does "
				  "not matter for crashes");
}

void check_capture(const struct root *root, struct status *s)
{
	check_settings(s);
	for (unsigned int i = 0; i < s->targets.n; i++)
		check_target(s, i);
	check_recipients(s);
	check_program(root, s, "dracut", "dracut-core");
	check_program(root, s, "makedumpfile", "makedumpfile");
	check_makedumpfile(root, s);
	check_stub(root, s);
}
