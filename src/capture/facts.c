// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts from build time: see facts.h. */
#include "capture/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define FACTS_FILE "/etc/ukdump/build.conf"

static int set_target(struct facts *f, const char *number, const char *value, struct ukd_error *e)
{
	uint64_t n;

	if (!parse_u64(number, &n) || n >= RECORD_TARGETS || strlen(value) >= sizeof(f->target[0]))
		return ukd_fail(e, -EINVAL, "bad line target.%s", number);
	(void)snprintf(f->target[n], sizeof(f->target[n]), "%s", value);
	return 0;
}

static int set_layer(struct facts *f, const char *number, const char *value, struct ukd_error *e)
{
	struct facts_layer *l = &f->layer[f->n_layers];
	size_t link = strcspn(value, " ");
	uint64_t n;

	if (!parse_u64(number, &n) || n >= RECORD_TARGETS || link >= sizeof(l->link) ||
	    value[0] != '/' || !value[link])
		return ukd_fail(e, -EINVAL, "bad line layer.%s", number);
	/* What is beyond the limit could only be missing from an explanation. */
	if (f->n_layers == FACTS_LAYERS)
		return 0;
	l->target = (unsigned int)n;
	(void)snprintf(l->link, sizeof(l->link), "%.*s", (int)link, value);
	(void)snprintf(l->name, sizeof(l->name), "%s", value + link + 1);
	f->n_layers++;
	return 0;
}

static int set_luks(struct facts *f, const char *number, const char *value, struct ukd_error *e)
{
	uint64_t n;

	if (!parse_u64(number, &n) || n >= RECORD_TARGETS || strlen(value) >= sizeof(f->luks[0]))
		return ukd_fail(e, -EINVAL, "bad line luks.%s", number);
	(void)snprintf(f->luks[n], sizeof(f->luks[n]), "%s", value);
	return 0;
}

static int parse_line(struct facts *f, char *line, struct ukd_error *e)
{
	char *value = strchr(line, '=');

	if (line[0] == '#' || !line[0])
		return 0;
	if (!value)
		return ukd_fail(e, -EINVAL, "'%s' is not key=value", line);
	*value++ = 0;
	if (!strcmp(line, "machine_id")) {
		if (!machine_set(f->machine, value))
			return ukd_fail(e, -EINVAL, "bad machine_id");
	} else if (!strcmp(line, "image")) {
		(void)snprintf(f->image, sizeof(f->image), "%s", value);
	} else if (!strcmp(line, "environment")) {
		f->full = !strcmp(value, "full");
	} else if (!strncmp(line, "target.", 7)) {
		return set_target(f, line + 7, value, e);
	} else if (!strncmp(line, "layer.", 6)) {
		return set_layer(f, line + 6, value, e);
	} else if (!strncmp(line, "luks.", 5)) {
		return set_luks(f, line + 5, value, e);
	}
	return 0;
}

static int parse_file(struct facts *f, char *text, struct ukd_error *e)
{
	unsigned int number = 1;
	char *next, *save = text;

	while ((next = strsep(&save, "\n"))) {
		if (parse_line(f, next, e) < 0)
			return ukd_prefix(e, "%s:%u", FACTS_FILE, number);
		number++;
	}
	return 0;
}

int facts_read(const struct root *root, struct facts *ret, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r;

	*ret = (struct facts){0};
	r = root_read(root, FACTS_FILE, KIB(64), &b, e);
	if (r == 0)
		r = parse_file(ret, (char *)b.data, e);
	else if (r == -ENOENT)
		r = 0;
	/* An image without host data (fleet image) still has to tell machines apart. */
	if (!ret->machine[0] && !machine_from_firmware(root, ret->machine))
		(void)machine_set(ret->machine, MACHINE_UNKNOWN);
	return r;
}

unsigned int facts_target(const struct facts *f, const char *place)
{
	unsigned int i = 0;

	while (i < RECORD_TARGETS && strcmp(f->target[i], place) != 0)
		i++;
	return i;
}

bool facts_stacked(const struct facts *f, unsigned int target)
{
	static const char disk[] = "/dev/disk/by-path/"; /* behind an iSCSI session */

	for (unsigned int i = 0; i < f->n_layers; i++)
		if (f->layer[i].target == target &&
		    strncmp(f->layer[i].link, disk, strlen(disk)) != 0)
			return true;
	return false;
}

const struct facts_layer *facts_missing_layer(const struct facts *f, const struct root *root,
					      unsigned int target)
{
	for (unsigned int i = 0; i < f->n_layers; i++)
		if (f->layer[i].target == target && !root_exists(root, f->layer[i].link))
			return &f->layer[i];
	return NULL;
}

bool facts_have_key(const struct facts *f)
{
	for (unsigned int i = 0; i < RECORD_TARGETS; i++)
		if (f->luks[i][0])
			return true;
	return false;
}
