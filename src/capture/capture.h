/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole of one capture: what is configured, what is known of the crash, how much time is left
 * and what happened so far. One struct, owned by main(), handed to every stage.
 */
#pragma once

#include <stdbool.h>

#include "capture/budget.h"
#include "capture/elfcore.h"
#include "capture/facts.h"
#include "capture/memory.h"
#include "capture/record.h"
#include "conf/settings.h"
#include "util/log.h"
#include "util/root.h"

struct capture {
	const struct root *root; /* of the capture environment; path absolute or "" */
	struct settings settings;
	bool settings_lost; /* what is set could not be read: settings has the defaults */
	struct facts facts;
	struct crash crash;
	struct budget budget;
	struct memory_watch memory;
	struct record record;
	/* Says one line to the operator; NULL: silent. Only main() prints. */
	void (*say)(enum log_level level, const char *line);
};

/* Everything from the modules to the best target. Returns what the best target came to. */
enum dump_state capture_run(struct capture *c);

void capture_say(const struct capture *c, enum log_level level, const char *fmt, ...)
	_printf_(3, 4);

/*
 * Ends a stage: records it, takes a memory sample and says it. text is the reason of what is not
 * OUTCOME_OK, else a remark for the operator (NULL: none).
 */
void capture_end_stage(struct capture *c, struct stage *s, enum outcome outcome, const char *text);
