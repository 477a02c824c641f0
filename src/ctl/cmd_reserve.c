// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl reserve, reset-crashkernel: crashkernel= where this machine's boot loader takes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crashkernel/machine.h"
#include "ctl/ctl.h"
#include "ctl/key/find_key.h"
#include "ctl/reserve/reserve.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char reserve_usage[] =
	"Usage: ukdumpctl reserve [OPTION]...\n\n"
	"Work out how much crash memory is needed ('ukdumpctl estimate' shows how) and\n"
	"write crashkernel= where the boot loader takes it: grubby; GRUB's drop-ins;\n"
	"/etc/kernel/cmdline and kernel-install; a signed addon where a UKI was booted.\n"
	"Elsewhere print the line to add. It counts from the next boot on.\n\n"
	"      --size N|auto       such as 256M; default: Size=, else as estimated\n"
	"      --high              above 4 GiB; the part below for DMA: Low=\n"
	"      --low               below 4 GiB where there is room, whatever High= says\n"
	"      --cma               what only programs need as CMA (Linux 6.17)\n"
	"      --dry-run           show what would be changed, change nothing\n"
	"      --undo              take out again what reserve has put in\n"
	"      --shrink            no boot loader: give back now what is too much; only\n"
	"                          while nothing is armed\n"
	"      --uki FILE          the addon for this UKI only, beside it\n"
	"      --key KEY --cert F  sign the addon with this key; default: as 'sign'\n"
	"      --root DIR          of the system in DIR instead of the running one\n"
	"      --json              facts as JSON\n"
	"  -h, --help              this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

static const char reset_usage[] =
	"Usage: ukdumpctl reset-crashkernel [--kernel ALL] [OPTION]...\n\n"
	"As 'ukdumpctl reserve', but with the distribution's default, which\n"
	"'ukdumpctl get-default-crashkernel' prints.\n\n"
	"      --kernel ALL  what is written counts for all kernels in any case\n"
	"      --dry-run     show what would be changed, change nothing\n"
	"      --root DIR    of the system in DIR instead of the running one\n"
	"      --json        facts as JSON\n"
	"  -h, --help        this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct options {
	const char *root;
	struct reserve_addon addon;
	uint64_t size; /* 0: not given */
	bool automatic, high, low, cma, dry_run, undo, shrink, json;
	bool reset; /* the distribution's default */
};

enum {
	OPT_SIZE = OPT_LONG,
	OPT_HIGH,
	OPT_LOW,
	OPT_CMA,
	OPT_DRY_RUN,
	OPT_UNDO,
	OPT_SHRINK,
	OPT_UKI,
	OPT_KEY,
	OPT_CERT,
	OPT_ROOT,
	OPT_JSON,
	OPT_KERNEL,
};

/* Options and the settings that stand in for them. */
static struct reserve_wish wish(const struct options *opt, const struct settings *s)
{
	struct reserve_wish w = {
		.size = opt->size,
		.high = opt->high || (s->reserve.high && !opt->low),
		.low = s->reserve.low,
		.cma = opt->cma || s->reserve.cma == MODE_YES,
	};

	if (!w.size && !opt->automatic)
		w.size = w.high && s->reserve.high ? s->reserve.high : s->reserve.size;
	return w;
}

/* CMA holds pages of programs, too, and the capture kernel takes it for its own. */
static int check_cma(const struct root *root, const struct settings *s, struct ukd_error *e)
{
	if (!crash_memory_has_cma(root))
		return ukd_refuse(
			e, "reserve.cma",
			"the running kernel does not know crashkernel=SIZE,cma, which came "
			"with Linux 6.17");
	if (!(s->dump.dump_level & 8))
		fprintf(stderr,
			"ukdumpctl: reserve: warning: pages of programs that lie in CMA will not be "
			"in dumps, though DumpLevel=%u asks for them\n",
			s->dump.dump_level);
	return 0;
}

static int choose_words(const struct root *root, const struct options *opt,
			const struct settings *settings, const struct reserve_state *state,
			char ret[RESERVE_WORDS_MAX], struct ukd_error *e)
{
	const struct reserve_wish w = wish(opt, settings);
	char have[FORMAT_SIZE_MAX], need[FORMAT_SIZE_MAX];
	int r = w.cma ? check_cma(root, settings, e) : 0;

	if (r >= 0)
		r = reserve_words(&w, &state->facts, &state->estimate, ret, e);
	if (r >= 0 && w.size && w.size < state->estimate.size)
		fprintf(stderr, "ukdumpctl: reserve: warning: %s are less than the estimated %s\n",
			format_size(w.size, have), format_size(state->estimate.size, need));
	return r;
}

static int plan_by(enum boot_method method, const struct root *root, const struct boot_facts *f,
		   const struct options *opt, const char *words, struct boot_plan *ret,
		   struct ukd_error *e)
{
	switch (method) {
	case BOOT_GRUBBY:
		return boot_plan_grubby(root, f, words, ret, e);
	case BOOT_GRUB:
		return boot_plan_grub(root, f, words, ret, e);
	case BOOT_KERNEL_INSTALL:
		return boot_plan_kernel_install(root, f, words, ret, e);
	case BOOT_ADDON:
		return reserve_addon_plan(root, f, &opt->addon, words, ret, e);
	default:
		return 0;
	}
}

/* Does the record hold what cannot be told from the file? */
static bool needs_record(enum boot_method m)
{
	return m == BOOT_GRUBBY || m == BOOT_KERNEL_INSTALL;
}

static int plan_undo(const struct root *root, enum boot_method method, const struct boot_facts *f,
		     const struct options *opt, const struct boot_record *record,
		     struct boot_plan *ret, struct ukd_error *e)
{
	if (needs_record(method) && record->method != method)
		return ukd_refuse(e, "reserve.undo",
				  "nothing to undo: 'ukdumpctl reserve' has not changed the %s of "
				  "this machine",
				  method == BOOT_GRUBBY ? "boot entries" : "kernel command line");
	return plan_by(method, root, f, opt, needs_record(method) ? record->before : "", ret, e);
}

static int make_plan(const struct root *root, const struct options *opt, enum boot_method method,
		     const char *words, const struct boot_facts *facts, struct boot_record *record,
		     struct boot_plan *ret, struct ukd_error *e)
{
	int r = boot_record_read(root, record, e);

	if (r < 0)
		return r;
	ret->changes = record->method == method && record->pending;
	return opt->undo ? plan_undo(root, method, facts, opt, record, ret, e) :
			   plan_by(method, root, facts, opt, words, ret, e);
}

static int apply_recorded(const struct root *root, const struct boot_plan *p,
			  const struct boot_record *old, bool undo, struct ukd_error *e)
{
	struct boot_record record = *old;
	int r;

	/* the first record stays: it has what was there originally */
	if (record.method != p->method) {
		record.method = p->method;
		(void)snprintf(record.before, sizeof(record.before), "%s",
			       p->replaced ? p->replaced : "");
	}
	record.pending = true;
	r = boot_record_write(root, &record, e);
	if (r >= 0)
		r = boot_apply(root, p, e);
	if (r < 0)
		return r;
	record.pending = false;
	return undo ? boot_record_remove(root, e) : boot_record_write(root, &record, e);
}

static int apply(const struct root *root, const struct options *opt, const struct boot_plan *p,
		 const struct boot_record *record, struct ukd_error *e)
{
	/* an addon is one file, which appears at once: it needs no record */
	if (p->method == BOOT_ADDON)
		return p->changes ? reserve_addon_apply(root, &opt->addon, p, e) : 0;
	if (p->changes)
		return apply_recorded(root, p, record, opt->undo, e);
	return opt->undo ? boot_record_remove(root, e) : 0;
}

static void find_effect(const struct root *root, struct reserve_result *r)
{
	_free_ char *line = NULL;
	struct crash_memory memory = {0};
	struct crashkernel wanted, now;
	struct ukd_error ignored;

	r->effect = EFFECT_UNKNOWN;
	if (boot_read_text(root, "/proc/cmdline", &line, &ignored) < 0 || !line)
		return;
	if (crash_memory_read(root, &memory, &ignored) >= 0)
		r->reserved = memory.total + memory.cma;
	crashkernel_find(line, &now);
	crashkernel_find(r->words, &wanted);
	r->effect = !r->undo && crashkernel_equal(&now, &wanted) ? EFFECT_NOW : EFFECT_REBOOT;
}

/* Nobody to write to: an answer to --dry-run, else a failure that says what to do. */
static int print_line(const struct options *opt, const char *words, const char *why)
{
	if (opt->json) {
		const struct boot_plan none = {0};
		const struct reserve_result r = {.plan = &none, .words = words, .dry_run = true};

		reserve_print_json(&r);
	} else {
		printf("%s\n", words);
	}
	fprintf(stderr,
		"ukdumpctl: %s: nothing was written; add the line above to the kernel command "
		"line: %s\n",
		opt->reset ? "reset-crashkernel" : "reserve", why);
	return opt->dry_run ? EXIT_DONE : EXIT_FAILED;
}

/* state NULL with --undo. */
static int change(const struct root *root, const struct options *opt, const char *words,
		  const struct reserve_state *state, struct ukd_error *e)
{
	_boot_plan_ struct boot_plan plan = {0};
	struct reserve_result result = {.plan = &plan, .words = words, .state = state};
	struct boot_record record = {0};
	struct boot_facts facts;
	enum boot_method method;
	int r;

	boot_facts_read(root, &facts);
	method = opt->addon.uki ? BOOT_ADDON : boot_choose(&facts, &result.why);
	if (opt->addon.uki)
		result.why = "the UKI was named";
	if (method == BOOT_NONE && opt->undo)
		return ukd_refuse(e, "reserve.undo", "nothing to undo: %s", result.why);
	if (method == BOOT_NONE)
		return print_line(opt, words, result.why);
	r = make_plan(root, opt, method, words, &facts, &record, &plan, e);
	if (r >= 0 && !opt->dry_run)
		r = apply(root, opt, &plan, &record, e);
	if (r < 0)
		return r;
	result.dry_run = opt->dry_run;
	result.undo = opt->undo;
	find_effect(root, &result);
	if (opt->json)
		reserve_print_json(&result);
	else
		reserve_print(&result);
	return EXIT_DONE;
}

/* Gives back what is too much of what is reserved now. */
static int shrink(const struct root *root, const struct options *opt,
		  const struct reserve_state *state, struct ukd_error *e)
{
	uint64_t want = opt->size ? opt->size : state->estimate.size;
	struct crash_memory m;
	int r = 0;

	if (want < state->facts.minimum)
		return ukd_refuse(e, "reserve.size",
				  "less than the image needs to be loaded; memory that was given "
				  "back is gone until the next boot");
	if (want < state->now.total)
		r = crash_memory_shrink(root, want, e);
	if (r >= 0)
		r = crash_memory_read(root, &m, e);
	if (r < 0)
		return r;
	if (opt->json) {
		struct json_object *o = json_object_checked();

		json_number(o, "schema", 1);
		json_number(o, "before_bytes", state->now.total);
		json_number(o, "reserved_bytes", m.total);
		json_print(o);
	} else {
		printf("Reserved %" PRIu64 "MB memory for crash kernel, before %" PRIu64 "MB\n",
		       m.total >> 20, state->now.total >> 20);
	}
	return EXIT_DONE;
}

static int reserve(const struct options *opt, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	_root_ struct root root = ROOT_NONE;
	char words[RESERVE_WORDS_MAX] = "";
	struct reserve_state state;
	int r = root_open(opt->root, &root, e);

	if (r < 0)
		return r;
	if (opt->undo)
		return change(&root, opt, "", NULL, e);
	if (opt->reset) {
		(void)snprintf(words, sizeof(words), "crashkernel=%s",
			       distribution_crashkernel(&root));
		return change(&root, opt, words, NULL, e);
	}
	r = settings_load(&root, NULL, &settings, e);
	if (r >= 0)
		r = reserve_state_read(&root, &settings, &state, e);
	if (r >= 0 && opt->shrink)
		return shrink(&root, opt, &state, e);
	if (r >= 0)
		r = choose_words(&root, opt, &settings, &state, words, e);
	return r < 0 ? r : change(&root, opt, words, wish(opt, &settings).size ? NULL : &state, e);
}

static bool take_size(struct options *opt, const char *arg)
{
	opt->automatic = !strcmp(arg, "auto");
	return opt->automatic || (parse_size(arg, &opt->size) && opt->size);
}

static void take_option(struct options *opt, int c)
{
	bool *const flags[] = {
		[OPT_HIGH - OPT_LONG] = &opt->high, [OPT_LOW - OPT_LONG] = &opt->low,
		[OPT_CMA - OPT_LONG] = &opt->cma,   [OPT_DRY_RUN - OPT_LONG] = &opt->dry_run,
		[OPT_UNDO - OPT_LONG] = &opt->undo, [OPT_SHRINK - OPT_LONG] = &opt->shrink,
		[OPT_JSON - OPT_LONG] = &opt->json,
	};
	const char **const texts[] = {
		[OPT_UKI - OPT_LONG] = &opt->addon.uki,
		[OPT_KEY - OPT_LONG] = &opt->addon.key,
		[OPT_CERT - OPT_LONG] = &opt->addon.cert,
		[OPT_ROOT - OPT_LONG] = &opt->root,
	};
	size_t i = (size_t)(c - OPT_LONG);

	if (i < ARRAY_SIZE(flags) && flags[i])
		*flags[i] = true;
	else if (i < ARRAY_SIZE(texts) && texts[i])
		*texts[i] = optarg;
}

static int check_options(const struct options *opt)
{
	const struct verb *v = &verb_reserve;

	if (opt->high && opt->low)
		return verb_misuse(v, "reserve: --high and --low exclude each other");
	if (!key_options_fit(opt->addon.key, opt->addon.cert))
		return verb_misuse(v, KEY_OPTIONS_MISUSE, "reserve");
	if (opt->undo && (opt->size || opt->automatic || opt->high || opt->low || opt->cma))
		return verb_misuse(v, "reserve: --undo takes no size");
	if (opt->shrink && (opt->undo || opt->dry_run || opt->high || opt->low || opt->cma ||
			    opt->addon.uki || opt->addon.key))
		return verb_misuse(v, "reserve: --shrink goes with --size, --root and --json only");
	return -1;
}

static int finish(const struct options *opt)
{
	struct ukd_error e = {0};
	int r = reserve(opt, &e);

	return r < 0 ? verb_failed(&e) : r;
}

static int run_reserve(int argc, char **argv)
{
	static const struct option options[] = {
		{"size", required_argument, NULL, OPT_SIZE},
		{"high", no_argument, NULL, OPT_HIGH},
		{"low", no_argument, NULL, OPT_LOW},
		{"cma", no_argument, NULL, OPT_CMA},
		{"dry-run", no_argument, NULL, OPT_DRY_RUN},
		{"undo", no_argument, NULL, OPT_UNDO},
		{"shrink", no_argument, NULL, OPT_SHRINK},
		{"uki", required_argument, NULL, OPT_UKI},
		{"key", required_argument, NULL, OPT_KEY},
		{"cert", required_argument, NULL, OPT_CERT},
		{"root", required_argument, NULL, OPT_ROOT},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_reserve);
		if (c == '?')
			return verb_misuse(&verb_reserve, NULL);
		if (c == OPT_SIZE && !take_size(&opt, optarg))
			return verb_misuse(&verb_reserve,
					   "reserve: '%s' is not a size such as 256M", optarg);
		take_option(&opt, c);
	}
	if (optind < argc)
		return verb_too_many(&verb_reserve, argv[optind]);
	r = check_options(&opt);
	return r >= 0 ? r : finish(&opt);
}

static int run_reset(int argc, char **argv)
{
	static const struct option options[] = {
		{"kernel", required_argument, NULL, OPT_KERNEL},
		{"dry-run", no_argument, NULL, OPT_DRY_RUN},
		{"root", required_argument, NULL, OPT_ROOT},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {.reset = true};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_reset_crashkernel);
		if (c == '?')
			return verb_misuse(&verb_reset_crashkernel, NULL);
		if (c == OPT_KERNEL && strcmp(optarg, "ALL") != 0)
			return verb_misuse(&verb_reset_crashkernel,
					   "reset-crashkernel: --kernel takes ALL only");
		take_option(&opt, c);
	}
	if (optind < argc)
		return verb_too_many(&verb_reset_crashkernel, argv[optind]);
	return finish(&opt);
}

const struct verb verb_reserve = {
	.name = "reserve",
	.summary = "reserve crash memory: crashkernel= for the next boot",
	.run = run_reserve,
	.usage = reserve_usage,
};

const struct verb verb_reset_crashkernel = {
	.name = "reset-crashkernel",
	.summary = "reserve what the distribution would",
	.run = run_reset,
	.usage = reset_usage,
};
