// SPDX-License-Identifier: GPL-2.0-or-later
/* See build_key.h. */
#include "ctl/key/build_key.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/key/host_key.h"
#include "util/cleanup.h"

typedef void (*note_fn)(void *ctx, const char *text);

/* A key that the kernel trusts already would save enrolling the host key. */
static void hint(const struct signing_key_spec *spec, note_fn note, void *ctx)
{
	_free_ struct found_keys *keys = calloc(1, sizeof(*keys));
	char text[2 * KEY_PATH_MAX + 128];
	struct ukd_error ignored;

	if (!keys || keys_find(spec->root, spec->settings, keys, &ignored) < 0)
		return;
	for (unsigned int i = 0; i < keys->n; i++) {
		const struct found_key *k = &keys->v[i];

		if (!k->usable || k->kernel.opinion != KERNEL_TRUSTS)
			continue;
		(void)snprintf(
			text, sizeof(text),
			"the kernel trusts the key of %s already; to sign with it set Key=%s and "
			"Certificate=%s in [Image] of ukdump.conf",
			k->place, k->key, k->cert);
		note(ctx, text);
		return;
	}
}

int build_key_load(const struct signing_key_spec *spec, note_fn note, void *ctx,
		   struct signing_key *ret, struct ukd_error *e)
{
	char text[AUTH_KEY_TEXT_MAX + 64];
	int r = 0;

	if (!spec->key && !spec->settings->image.key) {
		r = host_key_ensure(spec->root, e);
		if (r > 0) {
			note(ctx, "made the host key " HOST_KEY);
			hint(spec, note, ctx);
		}
		if (r >= 0 && !host_key_trusted(spec->root))
			note(ctx,
			     HOST_TRUST " is missing: start will refuse the host key's images");
	}
	if (r >= 0)
		r = signing_key_load(spec, ret, e);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "key: %s%s%s%s", ret->name, ret->place ? " (" : "",
		       ret->place ? ret->place : "", ret->place ? ")" : "");
	note(ctx, text);
	return 0;
}
