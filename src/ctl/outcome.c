// SPDX-License-Identifier: GPL-2.0-or-later
/* See outcome.h. The file is root's own. */
#include "ctl/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/loader.h"
#include "util/cleanup.h"

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
