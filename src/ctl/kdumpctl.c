// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdumpctl's habits: see kdumpctl.h. What scripts look for, sentences on standard error among it,
 * is as in kdump-utils 1.0.61 (Fedora, RHEL).
 */
#include "ctl/kdumpctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crashkernel/size.h"
#include "ctl/loader.h"
#include "util/root.h"

/* kdumpctl has no 2 and no 4. */
#define KDUMPCTL_FAILED 1

static const struct habit {
	const char *name;
	const char *verb; /* ukdumpctl's; NULL: there is nothing to do */
	const char *does; /* for the help */
} habits[] = {
	{"start", "refresh", "arm unless armed; build the image if need be"},
	{"stop", "stop", "disarm"},
	{"status", "status", "is anything armed? (0 yes, 3 no)"},
	{"restart", "restart", "bring the image up to date, and arm it anew"},
	{"condrestart", NULL, "nothing; scripts of packages call it"},
	{"reload", "reload", "arm anew, build nothing"},
	{"rebuild", "rebuild", "build the image, arm nothing"},
	{"estimate", "estimate", "how much crash memory is needed"},
	{"showmem", "showmem", "how much is reserved"},
	{"propagate", "propagate", "an ssh key for the target, and the target's host key"},
	{"test", "test", "crash this machine, after a question"},
	{"reset-crashkernel", "reset-crashkernel", "write the distribution's crashkernel="},
	{"get-default-crashkernel", "get-default-crashkernel", "print that"},
};

bool called_as_kdumpctl(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	return argv0 && !strcmp(slash ? slash + 1 : argv0, "kdumpctl");
}

static void help(FILE *out)
{
	(void)fprintf(out, "Usage: kdumpctl VERB [OPTION]...\n\n"
			   "ukdumpctl, as those know it who are used to kdumpctl.\n\n"
			   "Verbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		(void)fprintf(out, "  %-23s %s\n", habits[i].name, habits[i].does);
	(void)fprintf(out, "\n'ukdumpctl --help' lists all verbs.\n"
			   "Exit: 0 done, 1 failed; status also 3 not armed.\n");
}

/* Does the kernel hold anything, ours or not? */
static bool something_is_armed(void)
{
	_buffer_ struct buffer facts = {0};
	struct ukd_error e;

	return loader_run("status", NULL, NULL, &facts, &e) == 0;
}

static int code_of(int code)
{
	return code == EXIT_USAGE ? KDUMPCTL_FAILED : code;
}

/* Verbs whose output scripts parse. */
static bool takes_none(const struct habit *h, int argc, char **argv)
{
	if (argc > 1)
		fprintf(stderr,
			"kdumpctl: %s '%s': it takes no argument; 'ukdumpctl %s' has options\n",
			h->name, argv[1], h->verb);
	return argc <= 1;
}

/* Scripts take the only number on both outputs for the size. */
static int showmem(void)
{
	_root_ struct root root = ROOT_NONE;
	struct crash_memory m;
	struct ukd_error e = {0};
	int r = root_open(NULL, &root, &e);

	if (r >= 0)
		r = crash_memory_read(&root, &m, &e);
	if (r < 0)
		return verb_failed(&e);
	fprintf(stderr, "kdump: Reserved %" PRIu64 "MB memory for crash kernel\n", m.total >> 20);
	return EXIT_DONE;
}

/* A kernel that does not say whether it holds an image cannot capture: not armed, as there. */
static int status(const struct verb *v, int argc, char **argv)
{
	int code = v->run(argc, argv);
	bool armed = code == EXIT_DONE || code == EXIT_ARMED_PROBLEMS;
	fputs(armed ? "kdump: Kdump is operational\n" : "kdump: Kdump is not operational\n",
	      stderr);
	return armed ? EXIT_DONE : EXIT_NOT_ARMED;
}

/* "kdump" is what there is; "fadump" is firmware's, on POWER. */
static int drop_dump_mode(int *argc, char **argv)
{
	if (*argc < 2 || argv[1][0] == '-')
		return 0;
	if (strcmp(argv[1], "kdump") != 0) {
		fprintf(stderr, "kdumpctl: '%s': there is no dump mode but kdump\n", argv[1]);
		return -1;
	}
	memmove(&argv[1], &argv[2], (size_t)(*argc - 1) * sizeof(*argv));
	(*argc)--;
	return 0;
}

/* Its word for "do not ask". */
static void translate_force(int argc, char **argv)
{
	static char yes[] = "--yes";

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--force"))
			argv[i] = yes;
}

/* argv[0]: for getopt(3) */
static int run(const struct verb *v, const struct habit *h, int argc, char **argv)
{
	if (!strcmp(h->name, "start") && argc == 1 && something_is_armed()) {
		fprintf(stderr, "kdump: Kdump already running\n");
		return EXIT_DONE;
	}
	if (!strcmp(h->name, "get-default-crashkernel") && drop_dump_mode(&argc, argv) < 0)
		return KDUMPCTL_FAILED;
	if (!strcmp(h->name, "test"))
		translate_force(argc, argv);
	if (!strcmp(h->name, "status"))
		return takes_none(h, argc, argv) ? status(v, argc, argv) : KDUMPCTL_FAILED;
	if (!strcmp(h->name, "showmem"))
		return takes_none(h, argc, argv) ? showmem() : KDUMPCTL_FAILED;
	return code_of(v->run(argc, argv));
}

static const struct habit *find_habit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		if (!strcmp(habits[i].name, name))
			return &habits[i];
	return NULL;
}

int kdumpctl(const struct verb *const *verbs, size_t n, int argc, char **argv)
{
	const struct habit *h = argc > 1 ? find_habit(argv[1]) : NULL;
	static char name[] = "kdumpctl";

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		help(stdout);
		return EXIT_DONE;
	}
	if (h && !h->verb)
		return EXIT_DONE;
	for (size_t i = 0; h && i < n; i++) {
		if (strcmp(h->verb, verbs[i]->name) != 0)
			continue;
		argv[1] = name;
		return run(verbs[i], h, argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "kdumpctl: no verb '%s'\n", argv[1]);
	help(stderr);
	return KDUMPCTL_FAILED;
}
