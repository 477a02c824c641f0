// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * https:// and s3://: ukdump-upload(8) stores each file as TARGET/CRASH/NAME. Neither protocol has
 * a rename: what is there counts once the manifest, put last, is there too. Nothing is read back:
 * S3 servers check the hash of each part that they get; TLS protects the rest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/net.h"
#include "capture/stream.h"
#include "capture/words.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/url.h"

/* A transfer that does not move is tried anew well before the flow is given up. */
#define STALL_MAX_S 30
/* To be told about a name. */
#define ASK_MAX_S 30

static bool is_s3(const char *place)
{
	return !strncmp(place, "s3://", strlen("s3://"));
}

static bool handles(const char *place)
{
	return is_s3(place) || !strncmp(place, "https://", strlen("https://"));
}

/* An option with a file, if the image has that. */
static void add_file(const struct capture *c, struct arguments *a, const char *option,
		     const char *path)
{
	if (!root_exists(c->root, path))
		return;
	arguments_add(a, "%s", option);
	arguments_add(a, "%s%s", c->root->path, path);
}

static void add_url(const struct attempt *a, const char *name, struct arguments *ret)
{
	size_t query = strcspn(a->place, "?"), base = query;

	while (a->place[base - 1] == '/')
		base--;
	arguments_add(ret, "%.*s/%s/%s%s", (int)base, a->place, a->name, name, a->place + query);
}

/* The program and its options, without the verb. */
static void begin(const struct attempt *a, unsigned int timeout_s, struct arguments *ret)
{
	const struct capture *c = a->c;

	arguments_add(ret, "ukdump-upload");
	arguments_add(ret, "--timeout");
	arguments_add(ret, "%u", timeout_s);
	arguments_add(ret, "--stall");
	arguments_add(ret, "%u", budget_share_s(&c->budget, 20, STALL_MAX_S));
	if (c->settings.network.proxy) {
		arguments_add(ret, "--proxy");
		arguments_add(ret, "%s", c->settings.network.proxy);
	}
	add_file(c, ret, "--ca-file", "/etc/ukdump/ca.pem");
	if (is_s3(a->place)) {
		add_file(c, ret, "--s3-credentials", "/etc/ukdump/s3.credentials");
	} else {
		add_file(c, ret, "--netrc", "/etc/ukdump/netrc");
		add_file(c, ret, "--headers", "/etc/ukdump/headers");
	}
}

static int put(struct attempt *a, const char *name, struct arguments *ret, struct ukd_error *e)
{
	(void)e;
	/* The flow's own limit comes first, so that what has passed until then is stored. */
	begin(a, budget_any_s(&a->c->budget, UINT32_MAX), ret);
	if (!is_s3(a->place))
		arguments_add(ret, "--make-directory");
	arguments_add(ret, "put");
	add_url(a, name, ret);
	return 0;
}

/*
 * Is there a crash of this name already? What begins with its key, or its manifest, tells. A server
 * that does not, such as one that only takes, is believed to have none.
 */
static bool is_taken(const struct attempt *a)
{
	const bool s3 = is_s3(a->place);
	const unsigned int limit_s = budget_share_s(&a->c->budget, 20, ASK_MAX_S);
	_buffer_ struct buffer out = {0};
	_close_ int words = words_open();
	struct arguments args = {0};
	struct process p = {PROCESS_DEFAULTS, .argv = args.v, .output = &out, .output_max = MIB(1)};
	struct ukd_error ignored;

	begin(a, limit_s, &args);
	arguments_add(&args, s3 ? "ls" : "get");
	add_url(a, s3 ? "" : "manifest.json", &args);
	p.stderr_fd = words;
	p.timeout_s = limit_s;
	p.oom_score_adj = OOM_SCORE_FIRST;
	return arguments_check(&args, &ignored) == 0 && process_run(&p, &ignored) == 0 && out.len &&
	       strstr((char *)out.data, s3 ? a->name : "\"schema\"");
}

/* Neither protocol makes a directory only if there is none; where all names are taken the last is
 * used. */
static void choose_name(struct attempt *a)
{
	unsigned int i = 0;

	do
		crash_name(a->c, i++, a->name, sizeof(a->name));
	while (i < CRASH_NAMES && is_taken(a));
}

/* Waits for the server, or for the proxy that leads to it. */
static int connect(struct attempt *a, struct ukd_error *e)
{
	static const struct stream_ops ops = {.put = put};
	const char *proxy = a->c->settings.network.proxy;
	char address[NET_ADDRESS_MAX];
	struct url u;
	int r = url_parse(proxy ? proxy : a->place, &u, e);

	if (r < 0)
		return r;
	r = net_wait(a->c, u.host, u.port, address, e);
	if (r < 0)
		return r;
	choose_name(a);
	(void)snprintf(a->note, sizeof(a->note), "%s answers", address);
	a->stream = &ops;
	return 0;
}

const struct target_ops upload_target = {
	.handles = handles,
	.connect = connect,
	STREAM_OPERATIONS,
};
