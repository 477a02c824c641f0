// SPDX-License-Identifier: GPL-2.0-or-later
/* `ukdumpctl verify --json`: see verify.h. Fields are added, never changed. */
#include <stdio.h>

#include "ctl/image/verify.h"
#include "pe/profile.h"

static struct json_object *inner_json(const struct auth_result *inner)
{
	struct json_object *o = json_object_checked();

	json_text(o, "verdict", auth_verdict_name(inner->verdict));
	json_text(o, "signer", inner->n_chain ? inner->chain[0].subject : NULL);
	json_text_or_null(o, "check", inner->check);
	json_text_or_null(o, "reason", inner->reason);
	return o;
}

static struct json_object *profiles_json(const struct uki *u)
{
	struct json_object *array = json_array_checked();

	for (unsigned int i = 0; pe_find(&u->pe, UKI_PROFILE) && i < u->n_profiles; i++) {
		struct json_object *o = json_object_checked();
		struct uki_profile p;

		uki_profile_get(u, i, &p);
		json_number(o, "number", i);
		json_text(o, "id", p.id);
		json_text_or_null(o, "title", p.title);
		json_append(array, o);
	}
	return array;
}

static struct json_object *beside_json(const char *name, bool applied, const char *check,
				       const char *reason)
{
	struct json_object *o = json_object_checked();
	char clean[4096];

	(void)snprintf(clean, sizeof(clean), "%s", name);
	json_text(o, "file", text_clean(clean));
	json_flag(o, "applied", applied);
	json_text(o, "check", check);
	json_text(o, "reason", reason);
	return o;
}

static struct json_object *addon_json(const struct beside *b, unsigned int i, enum uki_kind kind)
{
	const char *path = b->files.path[i];

	if (kind == UKI_SEALED)
		return beside_json(path, false, NULL, "a sealed image is one piece");
	if (b->state[i] == ADDON_OTHER_KERNEL)
		return beside_json(path, false, NULL, "for another kernel");
	if (b->state[i] == ADDON_APPLIES)
		return beside_json(path, true, NULL, NULL);
	return beside_json(path, false, verify_check(&b->why[i]), b->why[i].text);
}

static struct json_object *all_beside_json(const struct beside *b, enum uki_kind kind)
{
	struct json_object *array = json_array_checked();

	for (unsigned int i = 0; i < b->files.n; i++)
		json_append(array, addon_json(b, i, kind));
	for (unsigned int i = 0; i < b->files.n_ignored; i++)
		json_append(array,
			    beside_json(b->files.ignored[i], false, NULL, "not applied by kexec"));
	return array;
}

/* Of an addon the kernel has no opinion. */
static void add_host(const struct verify_result *o, struct json_object *json)
{
	const struct kernel_answer *k = &o->kernel;

	json_text(json, "host", kernel_opinion_name(k->opinion));
	json_flag(json, "host_enforced", o->enforced);
	json_flag(json, "host_refuses", verify_host_refuses(o));
	json_text_or_null(json, "host_keyring", k->keyring);
	json_text_or_null(json, "host_key", k->key);
	json_text_or_null(json, "host_check", k->check);
	json_text_or_null(json, "host_reason", k->reason);
}

static void add_signature(const struct verify_result *o, struct json_object *json)
{
	const struct auth_result *a = &o->j.auth;

	json_text_or_null(json, "check", a->check);
	json_text_or_null(json, "reason", a->reason);
	json_text_or_null(json, "warning", a->warning);
	json_text(json, "verdict", auth_verdict_name(a->verdict));
	json_hex(json, "image", a->image_id, AUTH_SHA256_LEN);
	json_flag(json, "sealed", o->j.uki.kind == UKI_SEALED);
	json_number(json, "bytes", o->j.uki.pe.file_size);
	json_number(json, "signatures", a->n_signatures);
	json_text(json, "signer", a->n_chain ? a->chain[0].subject : NULL);
	json_text_or_null(json, "anchor", a->anchor);
	if (verify_signature_ok(a))
		json_flag(json, "revoked", a->verdict == AUTH_REVOKED);
	else
		json_text(json, "revoked", NULL);
	json_text(json, "revocation_lists", o->revocations);
}

struct json_object *verify_json(const struct verify_result *o)
{
	struct json_object *json = json_object_checked();
	const struct judgement *j = &o->j;

	json_number(json, "schema", 1);
	json_text(json, "file", o->name);
	json_flag(json, "accepted", o->accepted);
	if (!o->structure_ok) {
		json_text(json, "check", verify_check(&o->refusal));
		json_text(json, "reason", o->refusal.text);
		return json;
	}
	add_signature(o, json);
	json_text(json, "kind", uki_kind_name(j->uki.kind));
	json_add(json, "inner", j->uki.kind == UKI_PLAIN ? inner_json(&j->inner) : NULL);
	json_add(json, "profiles", profiles_json(&j->uki));
	json_text_or_null(json, "beside_error", o->beside.error.text);
	json_add(json, "beside", all_beside_json(&o->beside, j->uki.kind));
	if (o->for_host)
		add_host(o, json);
	return json;
}
