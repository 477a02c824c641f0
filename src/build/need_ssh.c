// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an ssh:// target needs: the client, a key that needs no passphrase, and the host keys of
 * this very server. Nothing is trusted on first use: the capture environment would trust whoever
 * answers, and send it all of the memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/needs.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/url.h"

#define DIR_IN_IMAGE "/etc/ukdump/ssh"
#define LIMIT_S	     10

/*
 * Whatever the administrator's ssh_config says: who, by which key, and never ask anybody. LogLevel
 * INFO, because ssh tells only then that it gave up a server that did not answer.
 */
static const char config[] = "IdentityFile " DIR_IN_IMAGE "/key\n"
			     "IdentitiesOnly yes\n"
			     "IdentityAgent none\n"
			     "UserKnownHostsFile " DIR_IN_IMAGE "/known_hosts\n"
			     "GlobalKnownHostsFile /dev/null\n"
			     "StrictHostKeyChecking yes\n"
			     "CheckHostIP no\n"
			     "UpdateHostKeys no\n"
			     "PreferredAuthentications publickey\n"
			     "BatchMode yes\n"
			     "ConnectTimeout 20\n"
			     "ServerAliveInterval 10\n"
			     "ServerAliveCountMax 3\n"
			     "ClearAllForwardings yes\n"
			     "RequestTTY no\n"
			     "LogLevel INFO\n";

/*
 * Runs this machine's ssh-keygen on a file of the root, which argv ends with. Its exit status, or a
 * negative errno; what it says goes to out.
 */
static int run_keygen(const struct needs *n, const char *const *options, const char *file,
		      struct buffer *out, struct ukd_error *e)
{
	const char *argv[8] = {"ssh-keygen"};
	_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = out, .output_max = KIB(256)};
	char path[4200];
	unsigned int i = 0;
	int r;

	(void)snprintf(path, sizeof(path), "%s%s", n->root->path, file);
	for (; i < ARRAY_SIZE(argv) - 4 && options[i]; i++)
		argv[i + 1] = options[i];
	argv[i + 1] = "-f";
	argv[i + 2] = path;
	p.stderr_fd = null;
	p.timeout_s = LIMIT_S;
	r = process_run(&p, e);
	if (r == -ENOENT)
		return ukd_refuse(e, "target",
				  "ssh-keygen is not installed; install the package "
				  "'openssh-client'");
	return r;
}

/* An empty passphrase opens it. */
static int check_key_opens(const struct needs *n, const char *path, struct ukd_error *e)
{
	static const char *const options[] = {"-y", "-P", "", NULL};
	_buffer_ struct buffer public = {0};
	int r = run_keygen(n, options, path, &public, e);

	if (r > 0)
		return ukd_refuse(e, "target",
				  "%s is no private key that opens without a passphrase; make one: "
				  "ssh-keygen -t ed25519 -N '' -f " SSH_KEY_FILE,
				  path);
	return r;
}

/* Where ours and kdump's lie. */
const char *need_ssh_key_file(const struct needs *n)
{
	static const char *const usual[] = {SSH_KEY_FILE, "/root/.ssh/kdump_id_rsa"};

	if (n->settings->network.ssh_key)
		return n->settings->network.ssh_key;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (root_exists(n->root, usual[i]))
			return usual[i];
	return NULL;
}

static int need_key(struct needs *n, const struct url *u, struct ukd_error *e)
{
	const char *key = need_ssh_key_file(n);
	int r;

	if (!key)
		return ukd_refuse(e, "target",
				  "there is no key to log in to %s with; run: ukdumpctl propagate",
				  u->host);
	r = need_secret(n, "SshKey", key, DIR_IN_IMAGE "/key", e);
	return r < 0 ? r : check_key_opens(n, key, e);
}

/* The lines for one host of one file, without ssh-keygen's remarks. *ret stays empty if none. */
static int find_entries(const struct needs *n, const char *host, const char *file, char **ret,
			struct ukd_error *e)
{
	const char *const options[] = {"-F", host, NULL};
	_buffer_ struct buffer out = {0};
	char *save = NULL;
	size_t len = 0;
	FILE *lines;
	int r = run_keygen(n, options, file, &out, e);

	if (r < 0 || r > 0 || !out.data)
		return r < 0 ? r : 0;
	lines = open_memstream(ret, &len);
	if (!lines)
		return ukd_oom(e);
	for (char *line = strtok_r((char *)out.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#')
			(void)fprintf(lines, "%s\n", line);
	return fclose(lines) == 0 ? 0 : ukd_oom(e);
}

void need_ssh_host_name(const struct url *u, char *ret, size_t size)
{
	(void)snprintf(ret, size, u->port != 22 ? "[%s]:%u" : "%s", u->host, u->port);
}

/* known_hosts of the image holds this server only: its keys, those of its authority, revoked ones. */
int need_ssh_known_host(struct needs *n, const struct url *u, struct ukd_error *e)
{
	const char *own = n->settings->network.known_hosts;
	const char *const files[] = {own ? own : SSH_KNOWN_HOSTS,
				     own ? NULL : "/root/.ssh/known_hosts",
				     own ? NULL : "/etc/ssh/ssh_known_hosts"};
	_free_ char *entries = NULL;
	char host[300];
	int r = 0;

	need_ssh_host_name(u, host, sizeof(host));
	for (size_t i = 0; r >= 0 && !entries && i < ARRAY_SIZE(files) && files[i]; i++)
		if (root_exists(n->root, files[i]))
			r = find_entries(n, host, files[i], &entries, e);
	if (r < 0)
		return r;
	if (!entries || !entries[0])
		return ukd_refuse(e, "target",
				  "no host key of %s is known in %s; run: ukdumpctl propagate",
				  host, own ? own : "known_hosts files");
	return need_file_more(n, DIR_IN_IMAGE "/known_hosts",
			      (struct bytes){(uint8_t *)entries, strlen(entries)}, 0600, e);
}

int need_ssh_identity(struct needs *n, const struct url *u, struct ukd_error *e)
{
	int r = need_key(n, u, e);

	return r < 0 ? r : need_ssh_known_host(n, u, e);
}

int need_ssh(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	struct url u;
	int r = url_parse(target, &u, e);

	(void)index; /* goes into the image as it is */
	if (r >= 0)
		r = need_ssh_identity(n, &u, e);
	if (r >= 0)
		r = need_file(n, DIR_IN_IMAGE "/config",
			      (struct bytes){(const uint8_t *)config, strlen(config)}, 0600, e);
	if (r >= 0)
		r = need_program(n, "ssh", e);
	if (r >= 0)
		r = need_network(n, u.host, e);
	return r < 0 ? ukd_prefix(e, "Target=%s", target) : 0;
}
