// SPDX-License-Identifier: GPL-2.0-or-later
/* What an image is made of, beyond its list of sections: see inspect.h. */
#include "ctl/image/inspect.h"

#include <stdio.h>
#include <string.h>

#include "pe/kernel.h"
#include "pe/profile.h"
#include "pe/sbat.h"

#define SBAT_WORD 128

void inspect_stub_name(const struct uki *u, char ret[INSPECT_STUB_MAX])
{
	static const char mark[] = "LoaderInfo: ";
	char text[128], *name;
	size_t len;

	ret[0] = 0;
	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];

		if (strcmp(s->name, ".sdmagic") != 0)
			continue;
		len = pe_section_len(s) < sizeof(text) ? pe_section_len(s) : sizeof(text) - 1;
		if (fd_pread_full(u->fd, text, len, s->raw) < 0)
			return;
		text[len] = 0;
		name = strstr(text, mark);
		if (!name)
			return;
		name += strlen(mark);
		name[strcspn(name, "#")] = 0;
		(void)snprintf(ret, INSPECT_STUB_MAX, "%s", name);
		len = strlen(ret);
		if (len && ret[len - 1] == ' ')
			ret[len - 1] = 0;
		(void)text_clean(ret);
		return;
	}
}

/* Whether the section that counts in this profile is the profile's own. */
static bool is_own(const struct uki_profile *p, enum uki_section id)
{
	const struct pe_section *begin = p->section[UKI_PROFILE];

	return id != UKI_PROFILE && begin && p->section[id] && p->section[id] > begin;
}

/* Whether there is one of that kind for all profiles, too. */
static bool in_base(const struct uki *u, enum uki_section id)
{
	const struct pe_section *first = pe_find(&u->pe, id), *end = pe_find(&u->pe, UKI_PROFILE);

	return first && end && first < end;
}

/* The name in a section table is not NUL-terminated if it has 8 characters. */
static const char *section_name(enum uki_section id, char ret[PE_SECTION_NAME_LEN + 1])
{
	memcpy(ret, uki_sections[id].name, PE_SECTION_NAME_LEN);
	ret[PE_SECTION_NAME_LEN] = 0;
	return ret;
}

static void print_own(const struct uki *u, const struct uki_profile *p, bool replaces)
{
	char name[PE_SECTION_NAME_LEN + 1];
	bool any = false;

	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++) {
		if (!is_own(p, id) || in_base(u, id) != replaces)
			continue;
		printf("%s%s",
		       any	? " " :
		       replaces ? "; replaces " :
				  "; adds ",
		       section_name(id, name));
		any = true;
	}
}

static void print_profiles(const struct uki *u)
{
	struct uki_profile p;

	if (!pe_find(&u->pe, UKI_PROFILE))
		return;
	printf("profiles      %u\n", u->n_profiles);
	for (unsigned int i = 0; i < u->n_profiles; i++) {
		uki_profile_get(u, i, &p);
		printf("  @%-3u        ID=%s", i, p.id);
		if (p.title[0])
			printf(" '%s'", p.title);
		print_own(u, &p, true);
		print_own(u, &p, false);
		printf("\n");
	}
}

static struct json_object *profile_json(const struct uki *u, unsigned int number)
{
	struct json_object *o = json_object_checked(), *own = json_array_checked();
	char name[PE_SECTION_NAME_LEN + 1];
	struct uki_profile p;

	uki_profile_get(u, number, &p);
	json_number(o, "number", number);
	json_text(o, "id", p.id);
	json_text_or_null(o, "title", p.title);
	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++) {
		struct json_object *s;

		if (!is_own(&p, id))
			continue;
		s = json_object_checked();
		json_text(s, "name", section_name(id, name));
		json_flag(s, "replaces", in_base(u, id));
		json_append(own, s);
	}
	json_add(o, "sections", own);
	return o;
}

/* uki_read() has checked .sbat, so that this never refuses. */
static bool next_component(struct sbat *it, char name[SBAT_WORD], unsigned int *generation)
{
	struct sbat_entry entry;
	struct ukd_error ignored;

	if (sbat_next(it, &entry, &ignored) <= 0)
		return false;
	(void)snprintf(name, SBAT_WORD, "%.*s", (int)entry.component.len,
		       (const char *)entry.component.p);
	*generation = entry.generation;
	return true;
}

static struct sbat sbat_of(const struct uki *u)
{
	return (struct sbat){.text = uki_content(u, pe_find(&u->pe, UKI_SBAT)),
			     .columns = SBAT_IMAGE_COLUMNS,
			     .check = "uki.sbat"};
}

static void print_sbat(const struct uki *u)
{
	struct sbat it = sbat_of(u);
	const char *before = "sbat          ";
	unsigned int generation;
	char name[SBAT_WORD];

	for (; next_component(&it, name, &generation); before = ", ")
		printf("%s%s %u", before, name, generation);
	printf("\n");
}

static struct json_object *sbat_json(const struct uki *u)
{
	struct json_object *array = json_array_checked();
	struct sbat it = sbat_of(u);
	unsigned int generation;
	char name[SBAT_WORD];

	while (next_component(&it, name, &generation)) {
		struct json_object *o = json_object_checked();

		json_text(o, "component", name);
		json_number(o, "generation", generation);
		json_append(array, o);
	}
	return array;
}

/* The version string of the inner kernel; empty if it names none. */
static void inner_version(const struct judgement *j, char ret[SEALED_VERSION_MAX + 1])
{
	const struct uki *u = &j->uki;

	if (u->kind == UKI_SEALED)
		(void)snprintf(ret, SEALED_VERSION_MAX + 1, "%s", j->facts.version);
	else
		kernel_version_string(uki_content(u, pe_find(&u->pe, UKI_LINUX)), ret);
}

/* Nothing is known about the inner signature of an image whose kernel needs none. */
static bool inner_known(const struct judgement *j)
{
	struct bytes id = {j->inner.image_id, AUTH_SHA256_LEN};

	return j->uki.kind == UKI_PLAIN &&
	       (j->inner.verdict != AUTH_UNSIGNED || !bytes_all_zero(id));
}

/* What is wrong with its signature, whoever trusts it; NULL if nothing is. */
static const char *inner_fault(const struct auth_result *inner)
{
	bool faulty = inner->verdict == AUTH_MALFORMED || inner->verdict == AUTH_DIGEST ||
		      inner->verdict == AUTH_BAD_SIGNATURE;

	return faulty ? inner->reason : NULL;
}

static void print_inner(const struct auth_result *inner)
{
	if (inner_fault(inner))
		printf("inner kernel  cannot be verified by itself: %s\n", inner_fault(inner));
	else if (!inner->n_signatures)
		printf("inner kernel  unsigned\n");
	else
		printf("inner kernel  signed by %s\n",
		       inner->n_chain ? inner->chain[0].subject : "(unreadable)");
}

static struct json_object *inner_json(const struct auth_result *inner)
{
	struct json_object *o = json_object_checked();

	json_number(o, "signatures", inner->n_signatures);
	json_text(o, "signer", inner->n_chain ? inner->chain[0].subject : NULL);
	json_text(o, "fault", inner_fault(inner));
	json_hex(o, "image", inner->image_id, AUTH_SHA256_LEN);
	return o;
}

void inspect_parts_print(const struct judgement *j)
{
	char version[SEALED_VERSION_MAX + 1], stub[INSPECT_STUB_MAX];

	inner_version(j, version);
	if (version[0])
		printf("kernel        %s\n", version);
	if (inner_known(j))
		print_inner(&j->inner);
	inspect_stub_name(&j->uki, stub);
	if (stub[0])
		printf("EFI stub      %s\n", stub);
	print_sbat(&j->uki);
	print_profiles(&j->uki);
}

void inspect_parts_json(const struct judgement *j, struct json_object *o)
{
	char version[SEALED_VERSION_MAX + 1], stub[INSPECT_STUB_MAX];
	struct json_object *profiles = json_array_checked();

	inner_version(j, version);
	json_text_or_null(o, "kernel", version);
	json_add(o, "inner", inner_known(j) ? inner_json(&j->inner) : NULL);
	inspect_stub_name(&j->uki, stub);
	json_text_or_null(o, "efi_stub", stub);
	json_add(o, "sbat", sbat_json(&j->uki));
	for (unsigned int i = 0; pe_find(&j->uki.pe, UKI_PROFILE) && i < j->uki.n_profiles; i++)
		json_append(profiles, profile_json(&j->uki, i));
	json_add(o, "profile_list", profiles);
}
