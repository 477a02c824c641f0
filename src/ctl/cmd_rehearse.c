// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl rehearse: a staged crash of the armed image in a virtual machine. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/rehearse/rehearse.h"
#include "util/parse.h"

static const char usage[] =
	"Usage: ukdumpctl rehearse [OPTION]... [IMAGE]\n\n"
	"Start a small virtual machine with the kernel of the image that is armed (or of\n"
	"IMAGE), arm the very file there with as much crash memory as this machine has,\n"
	"crash it, and look at the dump that it writes to a scratch disk, which has the\n"
	"target's UUID or label. Tells phases, peak memory, whether the dump opens, and\n"
	"what of this machine it does not prove. Needs QEMU and root, but no KVM.\n\n"
	"      --timeout SECONDS  limit of the virtual machine, 5 to 7200 (default 1800)\n"
	"      --root DIR         the machine in DIR instead of this one: its settings,\n"
	"                         trust and reservation\n"
	"      --json             facts as JSON (schema 1)\n"
	"  -h, --help             this text\n\n"
	"Exit: 0 a dump came out, 1 it did not, or nothing was rehearsed, 2 usage.\n";

#define TIMEOUT_DEFAULT 1800
#define TIMEOUT_MIN	5
#define TIMEOUT_MAX	7200
#define BAR_WIDTH	20

struct progress {
	bool bar;	      /* a terminal */
	enum guest_step told; /* without one: the last step of which there is a line */
	bool begun;
	char line[100]; /* what the guest said last */
};

static const char *const steps[GUEST_STEPS] = {
	[GUEST_BOOTS] = "the guest boots",   [GUEST_ARMS] = "the image is loaded",
	[GUEST_ARMED] = "armed and crashed", [GUEST_CAPTURES] = "the capture environment runs",
	[GUEST_ENDED] = "restarted",
};

static void show(void *ctx, enum guest_step step, const char *line, double seconds)
{
	struct progress *p = ctx;
	int filled = (int)step * BAR_WIDTH / (GUEST_STEPS - 1);

	if (line)
		(void)snprintf(p->line, sizeof(p->line), "%s", line);
	if (p->bar) {
		fprintf(stderr, "\r[%.*s%*s] %4.0f s  %.40s\033[K", filled, "####################",
			BAR_WIDTH - filled, "", seconds,
			step == GUEST_CAPTURES && p->line[0] ? p->line : steps[step]);
		(void)fflush(stderr);
	} else {
		if (!p->begun || p->told != step)
			fprintf(stderr, "%6.1f s  %s\n", seconds, steps[step]);
		if (line && step == GUEST_CAPTURES)
			fprintf(stderr, "%6.1f s  %s\n", seconds, line);
	}
	p->begun = true;
	p->told = step;
}

static void print_phases(const char *phases)
{
	while (*phases) {
		size_t n = strcspn(phases, " "), name = strcspn(phases, "=");

		printf("phase     %-10.*s %6.*s s\n", (int)name, phases, (int)(n - name - 1),
		       phases + name + 1);
		phases += n + strspn(phases + n, " ");
	}
}

static void print_dump(const struct rehearse *r)
{
	const struct rehearse_dump *d = &r->dump;
	char size[FORMAT_SIZE_MAX];

	if (!d->manifest)
		return;
	printf("dump      %s, %s, %s\n", d->state, format_size(d->bytes, size),
	       d->encrypted ? "encrypted: not opened here" :
	       d->verified  ? "every page read, the checksum is right" :
			      "not verified");
	if (d->memory_total) {
		printf("memory    %s at the most", format_size(d->memory_peak, size));
		printf(" of %s\n", format_size(d->memory_total, size));
	}
}

static void print_text(const struct rehearse *r)
{
	const struct rehearsal *record = &r->record;

	printf("result    %s\n", record->result);
	if (record->reason[0])
		printf("reason    %s\n", record->reason);
	printf("image     %s\n", record->path);
	printf("image id  %s\n", record->image);
	printf("kernel    %s\n", record->kernel);
	if (r->target.uri[0])
		printf("target    %s, %s\n", r->target.uri, r->target.fs);
	print_phases(record->phases);
	if (record->seconds[0])
		printf("crash     took %s s until the restart (%s)\n", record->seconds,
		       record->accelerator);
	print_dump(r);
	for (unsigned int i = 0; i < r->target.n_checks; i++)
		printf("checked   %s: %s%s\n", r->target.checks[i].name,
		       r->target.checks[i].bad ? "BAD, " : "", r->target.checks[i].text);
	for (unsigned int i = 0; i < r->target.left_out.n; i++)
		printf("left out  %s\n", r->target.left_out.v[i]);
	if (!strcmp(record->unproved, "?"))
		printf("unproved  the drivers of the target's disk, which is not here\n");
	else if (record->unproved[0])
		printf("unproved  drivers that the guest does not have: %s\n", record->unproved);
}

static struct json_object *checks_json(const struct rehearse_target *t)
{
	struct json_object *list = json_array_checked();

	for (unsigned int i = 0; i < t->n_checks; i++) {
		struct json_object *o = json_object_checked();

		json_text(o, "name", t->checks[i].name);
		json_flag(o, "ok", !t->checks[i].bad);
		json_text(o, "text", t->checks[i].text);
		json_append(list, o);
	}
	return list;
}

static void print_json(const struct rehearse *r)
{
	struct json_object *o = json_object_checked(), *dump = NULL;

	json_number(o, "schema", 1);
	rehearsal_json(o, &r->record);
	json_text_or_null(o, "target", r->target.uri);
	json_text_or_null(o, "file_system", r->target.fs);
	if (r->dump.manifest) {
		dump = json_object_checked();
		json_text(dump, "state", r->dump.state);
		json_number(dump, "bytes", r->dump.bytes);
		json_flag(dump, "encrypted", r->dump.encrypted);
		json_flag(dump, "verified", r->dump.verified);
		json_add(dump, "manifest", json_object_get(r->dump.manifest));
	}
	json_add(o, "dump", dump);
	json_add(o, "checks", checks_json(&r->target));
	json_add(o, "left_out", json_strings(&r->target.left_out));
	json_print(o);
}

struct options {
	const char *root;
	uint64_t timeout_s;
	bool json;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"timeout", required_argument, NULL, 't'},
		{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_rehearse);
		if (c == '?')
			return verb_misuse(&verb_rehearse, NULL);
		if (c == 'r')
			o->root = optarg;
		if (c == 't' && (!parse_u64(optarg, &o->timeout_s) || o->timeout_s < TIMEOUT_MIN ||
				 o->timeout_s > TIMEOUT_MAX))
			return verb_misuse(&verb_rehearse,
					   "rehearse: --timeout %s: seconds, %d to %d", optarg,
					   TIMEOUT_MIN, TIMEOUT_MAX);
		o->json |= c == 'j';
	}
	if (argc - optind > 1)
		return verb_too_many(&verb_rehearse, argv[optind + 1]);
	return -1;
}

static int run(int argc, char **argv)
{
	struct options o = {.timeout_s = TIMEOUT_DEFAULT};
	_root_ struct root root = ROOT_NONE;
	_cleanup_(rehearse_free) struct rehearse r = REHEARSE_NONE;
	struct progress progress = {.bar = isatty(STDERR_FILENO)};
	struct ukd_error e;
	int n = parse_options(argc, argv, &o);

	if (n >= 0)
		return n;
	if (root_open(o.root, &root, &e) < 0)
		return verb_failed(&e);
	r.root = &root;
	r.path = argv[optind];
	r.timeout_s = (unsigned int)o.timeout_s;
	r.progress = show;
	r.progress_ctx = &progress;
	n = rehearse_run(&r, &e);
	if (progress.begun && progress.bar)
		fprintf(stderr, "\r\033[K");
	if (n < 0)
		(void)verb_failed(&e);
	if (!r.record.result[0])
		return EXIT_FAILED;
	if (o.json) /* also of one that could not be kept */
		print_json(&r);
	else
		print_text(&r);
	return n < 0 || strcmp(r.record.result, REHEARSAL_OK) ? EXIT_FAILED : EXIT_DONE;
}

const struct verb verb_rehearse = {
	.name = "rehearse",
	.summary = "crash the armed image in a virtual machine",
	.run = run,
	.usage = usage,
};
