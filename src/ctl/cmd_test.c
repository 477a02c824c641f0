// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl test: crashes this machine on purpose. What came of it is found out at the next boot
 * (test_result.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "crashkernel/size.h"
#include "ctl/loader.h"
#include "ctl/report/proof.h"
#include "ctl/dumps/result.h"
#include "ctl/image/target_check.h"
#include "ctl/report/test_result.h"
#include "util/cleanup.h"
#include "util/process.h"

static const char usage[] =
	"Usage: ukdumpctl test [--yes] [--root DIR] [--history] [--json]\n\n"
	"Crash this machine on purpose, to see that a dump comes out. Tells what will\n"
	"happen, asks for the host's name, writes a mark into the kernel log and panics.\n"
	"Nothing is shut down: disks are synced, and all that runs is lost. The next boot\n"
	"('ukdumpctl report --boot', by ukdump-report.service) tells whether the dump of\n"
	"this very crash came out, and how long it took.\n\n"
	"      --yes       do not ask; crash also if disks are not synced in 120 s\n"
	"      --history   crash nothing: list past tests and rehearsals\n"
	"      --root DIR  the machine in DIR instead of this one, as a test does\n"
	"      --json      the history, or what will happen, as JSON (schema 1)\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 history listed (after a crash nothing is returned), 1 refused or failed,\n"
	"2 usage.\n";

#define TRIGGER	 "/proc/sysrq-trigger"
#define KMSG	 "/dev/kmsg"
#define BOOT_ID	 "/proc/sys/kernel/random/boot_id"
#define WHO_S	 5
#define SYNC_S	 120
#define SEEN_MAX 1000 /* lines of the kernel log behind the mark */

struct options {
	const char *root;
	bool yes, history, json;
};

struct test {
	const struct root *root;
	struct crash_test record;
	struct targets targets;
	struct rehearsal rehearsal; /* result empty: there was none of this image */
	char *users;		    /* what who(1) prints, or NULL */
};

static void test_free(struct test *t)
{
	targets_free(&t->targets);
	free(t->users);
}

static int read_armed(struct test *t, struct ukd_error *e)
{
	struct armed_record armed;
	bool loaded;
	int r = crash_image_loaded(t->root, &loaded, e);

	if (r < 0)
		return r;
	if (!loaded)
		return ukd_refuse(e, "test.armed",
				  "nothing is armed, a crash would be lost: run 'ukdumpctl start'");
	if (armed_record_read(t->root, &armed, e) < 0)
		return ukd_refuse(e, "test.armed",
				  "what is armed was not armed by ukdump: run 'ukdumpctl start'");
	(void)snprintf(t->record.path, sizeof(t->record.path), "%s", armed.path);
	(void)snprintf(t->record.image, sizeof(t->record.image), "%s", armed.image);
	(void)snprintf(t->record.kernel, sizeof(t->record.kernel), "%s", armed.kernel);
	return 0;
}

static int read_boot_id(struct test *t, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = root_read(t->root, BOOT_ID, 128, &b, e);

	if (r >= 0)
		(void)snprintf(t->record.boot, sizeof(t->record.boot), "%.*s",
			       (int)strcspn((const char *)b.data, "\n"), (const char *)b.data);
	return r;
}

/* Whom it would hit; only a help, so without who(1) nothing is told. */
static void read_users(struct test *t)
{
	static const char *const argv[] = {"who", NULL};
	struct buffer b = {0};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &b, .output_max = KIB(4)};
	struct ukd_error ignored;

	p.timeout_s = WHO_S;
	if (process_run_ok(&p, &ignored) < 0)
		buffer_free(&b);
	t->users = (char *)b.data;
}

static int prepare(struct test *t, struct ukd_error *e)
{
	struct ukd_error ignored;
	uint64_t id;
	int r = read_armed(t, e);

	if (r < 0)
		return r;
	if (!root_exists(t->root, TRIGGER))
		return ukd_refuse(e, "test.sysrq",
				  "there is no " TRIGGER ": this kernel was built without "
				  "CONFIG_MAGIC_SYSRQ");
	if (targets_check(t->root, &t->targets, e) < 0)
		return e->code;
	if (rehearsal_read(t->root, &t->rehearsal, &ignored) < 0 ||
	    strcmp(t->rehearsal.image, t->record.image) != 0)
		t->rehearsal = (struct rehearsal){0};
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return ukd_fail_errno(e, -errno, "getrandom");
	(void)snprintf(t->record.id, sizeof(t->record.id), "%016" PRIx64, id);
	time_text_now(t->record.time);
	read_users(t);
	return read_boot_id(t, e);
}

/* Each line of what who(1) says, in front of which stands name. */
static void print_lines(const char *name, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (*line)
			printf("%-10s%s\n", name, text_clean(line));
}

static void print_text(const struct test *t)
{
	_free_ char *users = t->users ? strdup(t->users) : NULL;
	const struct rehearsal *r = &t->rehearsal;

	printf("This machine will crash now, and restart when its memory is saved.\n");
	printf("image     %s\n", t->record.path);
	printf("kernel    %s\n", t->record.kernel);
	for (unsigned int i = 0; i < t->targets.n; i++)
		printf("target    %s%s%s\n", t->targets.v[i].uri,
		       t->targets.v[i].problem[0] ? ": " : "", t->targets.v[i].problem);
	if (r->seconds[0])
		printf("time      %s s in the rehearsal of %s (%s), and then the boot\n",
		       r->seconds, r->time, r->result);
	else
		printf("time      not known: the image was never rehearsed ('ukdumpctl "
		       "rehearse')\n");
	if (users && *users)
		print_lines("user", users);
	else
		printf("user      %s\n", users ? "nobody is logged in" : "unknown");
	printf("id        %s\n", t->record.id);
}

static void print_json(const struct test *t)
{
	struct json_object *o = json_object_checked(), *list = json_array_checked();

	json_number(o, "schema", 1);
	json_text(o, "id", t->record.id);
	json_text(o, "time", t->record.time);
	json_text(o, "image", t->record.image);
	json_text(o, "path", t->record.path);
	json_text(o, "kernel", t->record.kernel);
	for (unsigned int i = 0; i < t->targets.n; i++) {
		struct json_object *target = json_object_checked();
		const char *problem = t->targets.v[i].problem;

		json_text(target, "uri", t->targets.v[i].uri);
		json_text(target, "problem", *problem ? problem : NULL);
		json_append(list, target);
	}
	json_add(o, "targets", list);
	json_print(o);
}

static int confirm(struct ukd_error *e)
{
	char host[256] = "", answer[256];

	if (!isatty(STDIN_FILENO))
		return ukd_refuse(e, "test.confirm",
				  "nobody is there to confirm it: say --yes, or call it at a "
				  "terminal");
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		return ukd_fail_errno(e, -errno, "gethostname");
	fprintf(stderr, "To crash it, type the name of this host (%s): ", host);
	if (!fgets(answer, sizeof(answer), stdin))
		answer[0] = 0;
	answer[strcspn(answer, "\n")] = 0;
	return strcmp(answer, host) ? ukd_refuse(e, "test.confirm",
						 "that is not the name of this host: nothing "
						 "was done") :
				      0;
}

/*
 * A program, since sync(2) may wait for ever for the server of a network file system, and nothing
 * ends that. Local disks are being written to meanwhile, but whether all was is not known.
 */
static int sync_disks(bool yes, struct ukd_error *e)
{
	static const char *const argv[] = {"sync", NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv};
	int r;

	p.timeout_s = SYNC_S;
	r = process_run_ok(&p, e);
	if (r >= 0)
		return 0;
	if (!yes)
		return ukd_refuse(e, "test.sync",
				  "the disks cannot be synced, so that data of other programs may "
				  "be lost (%.200s): unmount what does not answer, or say --yes",
				  e->text);
	fprintf(stderr,
		"ukdumpctl: warning: the disks cannot be synced, crashing all the same: %s\n",
		e->text);
	*e = (struct ukd_error){0};
	return 0;
}

/* Is the mark in what was logged behind the position of fd? */
static bool is_logged(int fd, const char *mark)
{
	char record[8192];

	for (unsigned int i = 0; i < SEEN_MAX; i++) {
		ssize_t n = read(fd, record, sizeof(record) - 1);

		if (n < 0 && errno == EPIPE) /* overwritten meanwhile */
			continue;
		if (n <= 0)
			return false;
		record[n] = 0;
		if (strstr(record, mark))
			return true;
	}
	return false;
}

/* printk.devkmsg=off: it cannot be opened for writing. Whatever happens, the log is asked. */
static int write_mark(const struct test *t, struct ukd_error *e)
{
	_close_ int in = root_openat(t->root, KMSG, O_RDONLY | O_NONBLOCK);
	_close_ int out = root_openat(t->root, KMSG, O_WRONLY | O_APPEND);
	char line[64], *mark = line + strlen("<4>");
	int r;

	if (in < 0 || (out < 0 && out != -EPERM))
		return ukd_fail_errno(e, in < 0 ? in : out, KMSG);
	(void)lseek(in, 0, SEEK_END);
	/* Without the newline the record stays open for a continuation, and nobody can read it. */
	(void)snprintf(line, sizeof(line), "<4>" TEST_MARK "%s\n", t->record.id);
	r = out < 0 ? out : fd_write_full(out, line, strlen(line));
	mark[strcspn(mark, "\n")] = 0;
	if (r < 0 && r != -EPERM)
		return ukd_fail_errno(e, r, KMSG);
	if (r < 0 || !is_logged(in, mark))
		return ukd_refuse(e, "test.mark",
				  "the kernel does not log what is written to " KMSG
				  ": set kernel.printk_devkmsg=on");
	return 0;
}

static int trigger(const struct test *t, struct ukd_error *e)
{
	_close_ int fd = root_openat(t->root, TRIGGER, O_WRONLY);
	int r = fd < 0 ? fd : 0;

	if (r >= 0)
		r = fd_write_full(fd, "c", 1);
	return r < 0 ? ukd_fail_errno(e, r, TRIGGER) :
		       ukd_fail(e, -EIO, "the kernel did not crash");
}

/* Returns only if there was no crash. */
static int crash(const struct test *t, struct ukd_error *e)
{
	struct ukd_error ignored;
	int r = write_mark(t, e);

	if (r >= 0)
		r = crash_test_write(t->root, &t->record, e);
	if (r < 0)
		return r;
	(void)fflush(NULL);
	r = trigger(t, e);
	if (crash_test_remove(t->root, &ignored) < 0)
		(void)ukd_prefix(e, "%.200s", ignored.text);
	return r;
}

static int run_test(const struct root *root, const struct options *o)
{
	_cleanup_(test_free) struct test t = {.root = root};
	struct ukd_error e;
	int r = prepare(&t, &e);

	if (r >= 0 && o->json)
		print_json(&t);
	else if (r >= 0)
		print_text(&t);
	(void)fflush(stdout);
	if (r >= 0 && !o->yes)
		r = confirm(&e);
	if (r >= 0)
		r = sync_disks(o->yes, &e); /* before the mark: a refusal leaves nothing */
	if (r >= 0)
		r = crash(&t, &e);
	return verb_failed(&e);
}

static int list_history(const struct root *root, bool json)
{
	_json_ struct json_object *list = NULL;
	struct ukd_error e;

	if (proof_history_read(root, NULL, &list, &e) < 0)
		return verb_failed(&e);
	if (json) {
		struct json_object *o = json_object_checked();

		json_number(o, "schema", 1);
		json_add(o, "history", json_object_get(list));
		json_print(o);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		char line[PROOF_LINE_MAX];

		printf("%s\n", proof_sentence(json_object_array_get_idx(list, i), line));
	}
	if (!json_object_array_length(list))
		printf("no test and no rehearsal is known of\n");
	return EXIT_DONE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"yes", no_argument, NULL, 'y'},	{"history", no_argument, NULL, 'H'},
		{"root", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},	{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_test);
		if (c == '?')
			return verb_misuse(&verb_test, NULL);
		if (c == 'r')
			o->root = optarg;
		o->yes |= c == 'y';
		o->history |= c == 'H';
		o->json |= c == 'j';
	}
	if (optind < argc)
		return verb_too_many(&verb_test, argv[optind]);
	if (o->yes && o->history)
		return verb_misuse(&verb_test, "test: one of --yes and --history");
	return -1;
}

static int run(int argc, char **argv)
{
	_root_ struct root root = ROOT_NONE;
	struct options o = {0};
	struct ukd_error e;
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	if (root_open(o.root, &root, &e) < 0)
		return verb_failed(&e);
	return o.history ? list_history(&root, o.json) : run_test(&root, &o);
}

const struct verb verb_test = {
	.name = "test",
	.summary = "crash this machine on purpose",
	.run = run,
	.usage = usage,
};
