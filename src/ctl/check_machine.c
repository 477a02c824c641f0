// SPDX-License-Identifier: GPL-2.0-or-later
/* Preconditions around ukdump: what makes the kernel panic, units, rivals. */
#include "ctl/status.h"

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

void check_machine(const struct root *root, struct status *s)
{
	panic_parameters_read(root, s->sysctl);
	check_rival(root, s);
}
