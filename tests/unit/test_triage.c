// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts out of kernel logs. The logs have the form of 5.10 to 7.x; those of a real guest are in
 * tests/vm/test_crash_matrix.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triage/facts.h"
#include "triage/triage.h"
#include "util/cleanup.h"

/* An oops of 6.12 by a module, panic_on_oops; %s: what differs between two strikes of one bug. */
#define OOPS(time, caller, address, offset, cpu, pid, before, behind)                         \
	"[" time "]" caller " ukcrash: loading out-of-tree module taints kernel.\n" before    \
	"[" time "]" caller " BUG: kernel NULL pointer dereference, address: " address "\n"   \
	"[" time "]" caller " #PF: supervisor write access in kernel mode\n"                  \
	"[" time "]" caller " #PF: error_code(0x0002) - not-present page\n"                   \
	"[" time "]" caller " PGD 0 P4D 0 \n"                                                 \
	"[" time "]" caller " Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n"                      \
	"[" time "]" caller " CPU: " cpu " UID: 0 PID: " pid                                  \
	" Comm: my sh Kdump: loaded Tainted: G           OE      6.12.107+deb13-amd64 #1\n"   \
	"[" time "]" caller " Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE\n"                 \
	"[" time "]" caller " RIP: 0010:crash_null.constprop.0+0x" offset "/0x60 [ukcrash]\n" \
	"[" time "]" caller " Code: 48 89 e5 <c7> 04 25\n"                                    \
	"[" time "]" caller " RSP: 0018:ffffb1a3f325fc20 EFLAGS: 00000246\n"                  \
	"[" time "]" caller " Call Trace:\n"                                                  \
	"[" time "]" caller "  <TASK>\n"                                                      \
	"[" time "]" caller "  ? __die_body.cold+0x19/0x27\n"                                 \
	"[" time "]" caller "  ? asm_exc_page_fault+0x26/0x30\n"                              \
	"[" time "]" caller "  crash_null.constprop.0+0x" offset "/0x60 [ukcrash]\n"          \
	"[" time "]" caller "  trigger+0x" offset "/0x90 [ukcrash]\n"                         \
	"[" time "]" caller "  kernfs_fop_write_iter+0x13b/0x200\n"                           \
	"[" time "]" caller "  vfs_write.isra.0+0x29e/0x460\n"                                \
	"[" time "]" caller "  do_syscall_64+0x82/0x190\n"                                    \
	"[" time "]" caller "  entry_SYSCALL_64_after_hwframe+0x76/0x7e\n"                    \
	"[" time "]" caller " RIP: 0033:0x7f0a1c2b3d4e\n"                                     \
	"[" time "]" caller "  </TASK>\n"                                                     \
	"[" time "]" caller " Modules linked in: virtio_blk ukcrash(OE+) ext4 other(PO)\n"    \
	"[" time "]" caller "  third(O-) mbcache [last unloaded: fourth(OE)]\n"               \
	"[" time "]" caller " ---[ end trace 0000000000000000 ]---\n" behind

static const char fatal[] = "[   44.100000] Kernel panic - not syncing: Fatal exception\n"
			    "[   44.100001] Kernel Offset: 0x2c00000 from 0xffffffff81000000\n";

static struct triage triage_of(const char *log)
{
	struct triage t;

	triage_log((struct bytes){(const uint8_t *)log, strlen(log)}, &t);
	return t;
}

static void test_oops(void **state _unused_)
{
	_free_ char *log = NULL;
	struct triage t;
	char text[TRIAGE_FRAME_TEXT];

	assert_true(asprintf(&log, "%s%s",
			     OOPS("   44.012345", "", "0000000000000008", "1a", "3", "731", "", ""),
			     fatal) > 0);
	t = triage_of(log);
	assert_int_equal(t.kind, TRIAGE_OOPS);
	assert_string_equal(t.panic,
			    "BUG: kernel NULL pointer dereference, address: 0000000000000008");
	assert_int_equal(t.cpu, 3);
	assert_int_equal(t.pid, 731);
	assert_string_equal(t.comm, "my sh");
	assert_true(t.taint_told);
	assert_string_equal(t.taint, "GOE");
	assert_string_equal(triage_frame_text(&t.rip, text),
			    "crash_null.constprop.0+0x1a/0x60 [ukcrash]");
	assert_true(t.has_uptime);
	assert_int_equal(t.uptime_us, 44012345);
	assert_int_equal(t.n_frames, 8);
	assert_true(t.frames[0].unreliable);
	assert_string_equal(t.frames[3].symbol, "trigger");
	assert_string_equal(t.frames[3].stack, "TASK");
	assert_int_equal(t.n_modules, 3);
	assert_string_equal(t.modules[0], "ukcrash(OE+)");
	assert_string_equal(t.modules[2], "third(O-)");
}

static void test_same_bug(void **state _unused_)
{
	static const char *const same[] = {
		OOPS("   44.012345", "", "0000000000000008", "1a", "3", "731", "", ""),
		OOPS("  144.012345", "", "0000000000000010", "2b", "0", "12", "", ""),
		OOPS("    4.000001", "[  T731]", "0000000000000008", "1a", "1", "731",
		     "[    4.000000][    C0] hrtimer: interrupt took 1 ns\n", ""),
		/* another CPU talks in between, and has an oops of its own later */
		OOPS("    4.000001", "[  T731]", "0000000000000008", "1a", "1", "731", "",
		     "[    5.000000][  T9] BUG: unable to handle page fault for address: dead\n"
		     "[    5.000001][  T9] Oops: Oops: 0000 [#2] PREEMPT SMP NOPTI\n"
		     "[    5.000002][  T9] RIP: 0010:innocent+0x1/0x2\n"),
		/* a warning long before */
		OOPS("    4.000001", "", "0000000000000008", "1a", "1", "731",
		     "[    2.000000] WARNING: CPU: 0 PID: 1 at a.c:1 early+0x1/0x2\n"
		     "[    2.000001] RIP: 0010:early+0x1/0x2\n[    2.000002] Call Trace:\n"
		     "[    2.000003]  early_caller+0x1/0x2\n",
		     ""),
	};
	const struct triage first = triage_of(same[0]);
	char other[8192];
	char *p;

	assert_int_equal(strlen(first.signature), 16);
	for (size_t i = 1; i < ARRAY_SIZE(same); i++) {
		const struct triage t = triage_of(same[i]);

		assert_string_equal(t.panic[0] ? "yes" : "no", "yes");
		assert_string_equal(t.rip.symbol, "crash_null.constprop.0");
		assert_string_equal(t.signature, first.signature);
	}
	/* The recipe is version 1: who changes what it comes to changes TRIAGE_VERSION. */
	assert_string_equal(first.signature, "55f6f2ce715d924a");
	assert_int_equal(TRIAGE_VERSION, 1);
	(void)snprintf(other, sizeof(other), "%s", same[0]);
	while ((p = strstr(other, "trigger+")))
		memcpy(p, "TRIGGER", strlen("TRIGGER"));
	assert_string_not_equal(triage_of(other).signature, first.signature);
}

static const struct {
	const char *log, *kind, *panic, *culprit;
} logs[] = {
	{"[    9.000000] sysrq: Trigger a crash\n"
	 "[    9.000001] Kernel panic - not syncing: sysrq triggered crash\n"
	 "[    9.000002] CPU: 0 UID: 0 PID: 1 Comm: sh Kdump: loaded Not tainted 6.12.1 #1\n"
	 "[    9.000003] Call Trace:\n[    9.000004]  panic+0x1/0x2\n",
	 "sysrq", "Kernel panic - not syncing: sysrq triggered crash", ""},
	{"[    8.000000] ukdump-test 0123abcd\n[    9.000000] sysrq: Trigger a crash\n"
	 "[    9.000001] Kernel panic - not syncing: sysrq triggered crash\n",
	 "test", "Kernel panic - not syncing: sysrq triggered crash", ""},
	/* A crash on request stays one whatever has happened before. */
	{"[    1.000000] Oops: 0002 [#1] SMP\n[    1.000001] RIP: 0010:old+0x1/0x2\n"
	 "[    9.000001] Kernel panic - not syncing: sysrq triggered crash\n",
	 "sysrq", "Kernel panic - not syncing: sysrq triggered crash", ""},
	{"<2>[    9.000000] Kernel panic - not syncing: my reason 12\n"
	 "<4>[    9.000001] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 5.10.0 #1\n"
	 "<4>[    9.000002] Call Trace:\n<4>[    9.000003]  dump_stack+0x6b/0x83\n"
	 "<4>[    9.000004]  panic+0x101/0x2d7\n<4>[    9.000005]  ? printk+0x58/0x6f\n"
	 "<4>[    9.000006]  mine+0x1/0x2 [mod 0123456789abcdef]\n"
	 "<4>[    9.000007] ---[ end Kernel panic - not syncing: my reason 12 ]---\n",
	 "panic", "Kernel panic - not syncing: my reason 12", "mine [mod]"},
	{"[    9.000000] ------------[ cut here ]------------\n"
	 "[    9.000000] kernel BUG at /root/build/mod.c:42!\n"
	 "[    9.000001] Oops: invalid opcode: 0000 [#1] PREEMPT SMP NOPTI\n"
	 "[    9.000002] CPU: 0 UID: 0 PID: 1 Comm: sh Tainted: P 6.12\n"
	 "[    9.000003] RIP: 0010:mine+0x1/0x2\n",
	 "bug", "kernel BUG at /root/build/mod.c:42!", "mine"},
	{"[    9.000001] general protection fault, probably for non-canonical address "
	 "0xdead000000000108: 0000 [#1] SMP NOPTI\n[    9.000003] RIP: 0010:mine+0x1/0x2\n",
	 "oops",
	 "general protection fault, probably for non-canonical address "
	 "0xdead000000000108",
	 "mine"},
	{"[    9.000001] BUG: TASK stack guard page was hit at 000000000 (stack is 0..0)\n"
	 "[    9.000002] Oops: stack guard page: 0000 [#1] PREEMPT SMP NOPTI\n"
	 "[    9.000003] RIP: 0010:recurse+0x9/0x20 [m]\n[    9.000004] Call Trace:\n"
	 "[    9.000004]  <#DF>\n[    9.000004]  exc_double_fault+0x1/0x2\n"
	 "[    9.000004]  </#DF>\n[    9.000004]  <TASK>\n"
	 "[    9.000005]  recurse+0x10/0x20 [m]\n[    9.000005]  recurse+0x10/0x20 [m]\n"
	 "[    9.000005]  outer+0x10/0x20 [m]\n",
	 "stack-overflow", "BUG: TASK stack guard page was hit at 000000000 (stack is 0..0)",
	 "recurse [m], outer [m]"},
	/* Two tasks of one round, and one long before */
	{"[   10.000000] INFO: task old:1 blocked for more than 120 seconds.\n"
	 "[   10.000001] Call Trace:\n[   10.000002]  old+0x1/0x2\n"
	 "[  363.000000] INFO: task kworker/u8:3:77 blocked for more than 120 seconds.\n"
	 "[  363.000001]       Tainted: G           OE      6.12.107 #1\n"
	 "[  363.000002] task:kworker/u8:3 state:D stack:0 pid:77 tgid:77 ppid:2 flags:0x4000\n"
	 "[  363.000003] Call Trace:\n[  363.000004]  <TASK>\n"
	 "[  363.000005]  __schedule+0x400/0xb00\n[  363.000006]  schedule+0x27/0xf0\n"
	 "[  363.000007]  mine+0x1/0x2 [mod]\n[  363.000008]  kthread+0xcf/0x100\n"
	 "[  363.000009]  </TASK>\n"
	 "[  363.100000] INFO: task other:78 blocked in I/O wait for more than 120 seconds.\n"
	 "[  363.100001] Call Trace:\n[  363.100002]  other+0x1/0x2\n"
	 "[  363.200000] Kernel panic - not syncing: hung_task: blocked tasks\n"
	 "[  363.200001] CPU: 1 PID: 30 Comm: khungtaskd\n[  363.200002] Call Trace:\n"
	 "[  363.200003]  watchdog+0x1/0x2\n",
	 "hung-task", "INFO: task kworker/u8:3:77 blocked for more than 120 seconds.",
	 "mine [mod]"},
	{"[   30.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [sh:99]\n"
	 "[   30.000001] Modules linked in: mod(OE)\n"
	 "[   30.000002] CPU: 1 UID: 0 PID: 99 Comm: sh Tainted: G OE 6.12 #1\n"
	 "[   30.000003] RIP: 0010:native_queued_spin_lock_slowpath+0x1/0x2\n"
	 "[   30.000004] Call Trace:\n[   30.000005]  <IRQ>\n"
	 "[   30.000006]  ? watchdog_timer_fn+0x1/0x2\n[   30.000007]  </IRQ>\n"
	 "[   30.000008]  <TASK>\n[   30.000009]  _raw_spin_lock+0x1/0x2\n"
	 "[   30.000010]  mine+0x1/0x2 [mod]\n[   30.000011]  </TASK>\n"
	 "[   30.000012] Kernel panic - not syncing: softlockup: hung tasks\n"
	 "[   30.000013] Call Trace:\n[   30.000014]  watchdog_timer_fn+0x1/0x2\n",
	 "soft-lockup", "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [sh:99]", "mine [mod]"},
	{"[   30.000000][    C1] watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3\n"
	 "[   30.000001][    C3] NMI backtrace for cpu 3\n"
	 "[   30.000002][    C3] CPU: 3 UID: 0 PID: 99 Comm: sh Not tainted 6.17 #1\n"
	 "[   30.000003][    C3] RIP: 0010:mine+0x1/0x2\n[   30.000004][    C3] Call Trace:\n"
	 "[   30.000005][    C3]  <NMI>\n[   30.000006][    C3]  nmi_cpu_backtrace+0x1/0x2\n"
	 "[   30.000007][    C3]  </NMI>\n[   30.000008][    C3]  <TASK>\n"
	 "[   30.000009][    C3]  caller+0x1/0x2\n[   30.000010][    C3]  </TASK>\n"
	 "[   30.000012][    C1] Kernel panic - not syncing: Hard LOCKUP\n",
	 "hard-lockup", "watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3", "mine, caller"},
	{"[    9.000000] mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be\n"
	 "[    9.000001] Kernel panic - not syncing: Fatal machine check\n"
	 "[    9.000002] Call Trace:\n[    9.000003]  wherever+0x1/0x2\n",
	 "mce", "Kernel panic - not syncing: Fatal machine check", ""},
	{"[    9.000000] WARNING: mm/slub.c:12 at mine+0x1/0x2, CPU#0: sh/1\n"
	 "[    9.000001] CPU: 0 UID: 0 PID: 1 Comm: sh Not tainted 6.19 #1\n"
	 "[    9.000002] RIP: 0010:mine+0x1/0x2\n[    9.000003] Call Trace:\n"
	 "[    9.000004]  caller+0x1/0x2\n"
	 "[    9.000005] Kernel panic - not syncing: kernel: panic_on_warn set ...\n"
	 "[    9.000006] Call Trace:\n[    9.000007]  __warn+0x1/0x2\n",
	 "panic", "WARNING: mm/slub.c:12 at mine+0x1/0x2, CPU#0: sh/1", "mine, caller"},
	/* In a timer: what was interrupted does not matter. */
	{"[    9.000000] Kernel panic - not syncing: in a timer\n[    9.000001] Call Trace:\n"
	 "[    9.000002]  <IRQ>\n[    9.000003]  panic+0x1/0x2\n[    9.000004]  mine+0x1/0x2\n"
	 "[    9.000005]  my_timer+0x1/0x2\n[    9.000006]  call_timer_fn+0x1/0x2\n"
	 "[    9.000007]  </IRQ>\n[    9.000008]  <TASK>\n"
	 "[    9.000009] RIP: 0010:default_idle+0x1/0x2\n[    9.000010]  idle+0x1/0x2\n",
	 "panic", "Kernel panic - not syncing: in a timer", "mine, my_timer"},
	/* 5.10 to 5.19: the interrupt that notices prints the stack, its own frames first. */
	{"[   60.000000] rcu: INFO: rcu_sched self-detected stall on CPU\n"
	 "[   60.000001] rcu: \t2-....: (14999 ticks this GP) idle=f0e/1/0x4 softirq=1/1 fqs=7\n"
	 "[   60.000002] NMI backtrace for cpu 2\n"
	 "[   60.000003] CPU: 2 PID: 1 Comm: modprobe Not tainted 5.15.0 #1\n"
	 "[   60.000004] Call Trace:\n[   60.000005]  <IRQ>\n"
	 "[   60.000006]  dump_stack_lvl+0x1/0x2\n[   60.000007]  nmi_cpu_backtrace+0x1/0x2\n"
	 "[   60.000008]  rcu_dump_cpu_stacks+0x1/0x2\n[   60.000009]  tick_sched_timer+0x1/0x2\n"
	 "[   60.000010]  </IRQ>\n[   60.000011]  asm_sysvec_apic_timer_interrupt+0x1/0x2\n"
	 "[   60.000012] RIP: 0010:mine+0x1/0x2 [mod]\n[   60.000013]  caller+0x1/0x2 [mod]\n"
	 "[   60.000014] Kernel panic - not syncing: RCU Stall\n",
	 "panic", "rcu: INFO: rcu_sched self-detected stall on CPU", "mine [mod], caller [mod]"},
	{"[   10.000000] UBSAN: array-index-out-of-bounds in drivers/foo/bar.c:123:45\n"
	 "[   10.000001] CPU: 1 PID: 33 Comm: x Not tainted 6.1.0 #1\n"
	 "[   10.000002] Call Trace:\n[   10.000003]  <TASK>\n"
	 "[   10.000004]  dump_stack_lvl+0x1/0x2\n[   10.000005]  ubsan_epilogue+0x1/0x2\n"
	 "[   10.000006]  __ubsan_handle_out_of_bounds+0x1/0x2\n[   10.000007]  mine+0x1/0x2\n"
	 "[   10.000008]  </TASK>\n"
	 "[   10.000009] Kernel panic - not syncing: UBSAN: panic_on_warn set ...\n",
	 "panic", "UBSAN: array-index-out-of-bounds in drivers/foo/bar.c:123:45", "mine"},
	{"[   10.000000] BUG: KASAN: slab-use-after-free in mine+0x9e/0x2e0 [mod]\n"
	 "[   10.000001] Call Trace:\n[   10.000002]  <TASK>\n"
	 "[   10.000003]  dump_stack_lvl+0x1/0x2\n[   10.000004]  kasan_report+0x1/0x2\n"
	 "[   10.000005]  mine+0x9e/0x2e0 [mod]\n[   10.000006]  </TASK>\n"
	 "[   10.000007] Allocated by task 1:\n[   10.000008]  kasan_save_stack+0x1/0x2\n"
	 "[   10.000009] Kernel panic - not syncing: kasan.fault=panic set ...\n",
	 "bug", "BUG: KASAN: slab-use-after-free in mine+0x9e/0x2e0 [mod]", "mine [mod]"},
	/* Another CPU is the one that failed; and an oops before has nothing to do with it. */
	{"[    1.000000] Oops: 0002 [#1] SMP\n[    1.000001] RIP: 0010:old+0x1/0x2\n"
	 "[    9.000000] Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast "
	 "exception handler\n[    9.000001] Call Trace:\n[    9.000002]  wherever+0x1/0x2\n",
	 "mce",
	 "Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler",
	 ""},
	{"[    9.000000] Uhhuh. NMI received for unknown reason 3d on CPU 0.\n"
	 "[    9.000001] Kernel panic - not syncing: NMI: Not continuing\n"
	 "[    9.000002] Call Trace:\n[    9.000003]  <TASK>\n[    9.000004]  wherever+0x1/0x2\n",
	 "panic", "Kernel panic - not syncing: NMI: Not continuing", ""},
	{"[    9.000000] Oops: Split lock detected\n[    9.000000] : 0000 [#1] SMP NOPTI\n"
	 "[    9.000001] RIP: 0010:mine+0x1/0x2\n",
	 "oops", "Oops: Split lock detected", "mine"},
	{"[    9.000000] CFI failure at mine+0x1/0x2 (target: it+0x0/0x1; expected type: 0xbe3a)\n"
	 "[    9.000001] Oops: invalid opcode: 0000 [#1] SMP NOPTI\n"
	 "[    9.000002] RIP: 0010:mine+0x1/0x2\n",
	 "oops", "CFI failure at mine+0x1/0x2 (target: it+0x0/0x1; expected type: 0xbe3a)", "mine"},
	/* khungtaskd says where it runs itself. */
	{"[    9.000000] INFO: task jbd2/sda1-8:345 blocked for more than 120 seconds.\n"
	 "[    9.000001] Call Trace:\n[    9.000002]  <TASK>\n[    9.000003]  mine+0x1/0x2\n"
	 "[    9.000004]  </TASK>\n[    9.000005] NMI backtrace for cpu 3\n"
	 "[    9.000006] CPU: 3 PID: 60 Comm: khungtaskd Not tainted 6.8.0 #1\n"
	 "[    9.000007] Kernel panic - not syncing: hung_task: blocked tasks\n",
	 "hung-task", "INFO: task jbd2/sda1-8:345 blocked for more than 120 seconds.", "mine"},
	/* The oops itself has left the log. */
	{"[    9.000000] Kernel panic - not syncing: Fatal exception in interrupt\n", "oops",
	 "Kernel panic - not syncing: Fatal exception in interrupt", ""},
	/* What a process wrote, quoting kernel messages, is none. */
	{"[    9.000000] myapp: Kernel panic - not syncing: joke\n"
	 "[    9.000001] myapp: BUG: kernel NULL pointer dereference\n",
	 "unknown", "", ""},
	{"", "unknown", "", ""},
};

/* The signature of kind and symbols alone, or of the same text: what a log's must be. */
static void assert_culprit(const struct triage *t, const char *culprit)
{
	struct triage made = {.kind = t->kind, .cpu = -1, .pid = -1};
	_free_ char *copy = strdup(culprit);
	char *rest = copy, *one;

	memcpy(made.panic, t->panic, sizeof(made.panic));
	while (*culprit && (one = strsep(&rest, ","))) {
		char text[200];
		char *module = strstr(one, " [");

		one += strspn(one, " ");
		if (module)
			*module++ = 0;
		(void)snprintf(text, sizeof(text), "%s+0x7/0x9%s%s", one, module ? " " : "",
			       module ? module : "");
		assert_true(triage_parse_frame(text, &made.frames[made.n_frames++]));
	}
	triage_sign(&made);
	assert_string_equal(t->signature, made.signature);
}

static void test_kinds(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		const struct triage t = triage_of(logs[i].log);

		print_message("%s: %s\n", logs[i].kind, t.panic);
		assert_string_equal(triage_kind_name(t.kind), logs[i].kind);
		assert_string_equal(t.panic, logs[i].panic);
		assert_culprit(&t, logs[i].culprit);
		if (!strcmp(logs[i].kind, "hung-task"))
			assert_int_equal(t.cpu, -1);
		if (strstr(logs[i].panic, "KASAN"))
			assert_int_equal(t.n_frames, 3);
	}
	assert_string_equal(triage_of(logs[7].log).comm, "kworker/u8:3");
	assert_int_equal(triage_of(logs[7].log).pid, 77);
	assert_int_equal(triage_of(logs[7].log).cpu, -1);
	assert_string_equal(triage_of(logs[7].log).taint, "GOE");
	assert_string_equal(triage_of(logs[8].log).modules[0], "mod(OE)");
	assert_int_equal(triage_of(logs[9].log).pid, 99);
}

static void test_text_without_numbers(void **state _unused_)
{
	static const char *const same[][2] = {
		{"kernel BUG at /build/a/fs/x.c:42!", "kernel BUG at /b/fs/x.c:4711!"},
		{"Oops: divide error", "divide error"},
		{"BUG: unable to handle page fault for address: ffffb1a3f325fc20",
		 "BUG: unable to handle page fault for address: ffff8881f325f000"},
		{"general protection fault, maybe for address 0x12",
		 "Oops: general protection fault, probably for non-canonical address 0xdead"},
		{"Kernel panic - not syncing: corrupted in: foo+0x1/0x2 [m]",
		 "Kernel panic - not syncing: corrupted in: foo+0x9/0xa [m]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		struct triage a = {.kind = TRIAGE_OOPS}, b = {.kind = TRIAGE_OOPS};

		(void)snprintf(a.panic, sizeof(a.panic), "%s", same[i][0]);
		(void)snprintf(b.panic, sizeof(b.panic), "%s", same[i][1]);
		triage_sign(&a);
		triage_sign(&b);
		assert_string_equal(a.signature, b.signature);
		b.kind = TRIAGE_BUG;
		triage_sign(&b);
		assert_string_not_equal(a.signature, b.signature);
	}
}

static void test_json(void **state _unused_)
{
	struct triage t = triage_of(OOPS("   44.012345", "", "8", "1a", "3", "731", "", ""));
	char json[TRIAGE_JSON_MAX];

	(void)snprintf(t.comm, sizeof(t.comm), "a\"b\\c");
	triage_json(&t, json);
	assert_non_null(
		strstr(json, "{\"version\": 1, \"kind\": \"oops\", \"panic\": \"BUG: kernel"));
	assert_non_null(strstr(json, "\"cpu\": 3, \"comm\": \"a\\\"b\\\\c\", \"pid\": 731, "
				     "\"taint\": \"GOE\", \"rip\": {\"symbol\": "
				     "\"crash_null.constprop.0\", \"offset\": 26, "
				     "\"module\": \"ukcrash\"}, \"trace\": [\"crash_null"));
	assert_non_null(strstr(json, "\"modules\": [\"ukcrash(OE+)\", \"other(PO)\", "
				     "\"third(O-)\"], \"uptime\": 44.012345}"));
	t = triage_of("");
	triage_json(&t, json);
	assert_string_equal(json, "{\"version\": 1, \"kind\": \"unknown\", \"panic\": null, "
				  "\"signature\": null, \"cpu\": null, \"comm\": null, "
				  "\"pid\": null, \"taint\": null, \"rip\": null, \"trace\": [], "
				  "\"modules\": [], \"uptime\": null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oops),  cmocka_unit_test(test_same_bug),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_text_without_numbers),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
