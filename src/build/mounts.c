// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the table of mounts: see mounts.h. Names of mount points are foreign text. */
#include "build/mounts.h"

#include <string.h>

#include "base/macro.h"

static unsigned int octal(char c)
{
	return (unsigned int)(c - '0') & 7;
}

/* Mount points have blanks and backslashes as \040 and the like. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)(octal(s[1]) << 6 | octal(s[2]) << 3 | octal(s[3]));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

bool mount_parse(char *line, struct mount *m)
{
	char *save = NULL, *field[32];
	unsigned int n = 0, dash = 0;

	for (char *f = strtok_r(line, " ", &save); f && n < ARRAY_SIZE(field);
	     f = strtok_r(NULL, " ", &save)) {
		if (!strcmp(f, "-"))
			dash = n;
		field[n++] = f;
	}
	if (dash < 6 || n < dash + 3)
		return false;
	*m = (struct mount){field[2], field[3], field[4], field[dash + 1], field[dash + 2]};
	unescape(m->fs_root);
	unescape(m->point);
	unescape(m->source);
	return true;
}

bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1)
		return true;
	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

bool mount_find(char *text, const char *path, struct mount *ret)
{
	char *save = NULL;
	size_t best = 0;
	struct mount m;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!mount_parse(line, &m) || !path_is_below(path, m.point) ||
		    strlen(m.point) < best)
			continue;
		best = strlen(m.point);
		*ret = m;
	}
	return best > 0;
}
