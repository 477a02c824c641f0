// SPDX-License-Identifier: GPL-2.0-or-later
/* Preconditions around ukdump: what makes the kernel panic, units, rivals. */
#include <stdio.h>
#include <string.h>

#include "ctl/status/status.h"

/* What follows a crash as long as these are enabled. */
static const struct {
	const char *finding, *unit, *why;
} units[] = {
	{"unit.ukdump", "ukdump.service", "nothing is armed after the next boot"},
	{"unit.refresh-path", "ukdump-refresh.path", "changes of files make no new image"},
	{"unit.refresh-timer", "ukdump-refresh.timer", "nothing looks after the image once a day"},
	{"unit.report", "ukdump-report.service", "nothing tells of a crash at the next boot"},
};

static void check_rival(const struct root *root, struct status *s)
{
	const char *rival = enabled_rival(root);
	struct finding *f;

	if (!rival) {
		(void)finding_add(&s->findings, "unit.rival", VERDICT_OK,
				  "no other service that arms images is enabled");
		return;
	}
	f = finding_add(&s->findings, "unit.rival", VERDICT_FAILED, "%s is enabled", rival);
	finding_needed(f, "no other service that arms images");
	finding_mend(f, "systemctl disable --now %s", rival);
	finding_problem(f,
			"%s is enabled, too, and arms an image of its own: run 'systemctl "
			"disable --now %s'",
			rival, rival);
}

static void check_unit(const struct root *root, struct status *s, unsigned int i)
{
	const char *unit = units[i].unit;
	struct finding *f;
	bool known;

	if (unit_is_enabled(root, unit, &known)) {
		(void)finding_add(&s->findings, units[i].finding, VERDICT_OK, "%s is enabled",
				  unit);
		return;
	}
	if (!known) {
		(void)finding_add(&s->findings, units[i].finding, VERDICT_UNKNOWN,
				  "whether %s is enabled cannot be told", unit);
		return;
	}
	f = finding_add(&s->findings, units[i].finding, VERDICT_WARNING, "%s is not enabled: %s",
			unit, units[i].why);
	finding_needed(f, "enabled");
	finding_mend(f, "systemctl enable --now %s", unit);
}

static const struct panic_parameter *parameter(const struct status *s, const char *name)
{
	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++)
		if (!strcmp(s->sysctl[i].name, name))
			return &s->sysctl[i];
	return NULL;
}

/* Most bugs of a kernel are an oops, not a panic. */
static void check_oops(struct status *s)
{
	const struct panic_parameter *p = parameter(s, "panic_on_oops");
	struct finding *f;

	if (!p || !p->known) {
		(void)finding_add(&s->findings, "sysctl.panic-on-oops", VERDICT_UNKNOWN,
				  "kernel.panic_on_oops cannot be read");
		return;
	}
	f = finding_add(&s->findings, "sysctl.panic-on-oops",
			p->value > 0 ? VERDICT_OK : VERDICT_WARNING, "kernel.panic_on_oops=%lld%s",
			(long long)p->value, p->value > 0 ? "" : ": an oops leaves no dump");
	finding_needed(f, "1");
	if (p->value <= 0)
		finding_mend(f, s->armed ? "Sysctl=kernel.panic_on_oops=1 in ukdump.conf" :
					   "ukdumpctl start sets it by default");
}

/* Whether a hang is to be a crash is a matter of taste: told, and never held against anybody. */
static void check_hangs(struct status *s)
{
	static const char *const names[] = {"hung_task_panic", "softlockup_panic",
					    "unknown_nmi_panic"};
	char text[128] = "";
	size_t used = 0;
	struct finding *f;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct panic_parameter *p = parameter(s, names[i]);

		if (p && p->known)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%lld",
						 used ? " " : "", names[i], (long long)p->value);
	}
	f = finding_add(&s->findings, "sysctl.hangs", text[0] ? VERDICT_OK : VERDICT_UNKNOWN, "%s",
			text[0] ? text : "kernel.hung_task_panic and the like cannot be read");
	finding_needed(f, "1 for those that shall be dumped");
}

void check_machine(const struct root *root, struct status *s)
{
	panic_parameters_read(root, s->sysctl);
	check_oops(s);
	check_hangs(s);
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++)
		check_unit(root, s, i);
	check_rival(root, s);
}
