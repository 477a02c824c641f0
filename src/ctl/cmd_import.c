// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl import-config: what another kdump integration was told, as a drop-in of ukdump.conf. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "migrate/migrate.h"
#include "util/cleanup.h"
#include "util/root.h"

#define DROP_INS "/etc/ukdump/ukdump.conf.d"
#define DROP_IN	 DROP_INS "/50-imported.conf"

static const char usage[] =
	"Usage: ukdumpctl import-config [OPTION]... [FILE]...\n\n"
	"Read the settings of another kdump integration and write those of ukdump.\n"
	"Every option that is set is translated, or named as not carried over, with the\n"
	"reason. Files are parsed, never executed. Without FILE: those of this machine.\n\n"
	"      --from fedora|debian|suse  whose settings; default: whose files are there\n"
	"      --root DIR  of the system in DIR instead of the running one\n"
	"      --dry-run   print the settings, write nothing\n"
	"      --force     replace the file if it is there\n"
	"      --json      facts as JSON\n"
	"  -o FILE         default: /etc/ukdump/ukdump.conf.d/50-imported.conf\n"
	"  -h, --help      this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct options {
	const char *from, *root, *out;
	bool dry_run, force, json;
};

/* Where the settings are. */
static const struct source {
	enum import_dialect dialect;
	const char *path;
	enum import_grammar grammar;
} sources[] = {
	{IMPORT_FEDORA, "/etc/kdump.conf", IMPORT_KDUMP_CONF},
	{IMPORT_FEDORA, "/etc/sysconfig/kdump", IMPORT_SHELL},
	{IMPORT_DEBIAN, "/etc/default/kdump-tools", IMPORT_SHELL},
	{IMPORT_SUSE, "/etc/sysconfig/kdump", IMPORT_SHELL},
};

/* Fedora's hooks beside those that its file names. */
static const char *const hook_dirs[] = {"pre.d", "post.d", "emergency.d"};

static bool find_dialect(const char *name, enum import_dialect *ret)
{
	for (size_t i = 0; i < IMPORT_DIALECTS; i++) {
		if (strcmp(import_dialect_names[i], name) != 0)
			continue;
		*ret = (enum import_dialect)i;
		return true;
	}
	return false;
}

/* By the files that are there: sysconfig/kdump alone is SUSE's. */
static int guess_dialect(const struct root *root, enum import_dialect *ret, struct ukd_error *e)
{
	bool fedora = root_exists(root, "/etc/kdump.conf");
	bool debian = root_exists(root, "/etc/default/kdump-tools");

	if (fedora && debian)
		return ukd_fail(
			e, -EEXIST,
			"there are both /etc/kdump.conf and /etc/default/kdump-tools; which "
			"one counts? --from fedora or --from debian");
	if (!fedora && !debian && !root_exists(root, "/etc/sysconfig/kdump"))
		return ukd_fail(e, -ENOENT,
				"nothing to import: %s has no /etc/kdump.conf, no "
				"/etc/default/kdump-tools and no /etc/sysconfig/kdump",
				root->path[0] ? root->path : "this machine");
	*ret = fedora ? IMPORT_FEDORA : debian ? IMPORT_DEBIAN : IMPORT_SUSE;
	return 0;
}

/* A file that was named: kdump.conf has a grammar of its own, whatever it is called exactly. */
static int read_named(struct import *im, const char *path, struct ukd_error *e)
{
	const char *dot = strrchr(path, '.');
	bool conf = im->dialect == IMPORT_FEDORA && dot && !strcmp(dot, ".conf");
	_buffer_ struct buffer text = {0};
	int r = file_read(AT_FDCWD, path, CONF_FILE_MAX, &text, e);

	return r < 0 ? r :
		       import_read(im, conf ? IMPORT_KDUMP_CONF : IMPORT_SHELL, buffer_bytes(&text),
				   path, e);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_hooks(struct import *im, const struct root *root, const char *kind,
		     struct ukd_error *e)
{
	char dir[64], path[PATH_MAX];
	struct dirent **names;
	_close_ int fd = -1;
	int n, r = 0;

	(void)snprintf(dir, sizeof(dir), "/etc/kdump/%s", kind);
	fd = root_openat(root, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return 0;
	n = scandirat(fd, ".", &names, NULL, by_name);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s%s", root->path, dir);
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (r >= 0 && fstatat(fd, names[i]->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mode & 0111) {
			(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			r = import_add_hook(im, kind, path, e);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

static int read_usual(struct import *im, const struct root *root, struct ukd_error *e)
{
	unsigned int found = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(sources); i++) {
		_buffer_ struct buffer text = {0};

		if (sources[i].dialect != im->dialect || !root_exists(root, sources[i].path))
			continue;
		found++;
		r = root_read(root, sources[i].path, CONF_FILE_MAX, &text, e);
		if (r >= 0)
			r = import_read(im, sources[i].grammar, buffer_bytes(&text),
					sources[i].path, e);
	}
	for (size_t i = 0; r >= 0 && im->dialect == IMPORT_FEDORA && i < ARRAY_SIZE(hook_dirs); i++)
		r = add_hooks(im, root, hook_dirs[i], e);
	if (r >= 0 && !found)
		return ukd_fail(e, -ENOENT, "%s has no settings of %s",
				root->path[0] ? root->path : "this machine",
				import_dialect_names[im->dialect]);
	return r;
}

static int read_all(struct import *im, const struct root *root, const struct options *opt,
		    char *const *files, struct ukd_error *e)
{
	int r = 0;

	if (!opt->from)
		r = guess_dialect(root, &im->dialect, e);
	else if (!find_dialect(opt->from, &im->dialect))
		r = -EINVAL; /* was checked */
	if (r >= 0 && !*files)
		r = read_usual(im, root, e);
	for (; r >= 0 && *files; files++)
		r = read_named(im, *files, e);
	return r < 0 ? r : import_translate(im, e);
}

/* Never in the place of something that somebody may have changed. */
static int write_out(const struct root *root, const struct options *opt, const char *text,
		     struct ukd_error *e)
{
	int dirfd = opt->out ? AT_FDCWD : root->fd;
	const char *path = opt->out ? opt->out : &DROP_IN[1];
	const char *shown = opt->out ? "" : root->path, *slash = opt->out ? "" : "/";
	struct stat st;
	int r = 0;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!opt->force || !S_ISREG(st.st_mode)))
		return ukd_fail(e, -EEXIST, "%s%s%s is there already%s", shown, slash, path,
				S_ISREG(st.st_mode) ? "; --force replaces it" : ", and is no file");
	if (!opt->out)
		r = root_check_plain(root, DROP_INS, e);
	if (r >= 0 && !opt->out)
		r = make_directories(root->fd, &DROP_INS[1], 0755, e);
	return r < 0 ? r :
		       file_replace(dirfd, path, 0644,
				    (struct bytes){(const uint8_t *)text, strlen(text)}, e);
}

static const char *const fates[] = {
	[IMPORT_DROPPED] = "not-carried-over",
	[IMPORT_DEFAULT] = "default",
	[IMPORT_TRANSLATED] = "translated",
};

static void print_line(const struct import_line *l)
{
	char shown[200], where[PATH_MAX];

	if (l->line)
		(void)snprintf(where, sizeof(where), "%s:%u", l->file, l->line);
	else
		(void)snprintf(where, sizeof(where), "%s", l->file);
	import_shown(l, shown, sizeof(shown));
	printf("%s: %s%s%s\n", where, text_clean(l->name), *shown ? " " : "", shown);
	for (size_t i = 0; i < l->n_made; i++)
		printf("    [%s] %s=%s\n", l->made[i].section, l->made[i].key, l->made[i].value);
	if (l->why)
		printf("    %s%s\n",
		       l->fate == IMPORT_DROPPED ? "not carried over: " :
		       l->fate == IMPORT_DEFAULT ? "nothing to do: " :
						   "note: ",
		       text_clean(l->why));
}

static void print_json_line(struct json_object *list, const struct import_line *l)
{
	struct json_object *o = json_object_checked(), *made = json_array_checked();
	char shown[200];

	json_text(o, "file", l->file);
	json_number(o, "line", l->line);
	json_text(o, "option", l->name);
	json_text(o, "value", import_shown(l, shown, sizeof(shown)));
	json_text(o, "fate", fates[l->fate]);
	for (size_t i = 0; i < l->n_made; i++) {
		struct json_object *setting = json_object_checked();

		json_text(setting, "section", l->made[i].section);
		json_text(setting, "key", l->made[i].key);
		json_text(setting, "value", l->made[i].value);
		json_append(made, setting);
	}
	json_add(o, "settings", made);
	json_text(o, "reason", l->why);
	json_append(list, o);
}

static void report_json(const struct import *im, const struct options *opt, const char *text)
{
	struct json_object *o = json_object_checked(), *list = json_array_checked();

	json_number(o, "schema", 1);
	json_text(o, "from", import_dialect_names[im->dialect]);
	json_text(o, "file", opt->dry_run ? NULL : opt->out ? opt->out : DROP_IN);
	for (size_t i = 0; i < im->n; i++)
		print_json_line(list, &im->v[i]);
	json_add(o, "options", list);
	json_text(o, "text", text);
	json_print(o);
}

static void report(const struct import *im, const struct options *opt, const char *text)
{
	size_t count[ARRAY_SIZE(fates)] = {0};

	if (opt->json) {
		report_json(im, opt, text);
		return;
	}
	if (opt->dry_run) {
		printf("%s", text);
		return;
	}
	for (size_t i = 0; i < im->n; i++) {
		print_line(&im->v[i]);
		count[im->v[i].fate]++;
	}
	printf("%s%s: %zu translated, %zu as by default, %zu not carried over\n",
	       opt->out || !opt->root ? "" : opt->root, opt->out ? opt->out : DROP_IN,
	       count[IMPORT_TRANSLATED], count[IMPORT_DEFAULT], count[IMPORT_DROPPED]);
}

static int import(const struct options *opt, char *const *files, struct ukd_error *e)
{
	_import_ struct import im = {0};
	_root_ struct root root = ROOT_NONE;
	_free_ char *text = NULL;
	int r = root_open(opt->root, &root, e);

	if (r >= 0)
		r = read_all(&im, &root, opt, files, e);
	if (r >= 0)
		r = import_text(&im, &text, e);
	if (r >= 0 && !opt->dry_run)
		r = write_out(&root, opt, text, e);
	if (r >= 0)
		report(&im, opt, text);
	return r;
}

static int check_options(const struct options *opt, char *const *files)
{
	enum import_dialect ignored;

	if (opt->from && !find_dialect(opt->from, &ignored))
		return verb_misuse(&verb_import_config,
				   "import-config: --from is fedora, debian or suse, not '%s'",
				   opt->from);
	if (*files && (!opt->from || opt->root))
		return verb_misuse(&verb_import_config,
				   "import-config: FILE goes with --from, and not with --root");
	if (opt->dry_run && (opt->force || opt->out))
		return verb_misuse(&verb_import_config,
				   "import-config: --dry-run writes nothing: no -o, no --force");
	return -1;
}

static int run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"from", required_argument, NULL, 'f'},
		{"root", required_argument, NULL, 'r'},
		{"dry-run", no_argument, NULL, 'd'},
		{"force", no_argument, NULL, 'F'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options opt = {0};
	struct ukd_error e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "ho:", long_options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_import_config);
		if (c == '?')
			return verb_misuse(&verb_import_config, NULL);
		if (c == 'f')
			opt.from = optarg;
		else if (c == 'r')
			opt.root = optarg;
		else if (c == 'o')
			opt.out = optarg;
		opt.dry_run |= c == 'd';
		opt.force |= c == 'F';
		opt.json |= c == 'j';
	}
	r = check_options(&opt, argv + optind);
	if (r >= 0)
		return r;
	return import(&opt, argv + optind, &e) < 0 ? verb_failed(&e) : EXIT_DONE;
}

const struct verb verb_import_config = {
	.name = "import-config",
	.summary = "settings of kdumpctl, kdump-tools, SUSE's kdump",
	.run = run,
	.usage = usage,
};
