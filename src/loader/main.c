// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdump-load: the one program that arms and disarms. Small, so that it can be read whole. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/load.h"
#include "util/log.h"
#include "util/self.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_ARMED = 3,
};

static const char usage[] =
	"Usage: ukdump-load load [--profile N|ID] IMAGE | unload | status\n\n"
	"Arm a capture image for the next crash, disarm, or tell what is armed. The image\n"
	"must be a UKI whose signature verifies against /etc/ukdump/trust.d, the UEFI\n"
	"variable db or the MOK list. A sealed one is loaded whole; of a plain one, which\n"
	"is loaded in parts, the kernel verifies only .linux. Facts are printed as\n"
	"key=value.\n\n"
	"      --profile N|ID  which profile of a plain UKI; default: 0\n"
	"      --root DIR      look for /proc, /sys, /etc, /var, /run in DIR (for tests)\n"
	"  -h, --help          this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage, 3 not armed (status).\n";

static int misuse(const char *what)
{
	fprintf(stderr, "ukdump-load: %s\nTry 'ukdump-load --help'.\n", what);
	return EXIT_USAGE;
}

static int failed(const struct ukd_error *e)
{
	log_failure(e);
	return EXIT_FAILED;
}

static int status(const struct root *root)
{
	struct ukd_error e = {0};
	int r = print_status(root, &e);

	if (r < 0)
		return failed(&e);
	return r ? EXIT_DONE : EXIT_NOT_ARMED;
}

/* image NULL: disarm */
static int change(const struct root *root, const char *image, const char *profile)
{
	struct ukd_error e = {0};
	int r;

	if (geteuid() != 0)
		return failed((ukd_fail(&e, -1, "only root may arm or disarm; try 'sudo'"), &e));
	r = image ? load_image(root, image, profile, &e) : unload_image(root, &e);
	if (r < 0)
		return failed(&e);
	return status(root) == EXIT_FAILED ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"profile", required_argument, NULL, 'p'},
		{"root", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	_root_ struct root root = ROOT_NONE;
	const char *dir = NULL, *profile = NULL, *verb;
	struct ukd_error e = {0};
	int c;

	standard_descriptors();
	(void)umask(077);
	log_setup("ukdump-load", LOG_LEVEL_INFO, false);
	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h') {
			printf("%s", usage);
			return EXIT_DONE;
		}
		if (c != 'r' && c != 'p')
			return misuse("unknown option");
		*(c == 'r' ? &dir : &profile) = optarg;
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return misuse("load, unload or status?");
	verb = argv[0];
	if (profile && strcmp(verb, "load") != 0)
		return misuse("--profile belongs to load");
	if (root_open(dir, &root, &e) < 0)
		return failed(&e);
	if (!strcmp(verb, "load") && argc == 2)
		return change(&root, argv[1], profile);
	if (!strcmp(verb, "unload") && argc == 1)
		return change(&root, NULL, NULL);
	if (!strcmp(verb, "status") && argc == 1)
		return status(&root);
	return misuse(strcmp(verb, "load") ? "load IMAGE, unload or status" :
					     "load needs exactly one image");
}
