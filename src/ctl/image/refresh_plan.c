// SPDX-License-Identifier: GPL-2.0-or-later
/* See refresh_plan.h. */
#include "ctl/image/refresh_plan.h"

#include <string.h>

bool refresh_builds(const struct images *l, const char *kver, bool fresh, bool force)
{
	const struct image *chosen = images_choose(l, kver), *newest = images_newest(l, kver);

	if (chosen && chosen->fleet)
		return false;
	return force || !newest || !fresh;
}

const struct image *refresh_arms(const struct images *l, const char *kver, bool anything_armed)
{
	const struct image *chosen = images_choose(l, kver);

	for (unsigned int i = 0; !chosen && !anything_armed && i < l->n; i++)
		if (l->v[i].sealed && !l->v[i].waits)
			chosen = &l->v[i];
	return chosen;
}

static bool is_newest_signed(const struct images *l, const struct image *image)
{
	for (const struct image *i = l->v; i < image; i++)
		if (!i->fleet && !i->waits && !strcmp(i->kver, image->kver))
			return false;
	return !image->waits;
}

bool refresh_drops(const struct images *l, const struct image *image, const struct image_use *use)
{
	if (image->fleet || !image->recorded || use->armed || use->last_good)
		return false;
	return !use->installed ||
	       (image != images_newest(l, image->kver) && !is_newest_signed(l, image));
}
