// SPDX-License-Identifier: GPL-2.0-or-later
/* Which encrypted device a target is on: see luks.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/luks.h"
#include "build/storage.h"
#include "build/target.h"

int luks_of_target(const struct root *root, const char *target, struct luks_device *ret,
		   struct ukd_error *e)
{
	const struct layer *luks = NULL;
	struct storage storage;
	struct place place;
	int r = place_resolve(root, target, false, &place, e);

	if (r < 0)
		return r;
	if (place.device[0]) {
		r = storage_walk(root, place.device, &storage, e);
		if (r >= 0)
			r = storage_luks(&storage, &luks, e);
	}
	if (r >= 0 && !luks)
		return ukd_fail(e, -ENOENT, "%s is not on an encrypted device", target);
	if (r >= 0)
		r = layer_luks_uuid(luks, ret->uuid, e);
	if (r < 0)
		return ukd_prefix(e, "%s", target);
	(void)snprintf(ret->target, sizeof(ret->target), "%s", target);
	(void)snprintf(ret->node, sizeof(ret->node), "/dev/%s", luks->below);
	return 0;
}

int luks_of_settings(const struct root *root, const struct settings *s, struct luks_device *ret,
		     struct ukd_error *e)
{
	for (unsigned int i = 0; i < s->dump.target.n; i++) {
		int r = place_is_disk(s->dump.target.v[i]) ?
				luks_of_target(root, s->dump.target.v[i], ret, e) :
				-ENOENT;

		if (r != -ENOENT)
			return r;
	}
	return ukd_fail(e, -ENOENT, "no Target= is on a LUKS device of this machine");
}

int luks_check_images(const struct root *root, const char *images, const char *uuid,
		      struct ukd_error *e)
{
	struct luks_device d = {0};
	char target[600];
	int r;

	(void)snprintf(target, sizeof(target), "file:%s", images);
	r = luks_of_target(root, target, &d, e);
	if (r == 0 && !strcmp(d.uuid, uuid))
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	return ukd_refuse(e, "luks.images",
			  "%s is not on the encrypted device %s: its key would lie outside of it; "
			  "put the directory there (a mount of its own will do)",
			  images, uuid);
}
