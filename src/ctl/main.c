// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl: finds the verb and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "ctl/kdumpctl.h"
#include "util/self.h"

static const struct verb *const verbs[] = {
	&verb_status,
	&verb_check,
	&verb_build,
	&verb_seal,
	&verb_addon,
	&verb_luks,
	&verb_sign,
	&verb_attach,
	&verb_verify,
	&verb_inspect,
	&verb_start,
	&verb_stop,
	&verb_reload,
	&verb_restart,
	&verb_rebuild,
	&verb_refresh,
	&verb_list,
	&verb_info,
	&verb_dmesg,
	&verb_verify_dump,
	&verb_clean,
	&verb_report,
	&verb_rehearse,
	&verb_test,
	&verb_reserve,
	&verb_reset_crashkernel,
	&verb_estimate,
	&verb_showmem,
	&verb_get_default_crashkernel,
	&verb_import_config,
	&verb_propagate,
};

static int help(void)
{
	printf("Usage: ukdumpctl VERB [OPTION]...\n\n"
	       "Crash dumps from one signed file.\n\n"
	       "Verbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-23s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\n"
	       "  -h, --help     this text; 'ukdumpctl VERB --help' tells about a verb\n"
	       "      --version  the version\n\n"
	       "Exit: 0 done, 1 failed or refused, 2 usage; status also 3 not armed,\n"
	       "4 armed with problems.\n");
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static char name[64];

	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return help();
	if (!strcmp(argv[1], "--version")) {
		printf("ukdumpctl " UKDUMP_VERSION "\n");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i]->name) != 0)
			continue;
		/* what getopt(3) puts in front of its complaints */
		(void)snprintf(name, sizeof(name), "ukdumpctl: %s", verbs[i]->name);
		argv[1] = name;
		return verbs[i]->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "ukdumpctl: no verb '%s'\nTry 'ukdumpctl --help'.\n", argv[1]);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int r;

	standard_descriptors();
	/* Images can hold ssh keys and tokens: what we create is ours alone unless said otherwise. */
	(void)umask(077);
	if (called_as_kdumpctl(argv[0])) {
		r = kdumpctl(verbs, ARRAY_SIZE(verbs), argc, argv);
	} else if (argc < 2) {
		fprintf(stderr, "ukdumpctl: which verb?\nTry 'ukdumpctl --help'.\n");
		r = EXIT_USAGE;
	} else {
		r = run(argc, argv);
	}
	/* A full disk behind stdout must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("ukdumpctl: stdout");
		return EXIT_FAILED;
	}
	return r;
}
