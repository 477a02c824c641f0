// SPDX-License-Identifier: GPL-2.0-or-later
/* Profiles of a UKI: see profile.h. Their texts come from the file and are hostile. */
#include "pe/profile.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

/* The value of KEY= in a text of os-release form, quotes removed; empty if it is not there. */
static void get_field(const char *text, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key), len;

	ret[0] = 0;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) != 0 || line[n] != '=')
			continue;
		line += n + 1;
		len = strcspn(line, "\n");
		if (len >= 2 && (*line == '"' || *line == '\'') && line[len - 1] == *line) {
			line++;
			len -= 2;
		}
		(void)snprintf(ret, size, "%.*s", (int)len, line);
		return;
	}
}

void uki_profile_get(const struct uki *u, unsigned int number, struct uki_profile *ret)
{
	struct uki_profile p = {.number = number};
	bool base = true, ours = false;
	unsigned int seen = 0;
	const char *text;

	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id == UKI_PROFILE) {
			base = false;
			ours = seen++ == number;
		}
		if (s->id == UKI_OTHER || !(base || ours))
			continue;
		/* of repeated ones the first, but a profile's own before the base's */
		if (!p.section[s->id] || (ours && !(uki_sections[s->id].flags & UKI_REPEATS)))
			p.section[s->id] = s;
	}
	text = uki_profile_text(u, &p, UKI_PROFILE);
	if (text) {
		get_field(text, "ID", p.id, sizeof(p.id));
		get_field(text, "TITLE", p.title, sizeof(p.title));
	}
	*ret = p;
}

int uki_profile_find(const struct uki *u, const char *name, struct uki_profile *ret,
		     struct ukd_error *e)
{
	uint64_t number = 0;

	if (!name || parse_u64(name, &number)) {
		if (number < u->n_profiles) {
			uki_profile_get(u, (unsigned int)number, ret);
			return 0;
		}
		return ukd_refuse(e, "uki.profile", "%s: no profile %s, it has %u", u->name, name,
				  u->n_profiles);
	}
	for (unsigned int i = 0; i < u->n_profiles; i++) {
		uki_profile_get(u, i, ret);
		if (ret->id[0] && !strcmp(ret->id, name))
			return 0;
	}
	return ukd_refuse(e, "uki.profile", "%s: no profile with ID '%s'", u->name, name);
}

const char *uki_profile_text(const struct uki *u, const struct uki_profile *p, enum uki_section id)
{
	return (const char *)uki_content(u, p->section[id]).p;
}
