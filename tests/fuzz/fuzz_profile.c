// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sections of a UKI as a list: kind, length, content. What passes as a UKI has profiles that
 * can be told apart, and every reader of them sees the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe/profile.h"
#include "pe/uki_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* First byte: the file's kind; then for each section one byte of kind, two of length. */
static void make(struct bytes in, struct uki *u)
{
	u->name = "fuzz";
	u->kind = in.len ? in.p[0] % (UKI_ADDON + 1) : UKI_PLAIN;
	for (uint64_t off = 1; off + 3 <= in.len && u->pe.n_sections < PE_MAX_SECTIONS;) {
		unsigned int i = u->pe.n_sections++;
		struct pe_section *s = &u->pe.section[i];
		uint64_t left = in.len - off - 3;
		uint32_t len = load_le16(in.p + off + 1);

		s->id = in.p[off] % (UKI_SECTION_MAX + 1);
		s->raw_size = s->vsize = len < left ? len : (uint32_t)left;
		(void)snprintf(s->name, sizeof(s->name), "s%u", i);
		u->content[i].len = uki_kept_len(s);
		if (u->content[i].len) {
			u->content[i].data = calloc(1, u->content[i].len + 1);
			must(u->content[i].data != NULL);
			memcpy(u->content[i].data, in.p + off + 3, u->content[i].len);
		}
		off += 3 + s->raw_size;
	}
}

static void check_profile(const struct uki *u, const struct uki_profile *p)
{
	char number[16];
	struct uki_profile other;
	struct ukd_error e = {0};

	(void)snprintf(number, sizeof(number), "%u", p->number);
	must(uki_profile_find(u, number, &other, &e) == 0 && !memcmp(p, &other, sizeof(other)));
	must((p->section[UKI_PROFILE] != NULL) == (p->id[0] != 0));
	if (p->id[0])
		must(uki_profile_find(u, p->id, &other, &e) == 0 && other.number == p->number);
	for (const char *c = p->title; *c; c++)
		must(*c >= 0x20 && *c < 0x7f);
	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++) {
		const char *text = uki_profile_text(u, p, id);

		must(!p->section[id] || p->section[id]->id == id);
		if (text && uki_sections[id].flags & UKI_TEXT && id != UKI_SBAT)
			must(strlen(text) == pe_section_len(p->section[id]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_uki_ struct uki u = {0};
	struct uki_profile p;
	struct ukd_error e = {0};
	char beyond[16];

	make((struct bytes){data, size}, &u);
	if (uki_check_table(&u, &e) < 0 || uki_check_contents(&u, &e) < 0) {
		must(e.check[0] != 0);
		return 0;
	}
	must(u.n_profiles == (pe_count(&u.pe, UKI_PROFILE) ? pe_count(&u.pe, UKI_PROFILE) : 1));
	for (unsigned int i = 0; i < u.n_profiles; i++) {
		uki_profile_get(&u, i, &p);
		must(p.number == i);
		must(u.kind == UKI_ADDON || (p.section[UKI_LINUX] && p.section[UKI_OSREL]));
		check_profile(&u, &p);
	}
	(void)snprintf(beyond, sizeof(beyond), "%u", u.n_profiles);
	must(uki_profile_find(&u, beyond, &p, &e) < 0);
	return 0;
}
