// SPDX-License-Identifier: GPL-2.0-or-later
/* The kexec stub's one decision: see stub.h. */
#include "stub/stub.h"

uint64_t stub_main(uint64_t base, uint64_t boot_params, const uint8_t *header)
{
	struct stub_plan plan;
	const char *wrong = stub_plan(base, boot_params, header, &plan);

	if (wrong) {
		struct image_range line = plan.parts.cmdline;

		stub_say((struct bytes){(const uint8_t *)(uintptr_t)base + line.off, line.len},
			 wrong);
		return 0;
	}
	stub_apply(&plan);
	return base + plan.layout.dest + BP_ENTRY_64;
}
