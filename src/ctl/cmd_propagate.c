// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ukdumpctl propagate: what ssh:// targets need. A key without a passphrase, the server's host key,
 * a login, a directory that may be written to. Each is made only if it is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/needs.h"
#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/terminal.h"

#define SCAN_LIMIT_S  30
#define LOGIN_LIMIT_S 60
#define ASK_LIMIT_S   300 /* somebody types a password */
#define OUTPUT_MAX    KIB(64)
#define SSH_FAILED    255

static const char usage[] =
	"Usage: ukdumpctl propagate [--host-key FILE | --yes]\n\n"
	"Make ready what ssh:// targets of the settings need: an ed25519 key without a\n"
	"passphrase (SshKey=, else /etc/ukdump/keys/ssh), the server's host key\n"
	"(KnownHosts=, else /etc/ukdump/known_hosts), the key on the server, which may\n"
	"ask for a password; then log in as a capture does, and write to the directory.\n"
	"What is there already stays as it is.\n\n"
	"      --host-key FILE  the server's public host key, or lines of known hosts;\n"
	"                       default: what the server shows, after a question\n"
	"      --yes            trust what the server shows without asking\n"
	"  -h, --help           this text\n\n"
	"Exit: 0 done, 1 failed or refused, 2 usage.\n";

struct job {
	struct root root;
	struct settings settings;
	const char *host_key; /* --host-key */
	bool yes;
	const char *key, *known_hosts; /* files */
	bool made;		       /* the key is new: so is the next image */
};

static void job_free(struct job *j)
{
	settings_free(&j->settings);
	root_close(&j->root);
}

/* A memory file with text, for the standard input of a program. */
static int text_fd(const char *text, int *ret, struct ukd_error *e)
{
	int r = memfd_open(ret, e);

	if (r >= 0)
		r = fd_write_full(*ret, text, strlen(text));
	if (r >= 0 && lseek(*ret, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? ukd_fail_errno(e, r, "memfd") : 0;
}

static int make_key(struct job *j, struct ukd_error *e)
{
	char comment[80] = "ukdump@", dir[4096];
	const char *argv[] = {"ssh-keygen", "-q",    "-t", "ed25519", "-N", "",
			      "-C",	    comment, "-f", j->key,    NULL};
	const struct process p = {PROCESS_DEFAULTS, .argv = argv};
	char *slash;
	int r;

	(void)gethostname(comment + 7, sizeof(comment) - 8);
	(void)snprintf(dir, sizeof(dir), "%s", j->key + 1);
	slash = strrchr(dir, '/');
	if (slash) {
		*slash = 0;
		r = make_directories(j->root.fd, dir, 0700, e);
		if (r < 0)
			return r;
	}
	j->made = true;
	return process_run_ok(&p, e);
}

static int ensure_key(struct job *j, struct ukd_error *e)
{
	const struct needs n = {.root = &j->root, .settings = &j->settings};
	int r = 0;

	j->key = need_ssh_key_file(&n);
	j->key = j->key ? j->key : SSH_KEY_FILE;
	if (!root_exists(&j->root, j->key))
		r = make_key(j, e);
	if (r >= 0)
		printf("key         %s%s\n", j->key, j->made ? ", made" : "");
	return r;
}

/* The line for authorized_keys: a login that may run commands and nothing else. */
static int public_key(const struct job *j, char **ret, struct ukd_error *e)
{
	const char *argv[] = {"ssh-keygen", "-y", "-P", "", "-f", j->key, NULL};
	_buffer_ struct buffer out = {0};
	const struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &out,
				  .output_max = OUTPUT_MAX};
	int r = process_run_ok(&p, e);

	if (r < 0)
		return ukd_prefix(e, "%s: a key that opens without a passphrase is needed", j->key);
	/* In front an empty line: the last one that is there may have no end. */
	if (asprintf(ret, "\nrestrict %.*s\n", (int)strcspn((char *)out.data, "\n"),
		     (char *)out.data) < 0) {
		*ret = NULL;
		return ukd_oom(e);
	}
	return 0;
}

/* What the server shows; nobody has vouched for it yet. */
static int scan(const struct url *u, struct buffer *ret, struct ukd_error *e)
{
	char port[12];
	const char *argv[] = {"ssh-keyscan", "-T", "10", "-p", port, "--", u->host, NULL};
	_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = ret,
			    .output_max = OUTPUT_MAX};
	int r;

	(void)snprintf(port, sizeof(port), "%u", u->port);
	p.timeout_s = SCAN_LIMIT_S;
	p.stderr_fd = null;
	r = process_run(&p, e);
	if (r < 0)
		return r;
	return ret->len ?
		       0 :
		       ukd_fail(e, -EHOSTUNREACH, "%s port %u shows no host key", u->host, u->port);
}

/* Lines of known hosts from lines of either kind: "TYPE KEY [COMMENT]" gets the host in front. */
static int as_known_hosts(const char *host, char *lines, char **ret, struct ukd_error *e)
{
	char *save = NULL;
	size_t len;
	FILE *out = open_memstream(ret, &len);

	if (!out)
		return ukd_oom(e);
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool bare = !strncmp(line, "ssh-", 4) || !strncmp(line, "ecdsa-", 6) ||
			    !strncmp(line, "sk-", 3);

		if (bare) /* a comment behind it would be none of the server's */
			(void)fprintf(out, "%s %.*s\n", host,
				      (int)(strcspn(line, " ") + 1 +
					    strcspn(line + strcspn(line, " ") + 1, " ")),
				      line);
		else if (line[0] != '#')
			(void)fprintf(out, "%s\n", line);
	}
	if (fclose(out) != 0)
		return ukd_oom(e);
	return **ret ? 0 : ukd_fail(e, -ENODATA, "no host key in it");
}

static int print_fingerprints(const char *entries, struct ukd_error *e)
{
	static const char *const argv[] = {"ssh-keygen", "-lf", "-", NULL};
	_close_ int fd = -1;
	struct process p = {PROCESS_DEFAULTS, .argv = argv};
	int r = text_fd(entries, &fd, e);

	p.stdin_fd = fd;
	return r < 0 ? r : process_run_ok(&p, e);
}

static int add_known_hosts(const struct job *j, const char *entries, struct ukd_error *e)
{
	_buffer_ struct buffer old = {0};
	_free_ char *text = NULL;
	int r = 0;

	if (root_exists(&j->root, j->known_hosts))
		r = root_read(&j->root, j->known_hosts, MIB(1), &old, e);
	if (r < 0)
		return r;
	if (asprintf(&text, "%s%s%s", old.len ? (char *)old.data : "",
		     old.len && old.data[old.len - 1] != '\n' ? "\n" : "", entries) < 0) {
		text = NULL;
		return ukd_oom(e);
	}
	return file_replace(j->root.fd, j->known_hosts + 1, 0644,
			    (struct bytes){(uint8_t *)text, strlen(text)}, e);
}

/* One of them must be what the server shows, or the file is another server's. */
static int check_shown(const struct url *u, const char *entries, struct ukd_error *e)
{
	_buffer_ struct buffer shown = {0};
	_free_ char *copy = strdup(entries);
	char *save = NULL;
	int r = copy ? scan(u, &shown, e) : ukd_oom(e);

	if (r < 0)
		return r;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *type = strchr(line, ' ');

		if (line[0] == '@' || (type && strstr((char *)shown.data, type)))
			return 0;
	}
	return ukd_refuse(e, "target", "%s shows none of these host keys", u->host);
}

static int find_host_key(const struct job *j, const struct url *u, char **ret, struct ukd_error *e)
{
	_buffer_ struct buffer lines = {0};
	char host[300];
	int r = j->host_key ? file_read(AT_FDCWD, j->host_key, OUTPUT_MAX, &lines, e) :
			      scan(u, &lines, e);

	need_ssh_host_name(u, host, sizeof(host));
	if (r >= 0)
		r = as_known_hosts(host, (char *)lines.data, ret, e);
	if (r >= 0 && j->host_key)
		r = check_shown(u, *ret, e);
	return r < 0 && j->host_key ? ukd_prefix(e, "%s", j->host_key) : r;
}

static int ensure_host_key(const struct job *j, const struct url *u, struct ukd_error *e)
{
	_needs_ struct needs n = {.root = &j->root, .settings = &j->settings};
	_free_ char *entries = NULL;
	struct ukd_error unknown;
	int r = need_ssh_known_host(&n, u, &unknown);

	if (r >= 0) {
		printf("host key    of %s is known\n", u->host);
		return 0;
	}
	if (r != -EBADMSG) {
		*e = unknown;
		return r;
	}
	r = find_host_key(j, u, &entries, e);
	if (r >= 0)
		r = print_fingerprints(entries, e);
	if (r < 0)
		return r;
	if (!j->host_key && !j->yes &&
	    !terminal_ask_yes(
		    "Does 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' on the server "
		    "itself\nprint one of these fingerprints?"))
		return ukd_fail(e, -ECANCELED,
				"the host key of %s was not confirmed; nothing is trusted",
				u->host);
	r = add_known_hosts(j, entries, e);
	if (r >= 0)
		printf("host key    of %s added to %s\n", u->host, j->known_hosts);
	return r;
}

/* Runs a command on the server; with batch as a capture does, else with all that root has. */
static int on_server(const struct job *j, const struct url *u, const char *command,
		     const char *input, bool batch, struct ukd_error *e)
{
	char who[400], known[4200], port[12];
	const char *argv[] = {"ssh",
			      "-p",
			      port,
			      "-o",
			      known,
			      "-o",
			      "GlobalKnownHostsFile=/dev/null",
			      "-o",
			      "StrictHostKeyChecking=yes",
			      "-o",
			      "CheckHostIP=no",
			      "-o",
			      "UpdateHostKeys=no",
			      "-o",
			      "ConnectTimeout=20",
			      "-T",
			      who,
			      command,
			      NULL};
	static const char *const as_capture[] = {
		"-F", "/dev/null",	    "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "IdentityAgent=none", "-i"};
	const char *full[ARRAY_SIZE(argv) + ARRAY_SIZE(as_capture) + 1] = {"ssh"};
	_close_ int fd = -1;
	struct process p = {PROCESS_DEFAULTS, .argv = full, .terminal = !batch};
	size_t n = 1;
	int r = text_fd(input, &fd, e);

	if (r < 0)
		return r;
	(void)snprintf(who, sizeof(who), "%s@%s", u->user, u->host);
	(void)snprintf(known, sizeof(known), "UserKnownHostsFile=%s%s", j->known_hosts,
		       j->settings.network.known_hosts ?
			       "" :
			       " /root/.ssh/known_hosts /etc/ssh/ssh_known_hosts");
	(void)snprintf(port, sizeof(port), "%u", u->port);
	for (size_t i = 0; batch && i < ARRAY_SIZE(as_capture); i++)
		full[n++] = as_capture[i];
	if (batch)
		full[n++] = j->key;
	for (size_t i = 1; argv[i]; i++)
		full[n++] = argv[i];
	p.stdin_fd = fd;
	p.timeout_s = batch ? LOGIN_LIMIT_S : ASK_LIMIT_S;
	return process_run(&p, e);
}

/* The characters of a path are such that a shell takes them as they are (url.h). */
static int try_writing(const struct job *j, const struct url *u, struct ukd_error *e)
{
	_free_ char *command = NULL;

	if (asprintf(&command, "mkdir -p %s && : > %s/.ukdump-test.$$ && rm %s/.ukdump-test.$$",
		     u->path, u->path, u->path) < 0) {
		command = NULL;
		return ukd_oom(e);
	}
	return on_server(j, u, command, "", true, e);
}

static int install_key(const struct job *j, const struct url *u, struct ukd_error *e)
{
	static const char command[] =
		"umask 077 && mkdir -p .ssh && cat >> .ssh/authorized_keys && "
		"{ ! command -v restorecon > /dev/null || restorecon -F .ssh .ssh/authorized_keys; }";
	_free_ char *line = NULL;
	int r = public_key(j, &line, e);

	if (r < 0)
		return r;
	printf("login       the key is not known to %s@%s; it is added there\n", u->user, u->host);
	r = on_server(j, u, command, line, false, e);
	if (r > 0) {
		line[0] = ' ';
		line[strcspn(line, "\n")] = 0;
	}
	if (r > 0)
		return ukd_fail(e, -EACCES,
				"%s@%s does not let us in to add the key; add this line to its "
				"~/.ssh/authorized_keys:%s",
				u->user, u->host, line);
	return r;
}

static int ensure_login(const struct job *j, const struct url *u, struct ukd_error *e)
{
	int r = try_writing(j, u, e);

	if (r == SSH_FAILED) {
		r = install_key(j, u, e);
		if (r >= 0)
			r = try_writing(j, u, e);
	}
	if (r == SSH_FAILED)
		return ukd_fail(e, -EACCES, "%s@%s: the login fails with %s all the same", u->user,
				u->host, j->key);
	if (r > 0)
		return ukd_fail(e, -EACCES, "%s may not write to %s on %s", u->user, u->path,
				u->host);
	if (r >= 0)
		printf("writing     to %s on %s works\n", u->path, u->host);
	return r;
}

static int make_ready(const struct job *j, const char *target, struct ukd_error *e)
{
	struct url u;
	int r = url_parse(target, &u, e);

	if (r >= 0)
		r = ensure_host_key(j, &u, e);
	(void)fflush(stdout);
	if (r >= 0)
		r = ensure_login(j, &u, e);
	return r < 0 ? ukd_prefix(e, "Target=%s", target) : 0;
}

static int propagate(struct job *j, struct ukd_error *e)
{
	unsigned int found = 0;
	int r = root_open(NULL, &j->root, e);

	if (r >= 0)
		r = settings_load(&j->root, NULL, &j->settings, e);
	if (r < 0)
		return r;
	j->known_hosts = j->settings.network.known_hosts;
	j->known_hosts = j->known_hosts ? j->known_hosts : SSH_KNOWN_HOSTS;
	for (unsigned int i = 0; r >= 0 && i < j->settings.dump.target.n; i++) {
		const char *target = j->settings.dump.target.v[i];

		if (strncmp(target, "ssh://", 6) != 0)
			continue;
		if (!found++)
			r = ensure_key(j, e);
		if (r >= 0)
			r = make_ready(j, target, e);
	}
	if (r >= 0 && !found)
		return ukd_fail(e, -ENOENT,
				"there is no ssh:// target; set Target=ssh://USER@HOST/DIR in "
				"/etc/ukdump/ukdump.conf");
	return r;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"host-key", required_argument, NULL, 'k'},
		{"yes", no_argument, NULL, 'y'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	_cleanup_(job_free) struct job j = {.root = ROOT_NONE};
	struct ukd_error e = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h')
			return verb_help(&verb_propagate);
		if (c == '?')
			return verb_misuse(&verb_propagate, NULL);
		if (c == 'k')
			j.host_key = optarg;
		j.yes |= c == 'y';
	}
	if (optind < argc)
		return verb_too_many(&verb_propagate, argv[optind]);
	if (j.host_key && j.yes)
		return verb_misuse(&verb_propagate,
				   "propagate: --host-key and --yes exclude each other");
	if (propagate(&j, &e) < 0)
		return verb_failed(&e);
	printf("Next: ukdumpctl refresh, so that the image has them.\n");
	return EXIT_DONE;
}

const struct verb verb_propagate = {
	.name = "propagate",
	.summary = "an ssh key for targets, and their host keys",
	.run = run,
	.usage = usage,
};
