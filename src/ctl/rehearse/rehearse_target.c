// SPDX-License-Identifier: GPL-2.0-or-later
/* See rehearse_target.h. */
#include "ctl/rehearse/rehearse_target.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "build/storage.h"
#include "build/target.h"

#define FLEET_FS "ext4" /* of a target that this machine does not have */

void rehearse_target_free(struct rehearse_target *t)
{
	strings_free(&t->left_out);
}

void rehearse_target_check(struct rehearse_target *t, bool bad, const char *name, const char *fmt,
			   ...)
{
	struct rehearse_check *c = &t->checks[t->n_checks];
	va_list ap;

	if (t->n_checks == REHEARSE_CHECKS)
		return;
	t->n_checks++;
	c->bad = bad;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	va_start(ap, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
}

static bool is_plain(const char *value)
{
	for (; *value; value++)
		if (!isalnum((unsigned char)*value) && !strchr("-_.", *value))
			return false;
	return true;
}

/* "UUID=...:/path" or "LABEL=...:/path" taken apart; false: it is something else. */
static bool parse_place(const char *place, struct rehearse_target *t)
{
	bool by_uuid = !strncmp(place, "UUID=", 5);
	const char *value = strchr(place, '='), *path = strstr(place, ":/");
	size_t n;

	if (!by_uuid && strncmp(place, "LABEL=", 6) != 0)
		return false;
	value++;
	n = path ? (size_t)(path - value) : strlen(value);
	if (!n || n >= sizeof(t->uuid))
		return false;
	(void)snprintf(by_uuid ? t->uuid : t->label, sizeof(t->uuid), "%.*s", (int)n, value);
	(void)snprintf(t->path, sizeof(t->path), "%s", path ? path + 1 : "/");
	return is_plain(t->uuid) && is_plain(t->label);
}

/* Why a scratch disk cannot stand for the n-th target; NULL: it can, and t has it. */
static const char *take(const struct rehearse_image *i, unsigned int n, struct rehearse_target *t)
{
	const char *uri = i->settings.dump.target.v[n];
	char key[32], place[PLACE_MAX];

	if (!place_is_disk(uri))
		return strncmp(uri, "exec:", 5) && strncmp(uri, "virtiofs:", 9) ?
			       "the guest has no network" :
			       "the guest has no such device";
	(void)snprintf(key, sizeof(key), "target.%u", n);
	if (!rehearse_image_fact(i, key, place, sizeof(place)))
		(void)snprintf(place, sizeof(place), "%s", uri);
	(void)snprintf(key, sizeof(key), "layer.%u", n);
	if (rehearse_image_fact(i, key, t->path, sizeof(t->path)))
		return "it lies on RAID, LVM, LUKS, multipath or iSCSI, which the guest does not "
		       "have";
	if (!parse_place(place, t))
		return "it is found by the name of its device or partition, which a scratch disk "
		       "does not have";
	(void)snprintf(t->uri, sizeof(t->uri), "%s", uri);
	return NULL;
}

static int choose(const struct rehearse_image *i, struct rehearse_target *t, struct ukd_error *e)
{
	const struct strings *list = &i->settings.dump.target;

	for (unsigned int n = 0; n < list->n; n++) {
		struct rehearse_target found = {0};
		const char *why = t->uri[0] ? "the one before it was taken" : take(i, n, &found);
		char text[1024];

		if (!why) {
			found.left_out = t->left_out;
			*t = found;
			continue;
		}
		(void)snprintf(text, sizeof(text), "%s: %s", list->v[n], why);
		if (strings_add(&t->left_out, text) < 0)
			return ukd_oom(e);
	}
	return 0;
}

/* One driver of the target's disk on this machine. */
struct walk {
	const struct root *root;
	const struct rehearse_image *image;
	struct rehearse_target *t;
};

static void check_module(const struct walk *w, const char *check, const char *name)
{
	switch (rehearse_image_module(w->root, w->image, name)) {
	case MODULE_IN_IMAGE:
		rehearse_target_check(w->t, false, check, "%s is in the image", name);
		break;
	case MODULE_BUILT_IN:
		rehearse_target_check(w->t, false, check, "%s is built into the kernel", name);
		break;
	case MODULE_MISSING:
		rehearse_target_check(w->t, true, check,
				      "the image lacks %s; run 'ukdumpctl build'", name);
		break;
	case MODULE_UNKNOWN:
		rehearse_target_check(w->t, false, check,
				      "%s is not in the image, nor are kernel %s's modules here "
				      "that could tell whether it is built in",
				      name, w->image->kernel);
		break;
	}
}

static int add_driver(void *ctx, const char *name, bool loadable, struct ukd_error *e)
{
	struct walk *w = ctx;
	size_t used = strlen(w->t->unproved);

	(void)loadable;
	(void)e;
	if (!strncmp(name, "virtio", 6))
		return 0;
	(void)snprintf(w->t->unproved + used, sizeof(w->t->unproved) - used, "%s%s",
		       used ? " " : "", name);
	check_module(w, "driver", name);
	return 0;
}

/* The disks below the target, as far as this machine has it. */
static void walk_disks(struct walk *w)
{
	char where[PLACE_MAX];
	struct storage storage;
	struct ukd_error ignored;
	struct place place = {0};
	int r;

	(void)snprintf(where, sizeof(where), "%s=%s:%s", w->t->uuid[0] ? "UUID" : "LABEL",
		       w->t->uuid[0] ? w->t->uuid : w->t->label, w->t->path);
	r = place_resolve(w->root, where, false, &place, &ignored);
	if (r >= 0 && place.fs[0])
		(void)snprintf(w->t->fs, sizeof(w->t->fs), "%s", place.fs);
	if (r < 0 || !place.device[0] ||
	    storage_walk(w->root, place.device, &storage, &ignored) < 0) {
		(void)snprintf(w->t->unproved, sizeof(w->t->unproved), "?");
		return;
	}
	for (unsigned int i = 0; i < storage.n; i++)
		if (storage.layers[i].kind == LAYER_DISK)
			(void)!device_drivers(w->root, storage.layers[i].device, add_driver, w,
					      &ignored);
}

int rehearse_target_choose(const struct root *root, const struct rehearse_image *i,
			   struct rehearse_target *ret, struct ukd_error *e)
{
	struct rehearse_target t = {0};
	struct walk w = {.root = root, .image = i, .t = &t};
	int r = choose(i, &t, e);

	if (r < 0) {
		rehearse_target_free(&t);
		return r;
	}
	if (t.uri[0]) {
		(void)snprintf(t.fs, sizeof(t.fs), FLEET_FS);
		walk_disks(&w);
		check_module(&w, "file system", t.fs);
		check_module(&w, "guest's disk", "virtio_blk");
	}
	*ret = t;
	return 0;
}
