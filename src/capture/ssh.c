// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ssh://USER@HOST[:PORT]/PATH: each step is one short command for a POSIX shell over there. Who the
 * server must be, and the key that logs in, were put into the image (build/need_ssh.c). Nothing
 * that is quoted here can hold a quote: url_parse() and crash_name() see to that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/net.h"
#include "capture/stream.h"
#include "capture/words.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/process.h"
#include "util/url.h"

#define SCHEME	"ssh://"
#define CONFIG	"/etc/ukdump/ssh/config"
#define STEP_S	120 /* for a step that moves no data; never over a quarter of all */
#define NO_TOOL 100 /* our own exit status: there is no sha256sum */

static bool handles(const char *place)
{
	return !strncmp(place, SCHEME, strlen(SCHEME));
}

/* ssh and its options, without the command. */
static int begin(const struct attempt *a, struct arguments *ret, struct ukd_error *e)
{
	struct url u;
	int r = url_parse(a->place, &u, e);

	if (r < 0)
		return r;
	arguments_add(ret, "ssh");
	arguments_add(ret, "-F");
	arguments_add(ret, "%s" CONFIG, a->c->root->path);
	arguments_add(ret, "-p");
	arguments_add(ret, "%u", u.port);
	arguments_add(ret, "-l");
	arguments_add(ret, "%s", u.user);
	arguments_add(ret, "%s", u.host);
	return 0;
}

/* What ssh says, with what it means where that is not plain. */
static int explain(int words, int status, struct ukd_error *e)
{
	char text[WORDS_MAX] = "";
	const char *hint = "";

	words_last(words, text);
	/* Whatever ssh advises is for another machine's known_hosts. */
	if (strstr(text, "Host key verification failed"))
		return ukd_fail(e, -ECONNREFUSED,
				"Host key verification failed: the server has another host key "
				"than the one in the image");
	if (strstr(text, "Permission denied (") || strstr(text, "Too many authentication"))
		hint = ": the server does not accept the key in the image";
	if (status == 255)
		return ukd_fail(e, -ECONNREFUSED, "ssh: %s%s", text, hint);
	return ukd_fail(e, -EREMOTEIO, "on the server, exit status %d: %s", status, text);
}

/*
 * Runs one step. Returns 0, or NO_TOOL as it is; its output, a short text, goes to *ret if that is
 * not NULL.
 */
static int step(struct attempt *a, const char *script, uint64_t limit_s, struct buffer *ret,
		struct ukd_error *e)
{
	_buffer_ struct buffer out = {0};
	_close_ int words = words_open();
	struct arguments args = {0};
	struct process p = {PROCESS_DEFAULTS, .argv = args.v, .output = ret ? ret : &out,
			    .output_max = KIB(4)};
	int r = begin(a, &args, e);

	arguments_add(&args, "%s", script);
	if (r == 0)
		r = arguments_check(&args, e);
	if (r < 0)
		return r;
	p.stderr_fd = words;
	p.timeout_s = budget_any_s(&a->c->budget, limit_s);
	p.oom_score_adj = OOM_SCORE_FIRST;
	r = process_run(&p, e);
	return r <= 0 || r == NO_TOOL ? r : explain(words, r, e);
}

static uint64_t step_limit(const struct attempt *a)
{
	return budget_share_s(&a->c->budget, 4, STEP_S);
}

/* "/dev/sda1 1000 600 400 60% /srv" in KiB, as `df -Pk` has it: a remark only. */
static void note_room(struct attempt *a, const char *line)
{
	unsigned long long free_kib;
	char room[FORMAT_SIZE_MAX];

	if (sscanf(line, "%*s %*s %*s %llu", &free_kib) != 1)
		return;
	(void)snprintf(a->note, sizeof(a->note), "%.200s, %s free", a->record->device,
		       format_size((uint64_t)free_kib * 1024, room));
}

/* The name that the server gave the crash's directory: ours, or that with -1, -2 and so on. */
static int take_name(struct attempt *a, char *text, struct ukd_error *e)
{
	char *end = text + strcspn(text, "\n");
	size_t len = strlen(a->name);

	note_room(a, end[0] ? end + 1 : "");
	*end = 0;
	if (strncmp(text, a->name, len) != 0 || strlen(text) >= sizeof(a->name) ||
	    (text[len] && text[len] != '-') || text[len + strspn(text + len, "-0123456789")])
		return ukd_fail(e, -EBADMSG,
				"the server's shell says something of its own: '%.80s'", text);
	(void)snprintf(a->name, sizeof(a->name), "%s", text);
	return 0;
}

/* Makes the crash's directory under a name that is not there yet. */
static int make_directory(struct attempt *a, struct ukd_error *e)
{
	_buffer_ struct buffer out = {0};
	char script[3000];
	int r;

	(void)snprintf(script, sizeof(script),
		       "umask 077; mkdir -p '%s' && cd '%s' || exit 1; n='%s'; i=0; "
		       "until mkdir \"$n\" 2>/dev/null; do "
		       "[ -e \"$n\" ] && [ $i -lt %d ] || { mkdir \"$n\"; exit 1; }; "
		       "i=$((i+1)); n='%s'-$i; done; echo \"$n\"; df -Pk . | tail -n 1; :",
		       a->base, a->base, a->name, CRASH_NAMES - 1, a->name);
	r = step(a, script, step_limit(a), &out, e);
	if (r > 0 || (r == 0 && !out.data))
		return ukd_fail(e, -EBADMSG, "the server's shell says nothing: is it a shell?");
	return r < 0 ? r : take_name(a, (char *)out.data, e);
}

static int put(struct attempt *a, const char *name, struct arguments *ret, struct ukd_error *e)
{
	int r = begin(a, ret, e);

	if (r < 0)
		return r;
	/* sync(1) takes files since coreutils 8.24; what it cannot do must not cost the dump. */
	arguments_add(ret, "umask 077; cd '%s/%s' && cat >'%s' && { sync '%s' 2>/dev/null || :; }",
		      a->base, a->name, name, name);
	return 0;
}

static int sha256(struct attempt *a, const char *name, char ret[65], struct ukd_error *e)
{
	_buffer_ struct buffer out = {0};
	char script[2400];
	uint8_t digest[32];
	int r;

	(void)snprintf(script, sizeof(script),
		       "command -v sha256sum >/dev/null || exit %d; cd '%s/%s' && sha256sum <'%s'",
		       NO_TOOL, a->base, a->name, name);
	r = step(a, script, budget_work_s(&a->c->budget, UINT32_MAX), &out, e);
	/* Sent and synced, as the server said: not compared is no reason to give it up. */
	if (r == -ETIMEDOUT)
		return ukd_fail(e, -ETIME, "no time left to compare with what is there");
	if (r < 0)
		return r;
	if (r == NO_TOOL)
		return ukd_fail(e, -EOPNOTSUPP, "the server has no sha256sum");
	(void)snprintf(ret, 65, "%.64s", out.data ? (char *)out.data : "");
	if (!parse_hex(ret, digest, sizeof(digest)))
		return ukd_fail(e, -EBADMSG, "the server's sha256sum says '%.64s'", ret);
	return 0;
}

/* An existing name is never replaced. */
static int rename_there(struct attempt *a, const char *from, const char *to, struct ukd_error *e)
{
	char script[2400];
	int r;

	(void)snprintf(script, sizeof(script),
		       "cd '%s/%s' && if [ -e '%s' ]; then echo '%s is there already' >&2; exit 1; "
		       "fi && mv '%s' '%s'",
		       a->base, a->name, to, to, from, to);
	r = step(a, script, step_limit(a), NULL, e);
	return r > 0 ? ukd_fail(e, -EREMOTEIO, "on the server, exit status %d", r) : r;
}

static int connect(struct attempt *a, struct ukd_error *e)
{
	static const struct stream_ops ops = {.put = put, .sha256 = sha256, .rename = rename_there};
	char address[NET_ADDRESS_MAX];
	struct url u;
	int r = url_parse(a->place, &u, e);

	if (r >= 0)
		r = net_wait(a->c, u.host, u.port, address, e);
	if (r < 0)
		return r;
	(void)snprintf(a->record->device, sizeof(a->record->device), "%.60s@%.60s", u.user,
		       address);
	(void)snprintf(a->base, sizeof(a->base), "%s", u.path);
	crash_name(a->c, 0, a->name, sizeof(a->name));
	a->stream = &ops;
	return make_directory(a, e);
}

const struct target_ops ssh_target = {
	.handles = handles,
	.connect = connect,
	STREAM_OPERATIONS,
};
