// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl status: is this machine armed, with what, and what is wrong with it. */
#include "ctl/status/status.h"

static const char usage[] =
	"Usage: ukdumpctl status [--json | --metrics [FILE]]\n\n"
	"Tell whether a capture image is armed, which one, who signed it, how much memory\n"
	"is reserved and needed, whether the targets can be reached (for 4 seconds), and\n"
	"every problem with what to do about it.\n\n"
	"      --json     facts as JSON (schema 1)\n"
	"      --metrics  facts for Prometheus, on stdout or written to FILE at once, as\n"
	"                 the textfile collector of node_exporter wants it (*.prom)\n"
	"  -h, --help     this text\n\n"
	"Exit: 0 armed, 1 failed, 2 usage, 3 not armed, 4 armed with problems; with\n"
	"--metrics 0 written, 1 failed, 2 usage.\n";

struct options {
	bool json, metrics;
	const char *file; /* for metrics, or NULL */
};

static int exit_code(const struct status *s)
{
	if (!s->armed)
		return EXIT_NOT_ARMED;
	return findings_problems(&s->findings) ? EXIT_ARMED_PROBLEMS : EXIT_DONE;
}

static int status(const struct options *opt)
{
	_status_ struct status s = {0};
	_root_ struct root root = ROOT_NONE;
	struct ukd_error e = {0};

	if (root_open(NULL, &root, &e) < 0)
		return verb_failed(&e);
	status_collect(&root, &s);
	if (opt->metrics)
		return status_write_metrics(&s, opt->file, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
	if (!s.known)
		return EXIT_FAILED;
	if (opt->json)
		status_print_json(&s);
	else
		status_print(&s);
	return exit_code(&s);
}

static int run(int argc, char **argv)
{
	enum {
		OPT_JSON = OPT_LONG,
		OPT_METRICS
	};
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"metrics", no_argument, NULL, OPT_METRICS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_status);
		else if (c == OPT_JSON)
			opt.json = true;
		else if (c == OPT_METRICS)
			opt.metrics = true;
		else
			return verb_misuse(&verb_status, NULL);
	}
	if (opt.json && opt.metrics)
		return verb_misuse(&verb_status, "status: --json or --metrics, not both");
	if (opt.metrics && optind < argc)
		opt.file = argv[optind++];
	if (optind < argc)
		return verb_too_many(&verb_status, argv[optind]);
	return status(&opt);
}

const struct verb verb_status = {
	.name = "status",
	.summary = "armed or not, with what, and what is wrong",
	.run = run,
	.usage = usage,
};
