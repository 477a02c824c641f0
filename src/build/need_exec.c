// SPDX-License-Identifier: GPL-2.0-or-later
/* What an exec:/PROGRAM target needs: the program, with its libraries or its interpreter. */
#include <string.h>

#include "build/needs.h"

int need_exec(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	const char *program = target + strlen("exec:");
	int r;

	(void)index; /* goes into the image as it is */
	if (program[0] != '/')
		return ukd_refuse(e, "target", "Target=%s: need exec:/PROGRAM, an absolute path",
				  target);
	r = need_program(n, program, e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	needs_note(n, "target %s: program %s", target, program);
	return 0;
}
