// SPDX-License-Identifier: GPL-2.0-or-later
/* Preconditions of the kernels: options, crash memory, enforcement of signatures. */
#include <stdio.h>
#include <string.h>

#include "ctl/reserve/reserve_facts.h"
#include "ctl/status/status.h"
#include "util/kconfig.h"
#include "util/parse.h"

/* What a kernel must have been built with. */
struct kernel_option {
	const char *finding, *name; /* name: without CONFIG_ */
	bool for_signatures;	    /* needed where the kernel demands signatures */
};

static const struct kernel_option running_options[] = {
	{"kernel.kexec-file", "KEXEC_FILE", false},
	{"kernel.kexec-sig", "KEXEC_SIG", true},
	{"kernel.verify-sig", "KEXEC_BZIMAGE_VERIFY_SIG", true},
};

static const struct kernel_option capture_options[] = {
	{"kernel.crash-dump", "CRASH_DUMP", false},
	{"kernel.proc-vmcore", "PROC_VMCORE", false},
	{"kernel.relocatable", "RELOCATABLE", false},
};

/* ukdump-load names the first that is missing. */
static bool is_named(const struct status *s, const struct kernel_option *o)
{
	size_t n = strlen("CONFIG_");

	return s->missing && strlen(s->missing) > n && !strcmp(s->missing + n, o->name);
}

static void check_option(struct status *s, const struct kconfig *k, const struct kernel_option *o,
			 const char *which)
{
	bool has = !is_named(s, o) && kconfig_get(k, o->name) == KCONFIG_YES;
	bool needed = !o->for_signatures || s->enforced;
	struct finding *f = finding_add(&s->findings, o->finding,
					has    ? VERDICT_OK :
					needed ? VERDICT_FAILED :
						 VERDICT_WARNING,
					"CONFIG_%s is %s in the %s kernel", o->name,
					has ? "set" : "not set", which);

	finding_needed(f, "CONFIG_%s=y%s", o->name, o->for_signatures ? ", to verify images" : "");
	if (has)
		return;
	finding_mend(f, "use a kernel that was built with it");
	if (needed)
		finding_problem(f, "the %s kernel was built without CONFIG_%s", which, o->name);
}

/* Without a config file nothing is held against a kernel but what ukdump-load knows. */
static void check_options(const struct root *root, struct status *s)
{
	_kconfig_ struct kconfig running = {0}, capture = {0};

	kconfig_read(root, &running);
	for (size_t i = 0; i < ARRAY_SIZE(running_options); i++)
		if (running.text.data || is_named(s, &running_options[i]))
			check_option(s, &running, &running_options[i], "running");
	if (s->kernel)
		kconfig_read_version(root, s->kernel, &capture);
	else
		kconfig_read(root, &capture);
	for (size_t i = 0; capture.text.data && i < ARRAY_SIZE(capture_options); i++)
		check_option(s, &capture, &capture_options[i], "capture");
	if (!running.text.data || !capture.text.data)
		finding_mend(finding_add(&s->findings, "kernel.config", VERDICT_UNKNOWN,
					 "what the %s kernel was built with is not known",
					 running.text.data ? "capture" : "running"),
			     "install its config file, /boot/config-VERSION or "
			     "/usr/lib/modules/VERSION/config");
}

static void check_armed_memory(struct status *s)
{
	char have[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];
	bool enough = s->reserved >= s->comfort;
	struct finding *f = finding_add(&s->findings, "memory.reserved",
					enough ? VERDICT_OK : VERDICT_FAILED, "%s reserved",
					format_size(s->reserved, have));

	if (!s->comfort)
		return;
	finding_needed(f, "%s for the armed image", format_size(s->comfort, want));
	if (enough)
		return;
	finding_mend(f, "ukdumpctl reserve, then reboot");
	finding_problem(f, "%s of crash memory are reserved, %s are known to suffice", have, want);
}

/* What a start would find: less than the minimum is refused. */
static void check_unarmed_memory(const struct root *root, struct status *s)
{
	char have[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];
	struct reserve_state state;
	struct ukd_error e = {0};
	struct finding *f;

	if (reserve_state_read(root, &s->targets.settings, &state, &e) < 0) {
		(void)finding_add(&s->findings, "memory.reserved", VERDICT_UNKNOWN,
				  "%s reserved; %s", format_size(s->reserved, have), e.text);
		return;
	}
	f = finding_add(&s->findings, "memory.reserved",
			s->reserved >= state.estimate.size ? VERDICT_OK :
			s->reserved < state.facts.comfort  ? VERDICT_FAILED :
							     VERDICT_WARNING,
			"%s reserved", format_size(s->reserved, have));
	finding_needed(f, "%s as estimated", format_size(state.estimate.size, want));
	if (f->verdict != VERDICT_OK)
		finding_mend(f, "ukdumpctl reserve, then reboot");
}

static void check_memory(const struct root *root, struct status *s)
{
	struct finding *f;

	if (s->reserved && s->armed) {
		check_armed_memory(s);
	} else if (s->reserved) {
		check_unarmed_memory(root, s);
	} else {
		f = finding_add(&s->findings, "memory.reserved", VERDICT_FAILED,
				"no crash memory is reserved");
		finding_needed(f, "crashkernel= on the kernel command line");
		finding_mend(f, "ukdumpctl reserve, then reboot");
		finding_problem(f, "no crash memory is reserved (crashkernel=); run 'ukdumpctl "
				   "reserve' and reboot");
	}
}

static void check_enforcement(struct status *s)
{
	struct finding *f = finding_add(&s->findings, "kernel.enforcement",
					s->enforced ? VERDICT_OK : VERDICT_WARNING,
					"lockdown %s, Secure Boot %s",
					s->lockdown ? s->lockdown : "unknown",
					s->secure_boot ? "on" : "off");

	finding_needed(f, "Secure Boot or lockdown, so that the kernel verifies images");
	if (s->enforced)
		return;
	finding_mend(f, "turn on Secure Boot in the firmware's setup");
	if (s->armed)
		finding_problem(f, "Secure Boot and lockdown are off: the kernel does not enforce "
				   "the image's signature");
}

static void check_lock(struct status *s)
{
	struct finding *f;

	if (!s->locked) {
		(void)finding_add(&s->findings, "kernel.loads", VERDICT_OK,
				  "the kernel takes images");
		return;
	}
	f = finding_add(&s->findings, "kernel.loads", s->armed ? VERDICT_OK : VERDICT_FAILED,
			"until the next boot the kernel takes no %s",
			s->armed ? "other image" : "image");
	if (!s->armed)
		finding_mend(f, "reboot");
}

void check_kernel(const struct root *root, struct status *s)
{
	check_options(root, s);
	if (!s->known)
		return;
	check_memory(root, s);
	check_enforcement(s);
	check_lock(s);
}
