// SPDX-License-Identifier: GPL-2.0-or-later
/* What a virtiofs:// target needs: two drivers, no device of ours, no program. */
#include <string.h>

#include "build/needs.h"

#define SCHEME	"virtiofs://"
#define TAG_MAX 36 /* virtio specification 1.2, 5.11.4 */

int need_virtiofs(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	const char *tag = target + strlen(SCHEME);
	size_t len = strcspn(tag, "/");
	int r;

	(void)index; /* goes into the image as it is */
	if (!len || len > TAG_MAX)
		return ukd_refuse(e, "target",
				  "Target=%s: need virtiofs://TAG/DIR, TAG of 1 to %d "
				  "bytes",
				  target, TAG_MAX);
	r = need_driver_strictly(n, "virtiofs", e);
	/* Not there on machines that have their virtio devices elsewhere than on PCI. */
	if (r >= 0)
		r = need_driver(n, "virtio_pci", e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	needs_note(n, "target %s: drivers virtiofs virtio_pci", target);
	return 0;
}
