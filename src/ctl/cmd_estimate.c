// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl estimate, showmem, get-default-crashkernel: how much crash memory there is, and how
 * much is needed. Verbs of kdumpctl, whose first lines they print, so that scripts go on to work.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crashkernel/machine.h"
#include "ctl/ctl.h"
#include "ctl/reserve/reserve_facts.h"
#include "util/parse.h"

static const char estimate_usage[] =
	"Usage: ukdumpctl estimate [--root DIR] [--json]\n\n"
	"Tell how much crash memory is reserved and how much is needed, term by term:\n"
	"what 'ukdumpctl reserve' would reserve.\n\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"      --json      facts as JSON\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

static const char showmem_usage[] =
	"Usage: ukdumpctl showmem [--root DIR] [--json]\n\n"
	"Tell how much memory the running kernel has reserved for crashes.\n\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"      --json      facts as JSON\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

static const char default_usage[] =
	"Usage: ukdumpctl get-default-crashkernel [--root DIR] [--json]\n\n"
	"Print the crashkernel= that this distribution would set. 'reserve' reserves no\n"
	"less until a crash of this machine was captured and so measured.\n\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"      --json      facts as JSON\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

struct options {
	const char *root;
	bool json;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(const struct verb *v, int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(v);
		if (c == 'r')
			ret->root = optarg;
		else if (c == 'j')
			ret->json = true;
		else
			return verb_misuse(v, NULL);
	}
	if (optind < argc)
		return verb_too_many(v, argv[optind]);
	return -1;
}

static int read_state(const struct options *opt, struct reserve_state *ret, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	_root_ struct root root = ROOT_NONE;
	int r = root_open(opt->root, &root, e);

	if (r >= 0)
		r = settings_load(&root, NULL, &settings, e);
	return r < 0 ? r : reserve_state_read(&root, &settings, ret, e);
}

static void print_estimate(const struct reserve_state *s)
{
	const struct reserve_estimate *est = &s->estimate;
	char size[FORMAT_SIZE_MAX];

	printf("Reserved crashkernel:    %" PRIu64 "M\n", (s->now.total + s->now.cma) >> 20);
	printf("Recommended crashkernel: %" PRIu64 "M\n\n", est->size >> 20);
	if (s->image[0])
		printf("for        %s\n", s->image);
	else
		printf("for        no image yet: a typical initrd%s%s\n",
		       s->kernel[0] ? ", kernel " : " and kernel", s->kernel);
	for (unsigned int i = 0; i < est->n; i++)
		printf("%-9s %10s  %s\n", est->term[i].name, format_size(est->term[i].bytes, size),
		       est->term[i].why);
	printf("%-9s %10s\n", "sum", format_size(est->sum, size));
	if (s->facts.comfort)
		printf("%-9s %10s  is known to suffice for an image of this size\n", "image",
		       format_size(s->facts.comfort, size));
	printf("%-9s %10s  of the distribution (%s)\n", "default",
	       format_size(s->facts.default_size, size), s->distribution);
	printf("\nDecisive: %s\n", reserve_basis_name(est->basis));
	if (s->now.total + s->now.cma < est->size)
		printf("WARNING: less is reserved than recommended; see 'ukdumpctl reserve'.\n");
}

static void print_estimate_json(const struct reserve_state *s)
{
	static const char *const bases[] = {"terms", "image", "default"};
	struct json_object *o = json_object_checked(), *terms = json_array_checked();
	const struct reserve_estimate *est = &s->estimate;

	json_number(o, "schema", 1);
	json_number(o, "reserved_bytes", s->now.total + s->now.cma);
	json_number(o, "recommended_bytes", est->size);
	json_text(o, "basis", bases[est->basis]);
	json_text_or_null(o, "image", s->image);
	for (unsigned int i = 0; i < est->n; i++) {
		struct json_object *t = json_object_checked();

		json_text(t, "name", est->term[i].name);
		json_number(t, "bytes", est->term[i].bytes);
		json_text(t, "why", est->term[i].why);
		json_append(terms, t);
	}
	json_add(o, "terms", terms);
	json_number(o, "image_bytes", s->facts.comfort);
	json_number(o, "default_bytes", s->facts.default_size);
	json_text(o, "default", s->distribution);
	json_number(o, "measured_bytes", s->facts.peak);
	json_number(o, "memory_bytes", s->facts.memory);
	json_number(o, "cpus", s->facts.cpus);
	json_print(o);
}

static int run_estimate(int argc, char **argv)
{
	struct options opt = {0};
	struct reserve_state s;
	struct ukd_error e = {0};
	int r = parse_options(&verb_estimate, argc, argv, &opt);

	if (r >= 0)
		return r;
	if (read_state(&opt, &s, &e) < 0)
		return verb_failed(&e);
	if (opt.json)
		print_estimate_json(&s);
	else
		print_estimate(&s);
	return EXIT_DONE;
}

static void print_memory(const struct crash_memory *m)
{
	char size[FORMAT_SIZE_MAX];

	printf("Reserved %" PRIu64 "MB memory for crash kernel\n", m->total >> 20);
	if (m->usable && m->usable != m->total)
		printf("in one piece, for the image: %s\n", format_size(m->usable, size));
	if (m->cma)
		printf("and in CMA, for its programs: %s\n", format_size(m->cma, size));
}

static int run_showmem(int argc, char **argv)
{
	_root_ struct root root = ROOT_NONE;
	struct options opt = {0};
	struct crash_memory m;
	struct ukd_error e = {0};
	int r = parse_options(&verb_showmem, argc, argv, &opt);

	if (r >= 0)
		return r;
	r = root_open(opt.root, &root, &e);
	if (r >= 0)
		r = crash_memory_read(&root, &m, &e);
	if (r < 0)
		return verb_failed(&e);
	if (opt.json) {
		struct json_object *o = json_object_checked();

		json_number(o, "schema", 1);
		json_number(o, "reserved_bytes", m.total);
		if (m.usable)
			json_number(o, "usable_bytes", m.usable);
		else
			json_add(o, "usable_bytes", NULL);
		json_number(o, "cma_bytes", m.cma);
		json_print(o);
	} else {
		print_memory(&m);
	}
	return EXIT_DONE;
}

static int run_default(int argc, char **argv)
{
	_root_ struct root root = ROOT_NONE;
	struct options opt = {0};
	struct ukd_error e = {0};
	int r = parse_options(&verb_get_default_crashkernel, argc, argv, &opt);

	if (r >= 0)
		return r;
	if (root_open(opt.root, &root, &e) < 0)
		return verb_failed(&e);
	if (opt.json) {
		struct json_object *o = json_object_checked();

		json_number(o, "schema", 1);
		json_text(o, "default", distribution_crashkernel(&root));
		json_print(o);
	} else {
		printf("%s\n", distribution_crashkernel(&root));
	}
	return EXIT_DONE;
}

const struct verb verb_estimate = {
	.name = "estimate",
	.summary = "how much crash memory is needed, term by term",
	.run = run_estimate,
	.usage = estimate_usage,
};

const struct verb verb_showmem = {
	.name = "showmem",
	.summary = "how much crash memory is reserved",
	.run = run_showmem,
	.usage = showmem_usage,
};

const struct verb verb_get_default_crashkernel = {
	.name = "get-default-crashkernel",
	.summary = "the crashkernel= of this distribution",
	.run = run_default,
	.usage = default_usage,
};
