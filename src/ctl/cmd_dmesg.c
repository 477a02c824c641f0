// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl dmesg: the kernel log of a dump. */
#include <stdio.h>
#include <string.h>

#include "ctl/dumps/dump_path.h"
#include "ctl/dumps/info.h"
#include "util/cleanup.h"

static int show(const struct info_options *o)
{
	_cleanup_(info_free) struct info i = {.fd = -1};
	struct ukd_error e;

	if (info_open(&i, o, &e) < 0)
		return verb_failed(&e);
	if (i.log.len) {
		for (char *rest = (char *)i.log.data, *line; rest && *rest;) {
			line = strsep(&rest, "\n");
			printf("%s\n", text_clean(line));
		}
		return EXIT_DONE;
	}
	fprintf(stderr, "ukdumpctl: %s: %s\n", o->path,
		i.log_error.code ? i.log_error.text :
		i.encrypted	 ? "encrypted, needs --identity" :
				   "no kernel log");
	return EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{"identity", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct info_options o = {0};
	char path[PATH_MAX];
	struct ukd_error e;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_dmesg);
		if (c == '?')
			return verb_misuse(&verb_dmesg, NULL);
		o.identity = optarg;
	}
	if (argc - optind != 1)
		return verb_misuse(&verb_dmesg, "dmesg takes one dump, as 'list' shows it");
	if (dump_path(argv[optind], path, &e) < 0)
		return verb_failed(&e);
	o.path = path;
	return show(&o);
}

const struct verb verb_dmesg = {
	.name = "dmesg",
	.summary = "the kernel log of a dump",
	.run = run,
	.usage = "Usage: ukdumpctl dmesg [--identity FILE] DUMP\n\n"
		 "Print the kernel log of a dump: a vmcore, the directory of a crash, or its name\n"
		 "as 'list' shows it.\n\n"
		 "      --identity FILE  open an encrypted one with this age identity or SSH key\n"
		 "  -h, --help           this text\n\n"
		 "Exit: 0 done, 1 no log, 2 usage.\n",
};
