// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The signature: what stays the same when the same bug strikes another machine, boot or build. In:
 * the kind, the text without numbers and addresses, and up to five symbols with their modules. Out:
 * offsets (they differ from build to build), addresses, CPUs, tasks, line numbers, what the compiler
 * appends to symbols, how the kernel came to the code (interrupted by what, from which entry).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "triage/facts.h"

#define SYMBOLS 5

/* What reports, waits or spins on behalf of the code in question. */
static const char *const helpers[] = {
	"dump_stack",
	"show_stack",
	"panic",
	"vpanic",
	"nmi_panic",
	"__warn",
	"warn_slowpath",
	"report_bug",
	"handle_bug",
	"exc_",
	"asm_exc_",
	"die",
	"__die",
	"oops_",
	"page_fault_oops",
	"print_report",
	"print_address_",
	"kasan_",
	"__asan_",
	"ubsan_epilogue",
	"__ubsan_",
	"check_panic_on_warn",
	"__schedule",
	"schedule",
	"io_schedule",
	"preempt_schedule",
	"__cond_resched",
	"native_queued_spin",
	"queued_spin_lock",
	"__pv_queued_spin",
	"_raw_spin_",
	"do_raw_spin_",
	"delay_",
	"__delay",
	"__const_udelay",
	"__udelay",
	"__ndelay",
};

/* Where the kernel was entered or called back: what is outside has nothing to do with it. */
static const char *const entries[] = {
	"do_syscall_",
	"do_SYSCALL_",
	"x64_sys_call",
	"entry_",
	"ret_from_fork",
	"kthread",
	"worker_thread",
	"process_one_work",
	"process_scheduled_works",
	"asm_",
	"sysvec_",
	"__sysvec_",
	"common_interrupt",
	"__common_interrupt",
	"handle_softirqs",
	"__do_softirq",
	"do_softirq",
	"irq_exit",
	"__irq_exit",
	"run_ksoftirqd",
	"__run_timer",
	"run_timer_",
	"expire_timers",
	"call_timer_fn",
	"__hrtimer_run",
	"hrtimer_interrupt",
	"tasklet_",
	"do_idle",
	"cpu_startup_entry",
};

static bool begins_with_any(const char *symbol, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line_after(symbol, list[i]))
			return true;
	return false;
}

/* FNV-1a, 64 bit: groups, and protects nothing. */
static void hash(uint64_t *h, const char *s)
{
	for (;; s++) {
		*h = (*h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
		if (!*s)
			return;
	}
}

/* Without what the compiler appends: .constprop.0, .isra.0, .part.0, .cold, .llvm.1 */
static size_t base_length(const char *symbol)
{
	return strcspn(symbol, ".");
}

static bool same_symbol(const char *a, const char *b)
{
	return base_length(a) == base_length(b) && !strncmp(a, b, base_length(a));
}

/* Up to SYMBOLS of them, RIP first; recursion counts once. */
static unsigned int pick(const struct triage *t, const struct triage_frame *ret[SYMBOLS])
{
	const struct triage_frame *last = NULL;
	const char *stack = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i <= t->n_frames && n < SYMBOLS; i++) {
		const struct triage_frame *f = i ? &t->frames[i - 1] : &t->rip;

		if ((!i && !t->has_rip) || f->unreliable || !f->symbol[0])
			continue;
		if (!n && begins_with_any(f->symbol, helpers, ARRAY_SIZE(helpers)))
			continue;
		if (n && (begins_with_any(f->symbol, entries, ARRAY_SIZE(entries)) ||
			  (stack && strcmp(stack, f->stack) != 0)))
			break;
		if (i)
			stack = f->stack;
		if (!last || !same_symbol(last->symbol, f->symbol))
			ret[n++] = f;
		last = f;
	}
	return n;
}

/* Appends one word of the text as it counts: numbers "#", paths their last part, no offsets. */
static void add_word(char *ret, size_t size, const char *word, size_t len)
{
	const char *slash = memrchr(word, '/', len), *plus = memmem(word, len, "+0x", 3);
	size_t used = strlen(ret);

	if (plus)
		len = (size_t)(plus - word);
	else if (slash && memmem(word, len, ".", 1)) {
		len -= (size_t)(slash + 1 - word);
		word = slash + 1;
	}
	if (memchr(word, ':', len) && strspn(word, "0123456789") < len)
		len = (size_t)((const char *)memchr(word, ':', len) - word);
	for (size_t i = 0; i < len && !plus; i++)
		if (strchr("0123456789", word[i])) {
			word = "#";
			len = 1;
		}
	(void)snprintf(ret + used, size - used, "%s%.*s", used ? " " : "", (int)len, word);
}

static void normalise(const char *text, char *ret, size_t size)
{
	ret[0] = 0;
	if (line_after(text, "Oops: ")) /* since 6.9 */
		text = line_after(text, "Oops: ");
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		add_word(ret, size, text, len);
		text += len;
	}
	char *fault = strstr(ret, "general protection fault");

	/* "..., probably for non-canonical address", "... for address": what the garbage was */
	if (fault)
		fault[strlen("general protection fault")] = 0;
}

/* Is the text the same for each of the kind, but for names and numbers of this one? */
static bool text_counts(enum triage_kind kind)
{
	return kind == TRIAGE_PANIC || kind == TRIAGE_OOPS || kind == TRIAGE_BUG ||
	       kind == TRIAGE_MCE;
}

/* Hardware fails, buttons send an NMI, and people ask for crashes, wherever the kernel is. */
static bool is_anywhere(const struct triage *t)
{
	return t->kind == TRIAGE_MCE || t->kind == TRIAGE_SYSRQ || t->kind == TRIAGE_TEST ||
	       (t->kind == TRIAGE_PANIC && strstr(t->panic, "NMI"));
}

void triage_sign(struct triage *t)
{
	const struct triage_frame *symbols[SYMBOLS];
	char text[sizeof(t->panic)] = "";
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	unsigned int n = 0;

	if (t->kind == TRIAGE_UNKNOWN)
		return;
	if (text_counts(t->kind))
		normalise(t->panic, text, sizeof(text));
	if (!is_anywhere(t))
		n = pick(t, symbols);
	hash(&h, triage_kind_name(t->kind));
	hash(&h, text);
	for (unsigned int i = 0; i < n; i++) {
		char symbol[sizeof(symbols[i]->symbol)];

		(void)snprintf(symbol, sizeof(symbol), "%.*s", (int)base_length(symbols[i]->symbol),
			       symbols[i]->symbol);
		hash(&h, symbol);
		hash(&h, symbols[i]->module);
	}
	(void)snprintf(t->signature, sizeof(t->signature), "%016" PRIx64, h);
}
