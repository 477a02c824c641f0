/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles of a UKI (systemd-stub(7), "Multi-profile UKIs"): sections before the first .profile
 * are the base; each .profile begins a profile, whose sections replace the base's of that name.
 * Membership goes by the order of the section table. A UKI without .profile has one profile, 0.
 */
#pragma once

#include "pe/uki.h"

#define UKI_PROFILE_ID_MAX 64
#define UKI_PROFILE_TITLE  128

/* systemd-stub takes 256 profiles (UNIFIED_PROFILES_MAX); no file that we take has as many. */
_Static_assert(PE_MAX_SECTIONS < 256, "as many profiles as systemd-stub takes");

struct uki_profile {
	unsigned int number;
	char id[UKI_PROFILE_ID_MAX];   /* ID= of its .profile; empty if there is no .profile */
	char title[UKI_PROFILE_TITLE]; /* TITLE=, may be empty; '?' for what is not ASCII */
	/*
	 * The section of each kind that counts in this profile, NULL if there is none; of kinds
	 * that repeat (.dtbauto, .efifw) the first. .profile: its own.
	 */
	const struct pe_section *section[UKI_SECTION_MAX];
};

/* number < u->n_profiles. u: after uki_read(), which has validated every .profile. */
void uki_profile_get(const struct uki *u, unsigned int number, struct uki_profile *ret);

/*
 * name: a number or an ID; NULL: profile 0. Refuses (check "uki.profile") one that is not there: a
 * silent fallback would run another command line.
 */
int uki_profile_find(const struct uki *u, const char *name, struct uki_profile *ret,
		     struct ukd_error *e) _must_check_;

/* Text of a section in this profile, NUL-terminated, or NULL if it has none. */
const char *uki_profile_text(const struct uki *u, const struct uki_profile *p, enum uki_section id);

/*
 * Every .profile has lines of os-release form and exactly one ID=, of printable ASCII without
 * quotes, that no other profile has; an ID that is a number is its own profile's number, so that
 * uki_profile_find() never has a choice. For uki_read(), whose contents it looks at.
 */
int uki_profiles_check(const struct uki *u, struct ukd_error *e) _must_check_;
