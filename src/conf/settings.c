// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of keys, the defaults, the files: see settings.h and ukdump.conf(5). */
#include "conf/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"
#include "util/url.h"

#define DROP_INS_MAX 256

static const char *why_not_module(const char *s)
{
	static const char allowed[] = "names of kernel modules, separated by blanks";

	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] ?
		       allowed :
		       NULL;
}

/* Only the form: whether a target exists is known where it is used. */
static const char *why_not_target(const char *s)
{
	static const char *const prefixes[] = {
		"file:/",    "/dev/",	  "LABEL=", "UUID=",	   "PARTLABEL=",
		"PARTUUID=", "PARTTYPE=", "nfs://", "virtiofs://", "ssh://",
		"https://",  "s3://",	  "exec:/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(s, prefixes[i], n) && (s[n] || i == 0))
			return NULL;
	}
	return "file:/DIR, /dev/NAME, LABEL=, UUID=, PARTLABEL=, PARTUUID=, PARTTYPE=, nfs://, "
	       "virtiofs://, ssh://, https://, s3://, exec:/PROGRAM";
}

static const char *why_not_compress(const char *s)
{
	static const char *const names[] = {"auto", "zstd", "lzo", "zlib", "snappy", "none"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(s, names[i]))
			return NULL;
	return "auto, zstd, lzo, zlib, snappy, none";
}

/* The kernel puts both in front itself; a signed line with one could only be a forgery. */
static const char *why_not_command_line(const char *s)
{
	return strstr(s, "elfcorehdr=") || strstr(s, "dmcryptkeys=") ?
		       "a command line without elfcorehdr= and dmcryptkeys=" :
		       NULL;
}

static const char *why_not_program(const char *s)
{
	return s[0] == '/' && s[1] ? NULL : "the absolute path of a program";
}

static const char *why_not_sysctl(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./");

	return n && s[n] == '=' && s[n + 1] && s[0] != '/' && s[0] != '.' && !strstr(s, "..") ?
		       NULL :
		       "name=value, such as kernel.panic_on_oops=1";
}

static const char *why_not_file(const char *s)
{
	return s[0] == '/' && s[1] ? NULL : "the absolute path of a file";
}

static bool is_ip(const char *s)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, address) == 1 || inet_pton(AF_INET6, s, address) == 1;
}

static const char *why_not_ip(const char *s)
{
	return is_ip(s) ? NULL : "IPv4 or IPv6 addresses, separated by blanks";
}

static const char *why_not_address(const char *s)
{
	const char *slash = strchr(s, '/');
	char ip[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (!strcmp(s, "auto") || !strcmp(s, "dhcp"))
		return NULL;
	if (slash && (size_t)(slash - s) < sizeof(ip)) {
		(void)snprintf(ip, sizeof(ip), "%.*s", (int)(slash - s), s);
		if (is_ip(ip) && parse_u64(slash + 1, &bits) && bits &&
		    bits <= (strchr(ip, ':') ? 128 : 32))
			return NULL;
	}
	return "auto, dhcp, or addresses such as 192.0.2.7/24";
}

static const char *why_not_proxy(const char *s)
{
	struct ukd_error ignored;
	struct url u;

	return !strncmp(s, "http://", 7) && url_parse(s, &u, &ignored) == 0 ? NULL :
									      "http://HOST:PORT";
}

static const struct conf_check module_check = {why_not_module};
static const struct conf_check target_check = {why_not_target};
static const struct conf_check compress_check = {why_not_compress};
static const struct conf_check command_line_check = {why_not_command_line};
static const struct conf_check program_check = {why_not_program};
static const struct conf_check sysctl_check = {why_not_sysctl};
static const struct conf_check file_check = {why_not_file};
static const struct conf_check ip_check = {why_not_ip};
static const struct conf_check address_check = {why_not_address};
static const struct conf_check proxy_check = {why_not_proxy};

#define NAMES(name, ...)                                         \
	static const char *const name##_words[] = {__VA_ARGS__}; \
	static const struct conf_names name = {name##_words, ARRAY_SIZE(name##_words)}

/* In the order of the enums in settings.h. */
NAMES(action_names, "reboot", "poweroff", "halt", "shell");
NAMES(lock_names, "no", "panic-limit", "all");
NAMES(mode_names, "auto", "yes", "no");
NAMES(sign_names, "auto", "external");

static const struct conf_range dump_level_range = {0, 31, NULL};
static const struct conf_range threads_range = {0, 256, "auto"};
static const struct conf_range timeout_range = {10, 7 * 86400, "auto"};
static const struct conf_range auto_size_range = {0, UINT64_MAX, "auto"};
static const struct conf_range keep_range = {0, 100000, "all"};
static const struct conf_range max_use_range = {0, UINT64_MAX, "unlimited"};
static const struct conf_range keep_free_range = {0, UINT64_MAX, NULL};

#define KEY(section, name, type, field, arg)                                  \
	{                                                                     \
		section, name, &(type), offsetof(struct settings, field), arg \
	}

static const struct conf_key keys[] = {
	KEY("Image", "Kernel", conf_string, image.kernel, NULL),
	KEY("Image", "Key", conf_string, image.key, NULL),
	KEY("Image", "Certificate", conf_string, image.certificate, NULL),
	KEY("Image", "Sign", conf_enum, image.sign, &sign_names),
	KEY("Image", "CommandLine", conf_string, image.command_line, &command_line_check),
	KEY("Image", "CommandLineAppend", conf_string, image.command_line_append,
	    &command_line_check),
	KEY("Image", "Modules", conf_words, image.modules, &module_check),
	KEY("Image", "AllowShell", conf_bool, image.allow_shell, NULL),
	KEY("Dump", "Target", conf_words, dump.target, &target_check),
	KEY("Dump", "DumpLevel", conf_uint, dump.dump_level, &dump_level_range),
	KEY("Dump", "Compress", conf_string, dump.compress, &compress_check),
	KEY("Dump", "Threads", conf_uint, dump.threads, &threads_range),
	KEY("Dump", "EncryptTo", conf_words, dump.encrypt_to, NULL),
	KEY("Dump", "TimeoutSec", conf_time, dump.timeout_s, &timeout_range),
	KEY("Action", "OnSuccess", conf_enum, action.on_success, &action_names),
	KEY("Action", "OnFailure", conf_enum, action.on_failure, &action_names),
	KEY("Action", "Pre", conf_lines, action.pre, &program_check),
	KEY("Action", "Post", conf_lines, action.post, &program_check),
	KEY("Action", "Failure", conf_lines, action.failure, &program_check),
	KEY("Network", "Interface", conf_string, network.interface, NULL),
	KEY("Network", "Address", conf_words, network.address, &address_check),
	KEY("Network", "Gateway", conf_words, network.gateway, &ip_check),
	KEY("Network", "Nameserver", conf_words, network.nameserver, &ip_check),
	KEY("Network", "SshKey", conf_string, network.ssh_key, &file_check),
	KEY("Network", "KnownHosts", conf_string, network.known_hosts, &file_check),
	KEY("Network", "CaFile", conf_string, network.ca_file, &file_check),
	KEY("Network", "Proxy", conf_string, network.proxy, &proxy_check),
	KEY("Network", "Netrc", conf_string, network.netrc, &file_check),
	KEY("Network", "HttpHeaders", conf_string, network.http_headers, &file_check),
	KEY("Network", "S3Credentials", conf_string, network.s3_credentials, &file_check),
	KEY("Arm", "RequireSealed", conf_bool, arm.require_sealed, NULL),
	KEY("Arm", "LockAfterArm", conf_enum, arm.lock_after_arm, &lock_names),
	KEY("Arm", "Sysctl", conf_words, arm.sysctl, &sysctl_check),
	KEY("Reserve", "Size", conf_size, reserve.size, &auto_size_range),
	KEY("Reserve", "High", conf_size, reserve.high, &auto_size_range),
	KEY("Reserve", "Low", conf_size, reserve.low, &auto_size_range),
	KEY("Reserve", "Cma", conf_enum, reserve.cma, &mode_names),
	KEY("Store", "Keep", conf_uint, store.keep, &keep_range),
	KEY("Store", "MaxUse", conf_size, store.max_use, &max_use_range),
	KEY("Store", "KeepFree", conf_size, store.keep_free, &keep_free_range),
};

static const struct conf_table table = {keys, ARRAY_SIZE(keys)};

/* What is not 0, "no" or empty. Keep ukdump.conf(5) and config/ukdump.conf in step. */
int settings_init(struct settings *ret, struct ukd_error *e)
{
	_settings_ struct settings s = {
		.dump = {.dump_level = 31},
		.store = {.keep = 5, .keep_free = MIB(64)},
	};

	s.dump.compress = strdup("auto");
	if (!s.dump.compress || strings_add(&s.dump.target, "file:/var/crash") < 0 ||
	    strings_add(&s.arm.sysctl, "kernel.panic_on_oops=1") < 0)
		return ukd_oom(e);
	*ret = s;
	s = (struct settings){0};
	return 0;
}

void settings_free(struct settings *s)
{
	free(s->image.kernel);
	free(s->image.key);
	free(s->image.certificate);
	free(s->image.command_line);
	free(s->image.command_line_append);
	strings_free(&s->image.modules);
	strings_free(&s->dump.target);
	free(s->dump.compress);
	strings_free(&s->dump.encrypt_to);
	strings_free(&s->action.pre);
	strings_free(&s->action.post);
	strings_free(&s->action.failure);
	free(s->network.interface);
	strings_free(&s->network.address);
	strings_free(&s->network.gateway);
	strings_free(&s->network.nameserver);
	free(s->network.ssh_key);
	free(s->network.known_hosts);
	free(s->network.ca_file);
	free(s->network.proxy);
	free(s->network.netrc);
	free(s->network.http_headers);
	free(s->network.s3_credentials);
	strings_free(&s->arm.sysctl);
	*s = (struct settings){0};
}

int settings_parse(struct settings *s, struct bytes text, const char *name, struct ukd_error *e)
{
	int r = conf_parse(&table, text, name, s, e);

	if (r < 0)
		return r;
	if (s->dump.compress) /* "Compress=" goes back to the default */
		return 0;
	s->dump.compress = strdup("auto");
	return s->dump.compress ? 0 : ukd_oom(e);
}

static int parse_file(const struct root *root, const char *path, struct settings *s,
		      struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	char name[PATH_MAX];
	int r = root_read(root, path, CONF_FILE_MAX, &text, e);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s%s", root->path, path);
	return settings_parse(s, buffer_bytes(&text), name, e);
}

static int is_drop_in(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot && !strcmp(dot, ".conf");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the drop-ins in dir, in byte order whatever the locale; none if it is missing. */
static int list_drop_ins(const struct root *root, const char *path, struct strings *ret,
			 struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, path);
	const struct dirent *d;

	if (!dir)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "%s%s", root->path, path);
	while ((d = readdir(dir))) {
		if (!is_drop_in(d))
			continue;
		if (ret->n == DROP_INS_MAX)
			return ukd_fail(e, -E2BIG, "%s%s: more than %d drop-ins", root->path, path,
					DROP_INS_MAX);
		if (strings_add(ret, d->d_name) < 0)
			return ukd_oom(e);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int parse_drop_ins(const struct root *root, const char *path, struct settings *s,
			  struct ukd_error *e)
{
	_strings_ struct strings names = {0};
	char dir[PATH_MAX], file[PATH_MAX];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s.d", path);
	r = list_drop_ins(root, dir, &names, e);
	for (unsigned int i = 0; r >= 0 && i < names.n; i++) {
		int n = snprintf(file, sizeof(file), "%s/%s", dir, names.v[i]);

		if (n < 0 || (size_t)n >= sizeof(file))
			return ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", names.v[i]);
		r = parse_file(root, file, s, e);
	}
	return r;
}

int settings_check(const struct settings *s, struct ukd_error *e)
{
	bool shell = s->action.on_success == ACTION_SHELL || s->action.on_failure == ACTION_SHELL;
	bool own_cert;

	if (shell && !s->image.allow_shell)
		return ukd_refuse(e, "conf.value",
				  "OnSuccess= or OnFailure= is shell: that needs AllowShell=yes in "
				  "[Image], whoever is at the console then reads the memory");
	if (!s->dump.target.n)
		return ukd_refuse(e, "conf.value", "Target= is empty: a dump has nowhere to go");
	/* Key=auto brings its own certificate. */
	own_cert = s->image.key && !strcmp(s->image.key, "auto");
	if (own_cert ? s->image.certificate != NULL : !s->image.key != !s->image.certificate)
		return ukd_refuse(e, "conf.value",
				  "Key= and Certificate= in [Image] are set both or neither, and "
				  "Key=auto without Certificate=");
	if (s->image.sign == SIGN_EXTERNAL && s->image.key)
		return ukd_refuse(e, "conf.value",
				  "Sign=external in [Image]: no Key= and no Certificate= then");
	return 0;
}

int settings_load(const struct root *root, const char *path, struct settings *ret,
		  struct ukd_error *e)
{
	const char *file = path ? path : "/etc/ukdump/ukdump.conf";
	_settings_ struct settings s = {0};
	int r = settings_init(&s, e);

	if (r < 0)
		return r;
	if (path || root_exists(root, file))
		r = parse_file(root, file, &s, e);
	if (r >= 0)
		r = parse_drop_ins(root, file, &s, e);
	if (r >= 0)
		r = settings_check(&s, e);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct settings){0};
	return 0;
}

int settings_load_option(const struct root *root, const char *path, struct settings *ret,
			 struct ukd_error *e)
{
	_free_ char *here = NULL, *full = NULL;

	if (path && path[0] != '/' && !root->path[0]) {
		here = getcwd(NULL, 0);
		if (!here)
			return ukd_fail_errno(e, -errno, "%s", path);
		if (asprintf(&full, "%s/%s", here, path) < 0)
			return ukd_oom(e);
		path = full;
	}
	return settings_load(root, path, ret, e);
}

void settings_print(const struct settings *s, const char *section, FILE *out)
{
	const char *last = "";

	for (size_t i = 0; i < table.n; i++) {
		const struct conf_key *k = &table.keys[i];

		if (section && strcmp(section, k->section))
			continue;
		if (strcmp(last, k->section))
			(void)fprintf(out, "[%s]\n", k->section);
		last = k->section;
		k->type->print(k->name, k->arg, (const char *)s + k->offset, out);
	}
}
