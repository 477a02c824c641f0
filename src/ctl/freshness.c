// SPDX-License-Identifier: GPL-2.0-or-later
/* See freshness.h. Both files are root's own. */
#include "ctl/freshness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "build/sources.h"
#include "ctl/build_image.h"
#include "ctl/loader.h"
#include "util/cleanup.h"

static int read_record(const struct root *root, const char *image, struct inputs *ret,
		       struct ukd_error *e)
{
	char path[IMAGE_PATH_MAX + sizeof(INPUTS_EXT)];
	_buffer_ struct buffer text = {0};
	size_t n = strlen(image), ext = strlen(IMAGE_EXT);
	int r;

	if (n <= ext || n >= IMAGE_PATH_MAX || strcmp(image + n - ext, IMAGE_EXT) != 0)
		return ukd_fail(e, -ENOENT, "%s has no record of its inputs", image);
	(void)snprintf(path, sizeof(path), "%.*s" INPUTS_EXT, (int)(n - ext), image);
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

static void take_value(const struct buffer *text, const char *key, char *ret, size_t size)
{
	_free_ char *value = loader_value(text, key);

	(void)snprintf(ret, size, "%s", value ? value : "");
	text_printable(ret);
}

static bool is_result(const char *s)
{
	return !strcmp(s, OUTCOME_DONE) || !strcmp(s, OUTCOME_WAITS) ||
	       !strcmp(s, OUTCOME_NEXT_BOOT) || !strcmp(s, OUTCOME_FAILED);
}

bool outcome_read(const struct root *root, struct outcome *ret)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	struct outcome o = {0};

	if (root_read(root, OUTCOME_FILE, KIB(16), &text, &ignored) < 0)
		return false;
	take_value(&text, "time", o.time, sizeof(o.time));
	take_value(&text, "result", o.result, sizeof(o.result));
	take_value(&text, "reason", o.reason, sizeof(o.reason));
	take_value(&text, "image", o.image, sizeof(o.image));
	if (!o.time[0] || !is_result(o.result))
		return false;
	*ret = o;
	return true;
}

int outcome_write(const struct root *root, struct outcome *o, struct ukd_error *e)
{
	_free_ char *text = NULL;
	time_t now = time(NULL);
	struct tm tm;
	int n, r;

	(void)strftime(o->time, sizeof(o->time), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	text_printable(o->reason);
	text_printable(o->image);
	n = asprintf(&text, "time=%s\nresult=%s\nreason=%s\nimage=%s\n", o->time, o->result,
		     o->reason, o->image);
	if (n < 0)
		return ukd_oom(e);
	r = make_directories(root->fd, "run/ukdump", 0755, e);
	return r < 0 ? r :
		       file_replace(root->fd, &OUTCOME_FILE[1], 0600,
				    (struct bytes){(uint8_t *)text, (size_t)n}, e);
}
