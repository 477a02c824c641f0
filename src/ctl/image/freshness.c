// SPDX-License-Identifier: GPL-2.0-or-later
/* See freshness.h. The record is root's own. */
#include "ctl/image/freshness.h"

#include <errno.h>

#include "build/sources.h"
#include "ctl/image/build_image.h"
#include "ctl/image/images.h"
#include "util/cleanup.h"

static int read_record(const struct root *root, const char *image, struct inputs *ret,
		       struct ukd_error *e)
{
	char path[IMAGE_PATH_MAX + sizeof(INPUTS_EXT)];
	_buffer_ struct buffer text = {0};
	int r;

	if (!record_path(image, path, sizeof(path)))
		return ukd_fail(e, -ENOENT, "%s has no record of its inputs", image);
	r = root_read(root, path, INPUTS_MAX, &text, e);
	if (r >= 0)
		r = inputs_parse(buffer_bytes(&text), ret, e);
	return r == -EBADMSG ? ukd_prefix(e, "%s", path) : r;
}

int image_changes(const struct root *root, const struct settings *s, const char *image,
		  struct strings *ret, struct ukd_error *e)
{
	static const struct build_options as_refresh;
	_inputs_ struct inputs recorded = {0}, now = {0};
	_strings_ struct strings changed = {0};
	_free_ char *cmdline = NULL;
	int r = read_record(root, image, &recorded, e);

	if (r >= 0)
		r = build_command_line(root, s, &as_refresh, &cmdline, e);
	if (r >= 0)
		r = inputs_add_statements(&now, root, s, cmdline, e);
	if (r >= 0)
		r = inputs_changed(&recorded, root, &now, &changed, e);
	if (r < 0)
		return r;
	*ret = changed;
	changed = (struct strings){0};
	return 0;
}
