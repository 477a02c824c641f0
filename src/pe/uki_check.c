// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules for UKIs and addons: see uki_check.h. Numbers: malformations in docs/UKI.md. */
#include "pe/uki_check.h"

#include <string.h>

#include "pe/kernel.h"
#include "pe/profile.h"

#define KEPT_TOTAL_MAX MIB(1) /* of one file; room for a .pcrsig in each of 192 sections */

uint32_t uki_kept_len(const struct pe_section *s)
{
	uint32_t len = pe_section_len(s);

	if (s->id == UKI_OTHER)
		return 0;
	if (s->id == UKI_LINUX)
		return len < UKI_KERNEL_HEAD ? len : UKI_KERNEL_HEAD;
	if (s->id == UKI_KEXEC || uki_sections[s->id].flags & UKI_TEXT)
		return len;
	return 0;
}

static int check_sizes(const struct uki *u, struct ukd_error *e)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id == UKI_OTHER)
			continue;
		/* 25: readers would zero-extend, or run on into the next section */
		if (s->vsize > s->raw_size)
			return ukd_refuse(e, "uki.virtual-size",
					  "section '%s': 0x%x bytes in memory, 0x%x in the file",
					  s->name, s->vsize, s->raw_size);
		total += uki_kept_len(s);
		if (uki_kept_len(s) > UKI_TEXT_MAX || total > KEPT_TOTAL_MAX)
			return ukd_refuse(e, "uki.text-size",
					  "section '%s' of %u bytes, %llu with those before it: "
					  "the limits are 64 KiB and 1 MiB",
					  s->name, uki_kept_len(s), (unsigned long long)total);
	}
	return 0;
}

/* 29: within the base and within each profile a section occurs once; .sbat in the whole file. */
static int check_repeats(const struct uki *u, struct ukd_error *e)
{
	bool seen[UKI_SECTION_MAX] = {false};

	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id == UKI_PROFILE)
			memset(seen, 0, sizeof(seen));
		if (s->id == UKI_OTHER || uki_sections[s->id].flags & UKI_REPEATS)
			continue;
		if (seen[s->id] || (s->id == UKI_SBAT && pe_find(&u->pe, UKI_SBAT) != s))
			return ukd_refuse(e, "uki.duplicate", "section '%s' occurs twice", s->name);
		seen[s->id] = true;
	}
	return 0;
}

/* True if the section is there in every profile: in the base, or there is only one profile. */
static bool in_every_profile(const struct uki *u, enum uki_section id)
{
	const struct pe_section *s = pe_find(&u->pe, id), *first = pe_find(&u->pe, UKI_PROFILE);

	return s && (u->n_profiles == 1 || s < first);
}

/* 30, 32: what makes a file a UKI, and revocable. */
static int check_uki(const struct uki *u, struct ukd_error *e)
{
	static const enum uki_section required[] = {UKI_LINUX, UKI_OSREL, UKI_SBAT};

	/* each profile could have a kernel of its own, of which only one would be looked at */
	if (pe_count(&u->pe, UKI_LINUX) > 1)
		return ukd_refuse(e, "uki.kernels", "%u '.linux' sections, need one",
				  pe_count(&u->pe, UKI_LINUX));
	for (unsigned int i = 0; i < ARRAY_SIZE(required); i++)
		if (!in_every_profile(u, required[i]))
			return ukd_refuse(e, "uki.required", "not a UKI: no '%s' section%s",
					  uki_sections[required[i]].name,
					  pe_find(&u->pe, required[i]) ? " in every profile" : "");
	return 0;
}

/*
 * 30, 32: what systemd-stub (257) takes from an addon, and what it is matched and revoked by. Of
 * the rest it takes no notice, so such an addon does not do what its maker meant; .osrel is not
 * matched, and with it a UKI that lost its .linux would pass for an addon.
 */
static int check_addon(const struct uki *u, struct ukd_error *e)
{
	static const bool useful[UKI_SECTION_MAX] = {
		[UKI_CMDLINE] = true, [UKI_DTB] = true,	  [UKI_DTBAUTO] = true, [UKI_UCODE] = true,
		[UKI_INITRD] = true,  [UKI_UNAME] = true, [UKI_SBAT] = true,	[UKI_SBOM] = true,
	};

	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (s->id != UKI_OTHER && !useful[s->id])
			return ukd_refuse(e, "addon.sections",
					  "a '%s' section, but no '.linux': neither a UKI nor an "
					  "addon",
					  s->name);
	}
	if (!pe_find(&u->pe, UKI_SBAT))
		return ukd_refuse(e, "addon.required", "an addon without a '.sbat' section");
	return 0;
}

int uki_check_table(struct uki *u, struct ukd_error *e)
{
	int r = check_sizes(u, e);

	u->n_profiles = pe_count(&u->pe, UKI_PROFILE);
	if (!u->n_profiles)
		u->n_profiles = 1;
	if (r >= 0)
		r = check_repeats(u, e);
	if (r >= 0)
		r = u->kind == UKI_ADDON ? check_addon(u, e) : check_uki(u, e);
	return r;
}

/* A line feed at the end of .uname and NULs at that of .sbat: there some builders put them. */
static struct bytes trim(enum uki_section id, struct bytes text)
{
	if (id == UKI_UNAME && text.len && text.p[text.len - 1] == '\n')
		text.len--;
	while (id == UKI_SBAT && text.len && !text.p[text.len - 1])
		text.len--;
	return text;
}

/* 34: a NUL or a control character hides what comes behind it from the one who reads. */
static int check_text(const struct pe_section *s, struct bytes text, struct ukd_error *e)
{
	for (uint64_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (!c)
			return ukd_refuse(e, "uki.text", "section '%s' contains a NUL byte",
					  s->name);
		if (c >= 0x20 && c < 0x7f)
			continue;
		if (s->id == UKI_CMDLINE)
			return ukd_refuse(e, "uki.cmdline",
					  "section '.cmdline' contains byte 0x%02x, need printable "
					  "ASCII",
					  c);
		if (s->id == UKI_UNAME)
			return ukd_refuse(e, "uki.uname",
					  "section '.uname' contains byte 0x%02x, need printable "
					  "ASCII",
					  c);
		if (c == 0x7f || (c < 0x20 && !strchr("\t\n\r", c)))
			return ukd_refuse(e, "uki.text",
					  "section '%s' contains control character 0x%02x", s->name,
					  c);
	}
	return 0;
}

/* Every occurrence: the .cmdline of a profile is a command line like the first. */
static int check_texts(const struct uki *u, struct ukd_error *e)
{
	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];
		int r = 0;

		if (s->id != UKI_OTHER && uki_sections[s->id].flags & UKI_TEXT)
			r = check_text(s, trim(s->id, uki_content(u, s)), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * 33: modules are looked up by this name, and addons are matched with it. What a sealed image has
 * here is what its builder was told (--uname).
 */
static int check_uname(const struct uki *u, struct ukd_error *e)
{
	char version[SEALED_VERSION_MAX + 1];
	struct bytes name = {(const uint8_t *)version, 0};

	kernel_version_string(uki_content(u, pe_find(&u->pe, UKI_LINUX)), version);
	name.len = strcspn(version, " ");
	for (unsigned int i = 0; name.len && i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];
		struct bytes uname = trim(UKI_UNAME, uki_content(u, s));

		if (s->id == UKI_UNAME && !bytes_equal(uname, name))
			return ukd_refuse(e, "uki.uname",
					  "'.uname' says %.*s, the kernel in '.linux' is %.*s",
					  (int)uname.len, (const char *)uname.p, (int)name.len,
					  version);
	}
	return 0;
}

int uki_check_contents(const struct uki *u, struct ukd_error *e)
{
	int r = check_texts(u, e);

	if (r < 0)
		return r;
	if (!bytes_start_with(uki_content(u, pe_find(&u->pe, UKI_SBAT)), "sbat,1,"))
		return ukd_refuse(e, "uki.sbat", "section '.sbat' does not begin with 'sbat,1,'");
	r = uki_profiles_check(u, e);
	if (r >= 0 && u->kind == UKI_PLAIN)
		r = check_uname(u, e);
	return r;
}
