// SPDX-License-Identifier: GPL-2.0-or-later
/* See test_result.h. Directories of crashes are hostile. */
#include "ctl/report/test_result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "build/target.h"
#include "util/cleanup.h"

#define LOG_MAX	  MIB(128) /* ukdump-capture(8): no log is larger */
#define LONGEST_S (7 * 86400)

/* Seconds since 1970; 0: unknown. */
static int64_t parse_time(const char *s)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

/* When the running kernel was started: "btime N" of /proc/stat. */
static int64_t boot_time(const struct root *root)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;
	const char *at = NULL;
	long long t = 0;

	if (root_read(root, "/proc/stat", MIB(4), &b, &ignored) == 0)
		at = strstr((const char *)b.data, "btime ");
	return at && sscanf(at, "btime %lld", &t) == 1 ? t : 0;
}

static bool is_this_boot(const struct root *root, const struct crash_test *t)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;

	return t->boot[0] &&
	       root_read(root, "/proc/sys/kernel/random/boot_id", 128, &b, &ignored) == 0 &&
	       !strncmp((const char *)b.data, t->boot, strlen(t->boot));
}

/* Is this the log of the test's crash? Also of one whose log was not saved to its end. */
static bool has_mark(const struct root *root, const struct crash *c, const char *id)
{
	static const char *const names[] = {"dmesg.txt", "dmesg-incomplete.txt"};
	char path[PATH_MAX + 32], mark[64];
	struct ukd_error ignored;
	bool found = false;

	(void)snprintf(mark, sizeof(mark), TEST_MARK "%s", id);
	for (size_t i = 0; c->dump[0] && !found && i < ARRAY_SIZE(names); i++) {
		_buffer_ struct buffer b = {0};

		(void)snprintf(path, sizeof(path), "%s/%s", c->dump, names[i]);
		found = root_read(root, path, LOG_MAX, &b, &ignored) == 0 && b.len &&
			memmem(b.data, b.len, mark, strlen(mark));
	}
	return found;
}

/* Its log is encrypted, so only its time can tell: after the test was begun. */
static bool is_encrypted_since(const struct root *root, const struct crash *c, int64_t begun)
{
	char path[PATH_MAX + 32];
	struct tm tm = {0};

	(void)snprintf(path, sizeof(path), "%s/dmesg.txt.age", c->dump);
	return c->dump[0] && root_exists(root, path) && strptime(c->name, "%Y%m%dT%H%M%SZ", &tm) &&
	       (int64_t)timegm(&tm) >= begun;
}

static const struct crash *find(const struct root *root, const struct crashes *crashes,
				const struct crash_test *t)
{
	for (size_t i = 0; i < crashes->n; i++)
		if (has_mark(root, &crashes->v[i], t->id))
			return &crashes->v[i];
	for (size_t i = 0; i < crashes->n; i++)
		if (is_encrypted_since(root, &crashes->v[i], parse_time(t->time)))
			return &crashes->v[i];
	/* Of one that reached no target there is a result, and no log. */
	for (size_t i = 0; i < crashes->n; i++)
		if (crashes->v[i].left && !crashes->v[i].dump[0])
			return &crashes->v[i];
	return NULL;
}

/* When the manifest was written, by the capture environment's clock, which is the same. */
static int64_t manifest_time(const struct root *root, const struct crash *c)
{
	char path[PATH_MAX + 32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/manifest.json", c->dump);
	_close_ int fd = root_openat(root, path, O_PATH | O_NOFOLLOW);
	return fd >= 0 && fstat(fd, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

static void add_seconds(struct json_object *o, const char *key, int64_t from, int64_t to)
{
	if (from && to >= from && to - from < LONGEST_S)
		json_number(o, key, (uint64_t)(to - from));
	else
		json_text(o, key, NULL);
}

/* A target whose dumps cannot be seen here; NULL: there is none. */
static const char *distant_target(const struct root *root, struct settings *s)
{
	struct ukd_error ignored;

	if (settings_load(root, NULL, s, &ignored) < 0)
		return NULL;
	for (unsigned int i = 0; i < s->dump.target.n; i++)
		if (!place_is_disk(s->dump.target.v[i]))
			return s->dump.target.v[i];
	return NULL;
}

static void add_outcome(struct json_object *o, const struct root *root, const struct crash *c,
			const struct crash_test *t)
{
	_settings_ struct settings s = {0};
	const char *elsewhere = c ? NULL : distant_target(root, &s);
	char reason[1024];

	if (c && crash_is_good(c)) {
		json_text(o, "result", "ok");
		json_text(o, "reason", NULL);
	} else if (c) {
		json_text(o, "result", "failed");
		(void)snprintf(reason, sizeof(reason), "%s%s%s", c->state, c->reason[0] ? ": " : "",
			       c->reason);
		json_text(o, "reason", reason);
	} else if (elsewhere) {
		json_text(o, "result", "unknown");
		(void)snprintf(reason, sizeof(reason),
			       "no dump of it is on this machine; look for '" TEST_MARK
			       "%s' in the "
			       "logs at %s",
			       t->id, elsewhere);
		json_text(o, "reason", reason);
	} else {
		json_text(o, "result", "failed");
		json_text(o, "reason", "nothing was saved: no dump has its mark");
	}
	json_text(o, "dump", c && c->dump[0] ? c->dump : NULL);
}

int test_settle(const struct root *root, const struct crashes *crashes, struct json_object **ret,
		struct ukd_error *e)
{
	const struct crash *c;
	struct crash_test t;
	struct json_object *o;
	int r = crash_test_read(root, &t, e);

	*ret = NULL;
	if (r == -ENOENT || (r >= 0 && is_this_boot(root, &t)))
		return 0;
	if (r < 0)
		return r;
	c = find(root, crashes, &t);
	o = json_object_checked();
	json_text(o, "type", "test");
	json_text(o, "id", t.id);
	json_text(o, "time", t.time);
	json_text(o, "image", t.image);
	json_text(o, "path", t.path);
	json_text(o, "kernel", t.kernel);
	add_outcome(o, root, c, &t);
	add_seconds(o, "capture_seconds", parse_time(t.time), c ? manifest_time(root, c) : 0);
	add_seconds(o, "boot_seconds", parse_time(t.time), boot_time(root));
	r = proof_history_add(root, json_object_get(o), e);
	if (r >= 0)
		r = crash_test_remove(root, e);
	*ret = o;
	return r;
}
