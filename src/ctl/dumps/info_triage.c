// SPDX-License-Identifier: GPL-2.0-or-later
/* How `ukdumpctl info` shows what the kernel log tells of the crash. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/dumps/info.h"

/* Documentation/admin-guide/tainted-kernels.rst; the same letters since 6.0, T since 4.15 */
static const struct {
	char letter;
	const char *meaning;
} taints[] = {
	{'P', "proprietary module"}, {'F', "module forced in"},	   {'S', "unfit CPU"},
	{'R', "module forced out"},  {'M', "machine check"},	   {'B', "bad page"},
	{'U', "asked for"},	     {'D', "died before"},	   {'A', "ACPI table replaced"},
	{'W', "warned before"},	     {'C', "staging driver"},	   {'I', "firmware bug"},
	{'O', "out-of-tree module"}, {'E', "unsigned module"},	   {'L', "soft lockup"},
	{'K', "live patched"},	     {'X', "of the distribution"}, {'T', "randomized structures"},
	{'N', "in-kernel test"},     {'J', "fwctl's debug write"},
};

static const char *meaning(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(taints); i++)
		if (taints[i].letter == letter)
			return taints[i].meaning;
	return "?";
}

/* G says that P is not set. */
static void print_taint(const struct triage *t)
{
	char text[512] = "";
	size_t n = 0;

	for (const char *p = t->taint; *p && n < sizeof(text) - 1; p++)
		if (*p != 'G')
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%c %s", n ? ", " : "",
					      *p, meaning(*p));
	if (t->taint_told)
		info_row("taint", "%s", n ? text : "none");
}

static void print_trace(const struct triage *t)
{
	char text[TRIAGE_FRAME_TEXT];
	const char *key = "call trace";

	for (unsigned int i = 0; i < t->n_frames; i++) {
		if (t->frames[i].unreliable)
			continue;
		info_row(key, "%s", triage_frame_text(&t->frames[i], text));
		key = "";
	}
}

static void print_modules(const struct triage *t)
{
	for (unsigned int i = 0; i < t->n_modules; i++)
		info_row(i ? "" : "out of tree", "%s", t->modules[i]);
}

static void print_task(const struct triage *t)
{
	if (t->pid >= 0 && t->cpu >= 0)
		info_row("task", "%s, PID %" PRId64 ", CPU %d", t->comm, t->pid, t->cpu);
	else if (t->pid >= 0)
		info_row("task", "%s, PID %" PRId64, t->comm, t->pid);
}

void info_print_triage(const struct triage *t)
{
	char text[TRIAGE_FRAME_TEXT];

	info_row("panic", "%s", t->panic[0] ? t->panic : "unknown");
	info_row("kind", "%s", triage_kind_name(t->kind));
	if (t->kind == TRIAGE_UNKNOWN)
		return;
	info_row("signature", "%s", t->signature);
	if (t->has_uptime)
		info_row("uptime", "%" PRIu64 " s", t->uptime_us / 1000000);
	print_task(t);
	print_taint(t);
	if (t->has_rip)
		info_row("rip", "%s", triage_frame_text(&t->rip, text));
	print_trace(t);
	print_modules(t);
}
