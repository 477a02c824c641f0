// SPDX-License-Identifier: GPL-2.0-or-later
/* What start, stop, reload and refresh share: see arming.h. */
#include "ctl/image/arming.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/loader.h"
#include "ctl/image/target_check.h"
#include "util/cleanup.h"
#include "util/root.h"

int arming_newest_image(const struct root *root, const char *release, char ret[IMAGE_PATH_MAX],
			struct ukd_error *e)
{
	_images_ struct images images = {0};
	const struct image *image, *newest;
	int r = images_read(root, &images, e);

	if (r < 0)
		return r;
	image = images_choose(&images, release);
	newest = images_newest(&images, release);
	if (newest && newest->waits)
		fprintf(stderr, "ukdumpctl: %s is unsigned, left out\n", newest->path);
	if (!image)
		return ukd_fail(e, -ENOENT,
				"no capture image for kernel %s below " IMAGE_DIR
				"; run 'ukdumpctl build'",
				release);
	memcpy(ret, image->path, IMAGE_PATH_MAX);
	return 0;
}

void arming_warn_about_targets(void)
{
	_root_ struct root root = ROOT_NONE;
	_targets_ struct targets t = {0};
	struct ukd_error e = {0};
	int r = root_open(NULL, &root, &e);

	if (r >= 0)
		r = targets_check(&root, &t, &e);
	if (r < 0)
		fprintf(stderr, "ukdumpctl: warning: %s\n", e.text);
	for (unsigned int i = 0; i < t.n; i++)
		if (t.v[i].problem[0])
			fprintf(stderr, "ukdumpctl: warning: target %s: %s\n", t.v[i].uri,
				t.v[i].problem);
	if (t.recipients.code)
		fprintf(stderr, "ukdumpctl: warning: %s\n", t.recipients.text);
}

int arming_change(const char *path, const char *profile, struct buffer *ret, struct ukd_error *e)
{
	int r = loader_run(path ? "load" : "unload", profile, path, ret, e);

	return r > 0 ? e->code : r;
}
