// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl status: is this machine armed, with what, and what is wrong with it. */
#include "ctl/status.h"

static const char usage[] =
	"Usage: ukdumpctl status [--json]\n\n"
	"Tell whether a capture image is armed, which one, who signed it, how much memory\n"
	"is reserved and needed, whether the targets can be reached (for 4 seconds), and\n"
	"every problem with what to do about it.\n\n"
	"      --json  facts as JSON (schema 1)\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 armed, 1 failed, 2 usage, 3 not armed, 4 armed with problems.\n";

static int status(bool json)
{
	_status_ struct status s = {0};
	_root_ struct root root = ROOT_NONE;
	struct ukd_error e = {0};

	if (root_open(NULL, &root, &e) < 0)
		return verb_failed(&e);
	status_collect(&root, &s);
	if (!s.known)
		return EXIT_FAILED;
	if (json)
		status_print_json(&s);
	else
		status_print(&s);
	if (!s.armed)
		return EXIT_NOT_ARMED;
	return findings_problems(&s.findings) ? EXIT_ARMED_PROBLEMS : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int r = verb_parse_simple(&verb_status, argc, argv, 0, &json);

	return r >= 0 ? r : status(json);
}

const struct verb verb_status = {
	.name = "status",
	.summary = "armed or not, with what, and what is wrong",
	.run = run,
	.usage = usage,
};
