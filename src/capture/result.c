// SPDX-License-Identifier: GPL-2.0-or-later
/* The result that goes into an EFI variable: see result.h, schema in ukdump-capture(8). */
#include "capture/result.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "capture/guard.h"
#include "capture/json.h"
#include "util/cleanup.h"
#include "util/efivarfs.h"

#define RESULT_FILE  "/run/ukdump/result"
#define REASON_START 400 /* of one text; halved until all fits */
#define REASON_LEAST 20

static void add_text(struct json_object *o, const char *key, const char *s, size_t max)
{
	if (s && s[0])
		(void)json_object_object_add(o, key, json_new_text(s, max));
}

static struct json_object *targets(const struct record *r, size_t max)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < r->n_targets; i++) {
		struct json_object *o = json_object_new_object();

		add_text(o, "uri", r->targets[i].uri, max);
		add_text(o, "result", dump_state_name(r->targets[i].state), max);
		add_text(o, "reason", r->targets[i].reason, max);
		(void)json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *last_stage(const struct record *r, size_t max)
{
	const struct stage *s = &r->stages[r->n_stages - 1];
	struct json_object *o = json_object_new_object();

	add_text(o, "name", s->name, max);
	add_text(o, "result", outcome_name(s->outcome), max);
	add_text(o, "reason", s->reason, max);
	return o;
}

/* A target that hangs may have a part of it. */
static enum dump_state best_state(const struct record *r)
{
	enum dump_state best = STATE_FAILED;

	for (unsigned int i = 0; i < r->n_targets; i++)
		if (r->targets[i].state > best)
			best = r->targets[i].state;
	return best;
}

/* Texts cut to max bytes; with 0 no targets, only how many. */
static char *make_text(const struct capture *c, const char *reason, size_t max)
{
	const struct record *r = &c->record;
	struct json_object *o = json_object_new_object();
	const char *s;
	char *copy;

	if (!o)
		return NULL;
	(void)json_object_object_add(o, "schema", json_object_new_int(1));
	add_text(o, "state", dump_state_name(best_state(r)), SIZE_MAX);
	add_text(o, "reason", reason, REASON_START);
	add_text(o, "panic", r->panic, sizeof(r->panic));
	add_text(o, "image", r->image, sizeof(r->image));
	add_text(o, "machine", r->machine, sizeof(r->machine));
	add_text(o, "kernel", r->kernel, sizeof(r->kernel));
	(void)json_object_object_add(o, "crash_time", json_time(r->crash_time));
	if (r->n_stages && max)
		(void)json_object_object_add(o, "last_stage", last_stage(r, max));
	if (max)
		(void)json_object_object_add(o, "targets", targets(r, max));
	s = json_object_to_json_string_ext(o,
					   JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = s ? strdup(s) : NULL;
	(void)json_object_put(o);
	return copy;
}

char *result_text(const struct capture *c, const char *reason)
{
	for (size_t max = REASON_START;; max = max / 2 < REASON_LEAST ? 0 : max / 2) {
		char *text = make_text(c, reason, max);

		if (!text || strlen(text) <= RESULT_MAX || !max)
			return text;
		free(text);
	}
}

int result_keep(const struct capture *c, const char *reason, struct ukd_error *e)
{
	_free_ char *text = NULL;
	int r;

	if (c->record.recorded) {
		(void)unlinkat(c->root->fd, &RESULT_FILE[1], 0);
		return 0;
	}
	text = result_text(c, reason);
	if (!text)
		return ukd_oom(e);
	r = make_directories(c->root->fd, "run/ukdump", 0700, e);
	if (r < 0)
		return r;
	return file_replace(c->root->fd, &RESULT_FILE[1], 0600,
			    (struct bytes){(const uint8_t *)text, strlen(text)}, e);
}

struct store {
	const struct root *root;
	struct bytes text;
};

/* What sysfs has there is the mount point. */
static int mount_efivarfs(const struct root *root, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, EFIVARFS_DIR, O_RDONLY | O_DIRECTORY);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return ukd_fail_errno(e, fd < 0 ? fd : -errno, EFIVARFS_DIR);
	if (fs.f_type != SYSFS_MAGIC)
		return 0;
	if (mount("efivarfs", EFIVARFS_DIR, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "") < 0)
		return ukd_fail_errno(e, -errno, "cannot mount efivarfs");
	return 0;
}

/* Child side: firmware may hang, too. */
static int do_store(void *ctx)
{
	const struct store *s = ctx;
	struct ukd_error e;
	int r = mount_efivarfs(s->root, &e);

	return r < 0 ? r : efivarfs_write(s->root, RESULT_VARIABLE, s->text, &e);
}

int result_store(const struct root *root, unsigned int limit_s, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	struct store s = {.root = root};
	int r = root_read(root, RESULT_FILE, RESULT_MAX, &text, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (!root_exists(root, EFIVARFS_DIR))
		return ukd_fail(e, -ENODEV, "no EFI variables to keep the result in");
	s.text = buffer_bytes(&text);
	return guard_call(do_store, &s, limit_s, "writing the result to an EFI variable", e);
}
