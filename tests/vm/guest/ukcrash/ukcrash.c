// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Crashes its own kernel, for tests in guests, when two words are written to the parameter "now":
 * panic, bug, null, soft or overflow, and process, softirq or timer; or "hang process", or
 * "flood process": a panic that with crash_kexec_post_notifiers leaves no trace in the kernel log.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/timer.h>

static char what[16];

static noinline void crash_panic(void)
{
	panic("ukcrash %d", 42);
}

static noinline void crash_bug(void)
{
	BUG();
}

static noinline void crash_null(int *nowhere)
{
	*nowhere = 1;
	barrier();
}

static noinline void crash_soft(void)
{
	for (;;)
		cpu_relax();
}

/* The compiler must neither flatten nor drop it. */
static noinline int crash_overflow(volatile int depth)
{
	volatile char use[512];

	use[0] = (char)depth;
	return crash_overflow(depth + 1) + use[0];
}

static noinline void crash_hang(void)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion(&never);
}

static int flood(struct notifier_block *unused, unsigned long event, void *message)
{
	for (int i = 0; i < 8000; i++)
		printk(KERN_DEBUG "ukcrash: %d %64s\n", i, "");
	return NOTIFY_DONE;
}
static struct notifier_block flood_block = {.notifier_call = flood};

static noinline void crash_flood(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &flood_block);
	panic("ukcrash %d", 42);
}

static noinline void crash(void)
{
	if (!strcmp(what, "panic"))
		crash_panic();
	else if (!strcmp(what, "bug"))
		crash_bug();
	else if (!strcmp(what, "null"))
		crash_null(NULL);
	else if (!strcmp(what, "soft"))
		crash_soft();
	else if (!strcmp(what, "overflow"))
		crash_overflow(0);
	else if (!strcmp(what, "hang"))
		crash_hang();
	else if (!strcmp(what, "flood"))
		crash_flood();
}

static void in_tasklet(struct tasklet_struct *unused)
{
	crash();
}
static DECLARE_TASKLET(tasklet, in_tasklet);

static void in_timer(struct timer_list *unused)
{
	crash();
}
static DEFINE_TIMER(timer, in_timer);

static int set_now(const char *value, const struct kernel_param *kp)
{
	char where[16];

	if (sscanf(value, "%15s %15s", what, where) != 2)
		return -EINVAL;
	if (!strcmp(where, "softirq"))
		tasklet_schedule(&tasklet);
	else if (!strcmp(where, "timer"))
		mod_timer(&timer, jiffies + 1);
	else
		crash();
	msleep(100000);
	return 0;
}
static const struct kernel_param_ops now_ops = {.set = set_now};
module_param_cb(now, &now_ops, NULL, 0200);

MODULE_DESCRIPTION("crashes its own kernel");
MODULE_LICENSE("GPL");
