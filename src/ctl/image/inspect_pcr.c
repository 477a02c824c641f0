// SPDX-License-Identifier: GPL-2.0-or-later
/* `ukdumpctl inspect --pcr`: see inspect.h. .pcrsig is JSON of whoever made the file: hostile. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/pcrsig.h"
#include "ctl/image/inspect.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define JSON_DEPTH    8	 /* .pcrsig needs 4 */
#define PCR_MAX	      23 /* of a PC client's TPM */
#define REFERENCE_MAX 64

/* One entry of .pcrsig. */
struct policy {
	unsigned int bank; /* in measure_banks */
	uint32_t pcrs;	   /* bit n: PCR n */
	uint8_t digest[PCR_POLICY_LEN];
	uint8_t key_id[PCR_POLICY_LEN];
	bool has_key_id;
	char reference[REFERENCE_MAX]; /* cleaned; empty if there is none */
	enum pcr_signature signature;
	bool matches;	    /* one of the predicted values */
	unsigned int point; /* which, in measure_points */
};

struct report {
	struct uki_profile profile;
	struct pcr_values values;
	uint8_t expected[MEASURE_BANKS][MEASURE_POINTS][PCR_POLICY_LEN];
	struct pcr_key *key;	    /* of .pcrpkey; NULL if there is none, or key_error */
	struct ukd_error key_error; /* code != 0: why .pcrpkey is no use */
	struct policy *policy;	    /* in the order of the file */
	unsigned int n;
	struct ukd_error policy_error; /* code != 0: why the rest of .pcrsig was not read */
};

static void report_free(struct report *r)
{
	pcr_key_free(r->key);
	free(r->policy);
}
#define _report_ _cleanup_(report_free)

/* A string field without a NUL in it, or NULL. *ret_wrong: there is a field, but not like that. */
static const char *get_string(struct json_object *o, const char *key, bool *ret_wrong)
{
	struct json_object *v = NULL;
	const char *s;

	*ret_wrong = false;
	if (!json_object_object_get_ex(o, key, &v))
		return NULL;
	s = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
	*ret_wrong = !s || strlen(s) != (size_t)json_object_get_string_len(v);
	return *ret_wrong ? NULL : s;
}

static bool get_pcrs(struct json_object *o, uint32_t *ret)
{
	struct json_object *array = json_member(o, "pcrs", json_type_array);

	if (!array)
		return false;
	*ret = 0;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *v = json_object_array_get_idx(array, i);
		int64_t n = json_object_get_int64(v); /* saturates */

		if (!json_object_is_type(v, json_type_int) || n < 0 || n > PCR_MAX)
			return false;
		*ret |= 1u << n;
	}
	return true;
}

/* Fields that we do not know are ignored. */
static int parse_policy(struct json_object *o, const struct pcr_key *key, struct policy *p,
			struct ukd_error *e)
{
	const char *pol, *id, *reference, *signature;
	bool wrong;

	if (!json_object_is_type(o, json_type_object))
		return ukd_refuse(e, "pcr.policy", "not an object");
	if (!get_pcrs(o, &p->pcrs))
		return ukd_refuse(e, "pcr.policy", "'pcrs' is not a list of numbers from 0 to %d",
				  PCR_MAX);
	pol = get_string(o, "pol", &wrong);
	if (!pol || !parse_hex(pol, p->digest, PCR_POLICY_LEN))
		return ukd_refuse(e, "pcr.policy", "'pol' is not %d hexadecimal digits",
				  2 * PCR_POLICY_LEN);
	id = get_string(o, "pkfp", &wrong);
	p->has_key_id = id;
	if (wrong || (id && !parse_hex(id, p->key_id, PCR_POLICY_LEN)))
		return ukd_refuse(e, "pcr.policy", "'pkfp' is not %d hexadecimal digits",
				  2 * PCR_POLICY_LEN);
	reference = get_string(o, "ref", &wrong);
	if (wrong)
		return ukd_refuse(e, "pcr.policy", "'ref' is not a string");
	if (reference)
		(void)snprintf(p->reference, REFERENCE_MAX, "%s", reference);
	(void)text_clean(p->reference);
	signature = get_string(o, "sig", &wrong);
	if (wrong)
		return ukd_refuse(e, "pcr.policy", "'sig' is not a string");
	p->signature = pcr_signature_verify(key, p->bank, p->digest, reference, signature);
	return 0;
}

static void match_policy(const struct report *r, struct policy *p)
{
	p->matches = false;
	if (p->pcrs != 1u << MEASURE_PCR)
		return;
	for (unsigned int i = 0; i < MEASURE_POINTS && !p->matches; i++) {
		p->matches = !memcmp(p->digest, r->expected[p->bank][i], PCR_POLICY_LEN);
		p->point = i;
	}
}

static int parse_bank(struct report *r, unsigned int bank, struct json_object *array,
		      struct ukd_error *e)
{
	const char *name = measure_banks[bank].name;

	if (!json_object_is_type(array, json_type_array))
		return ukd_refuse(e, "pcr.policy", ".pcrsig: '%s' is not a list", name);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct policy p = {.bank = bank}, *grown;

		if (parse_policy(json_object_array_get_idx(array, i), r->key, &p, e) < 0)
			return ukd_prefix(e, ".pcrsig: %s[%zu]", name, i);
		grown = reallocarray(r->policy, r->n + 1, sizeof(*grown));
		if (!grown)
			return ukd_oom(e);
		r->policy = grown;
		r->policy[r->n++] = p;
	}
	return 0;
}

/* Banks that no prediction is made for are ignored like unknown fields. */
static int parse_policies(struct report *r, struct bytes text, struct ukd_error *e)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *root = NULL, *array;
	int ret = 0;

	if (!tok)
		return ukd_oom(e);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tok, (const char *)text.p, (int)text.len + 1);
	if (json_tokener_get_error(tok) != json_tokener_success)
		ret = ukd_refuse(e, "pcr.policy", ".pcrsig: not JSON: %s",
				 json_tokener_error_desc(json_tokener_get_error(tok)));
	else if (!json_object_is_type(root, json_type_object))
		ret = ukd_refuse(e, "pcr.policy", ".pcrsig: not a JSON object");
	for (unsigned int b = 0; ret >= 0 && b < MEASURE_BANKS; b++)
		if (json_object_object_get_ex(root, measure_banks[b].name, &array))
			ret = parse_bank(r, b, array, e);
	json_object_put(root);
	json_tokener_free(tok);
	return ret;
}

static int read_policies(const struct uki *u, struct report *r, struct ukd_error *e)
{
	struct bytes key = uki_content(u, r->profile.section[UKI_PCRPKEY]);
	struct bytes policies = uki_content(u, r->profile.section[UKI_PCRSIG]);

	report_free(r);
	r->key = NULL;
	r->policy = NULL;
	r->n = 0;
	r->key_error = r->policy_error = (struct ukd_error){0};
	if (key.len && pcr_key_parse(key, &r->key, &r->key_error) == -ENOMEM)
		return ukd_oom(e);
	if (policies.len && parse_policies(r, policies, &r->policy_error) == -ENOMEM)
		return ukd_oom(e);
	return 0;
}

/*
 * r: the report on the profile before, or zero. Policies that profiles share are verified once:
 * many profiles with many signatures by a large key would take long.
 */
static int make_report(const struct uki *u, const struct measured_image *m, unsigned int number,
		       struct report *r, struct ukd_error *e)
{
	const struct pe_section *key = r->profile.section[UKI_PCRPKEY],
				*policies = r->profile.section[UKI_PCRSIG];
	int ret;

	uki_profile_get(u, number, &r->profile);
	ret = measure_profile(m, &r->profile, &r->values, e);
	for (unsigned int b = 0; ret >= 0 && b < MEASURE_BANKS; b++)
		for (unsigned int i = 0; ret >= 0 && i < MEASURE_POINTS; i++)
			ret = pcr_policy_digest(b, r->values.value[b][i], r->expected[b][i], e);
	if (ret >= 0 &&
	    (key != r->profile.section[UKI_PCRPKEY] || policies != r->profile.section[UKI_PCRSIG]))
		ret = read_policies(u, r, e);
	for (unsigned int i = 0; ret >= 0 && i < r->n; i++)
		match_policy(r, &r->policy[i]);
	return ret;
}

static const char *point_name(unsigned int point)
{
	return measure_points[point][0] ? measure_points[point] : "after the stub";
}

static const struct {
	const char *word, *text;
} signatures[] = {
	[PCR_UNSIGNED] = {"none", "unsigned"},
	[PCR_SIGNED_UNKNOWN] = {"unknown", "signed, no key to verify it with"},
	[PCR_SIGNED_GOOD] = {"good", "signature good"},
	[PCR_SIGNED_BAD] = {"bad", "SIGNATURE BAD"},
	[PCR_SIGNED_BANK_DIGEST] = {"bank-digest", "signed with this digest: of no use, systemd "
						   "verifies SHA-256"},
};

static const char *match_text(const struct policy *p)
{
	if (p->pcrs != 1u << MEASURE_PCR)
		return "other PCRs, not predicted";
	return p->matches ? point_name(p->point) : "MATCHES NO VALUE ABOVE";
}

/* Whether "pkfp" is the fingerprint of .pcrpkey. */
static bool names_key(const struct report *r, const struct policy *p)
{
	return r->key && p->has_key_id &&
	       !memcmp(p->key_id, pcr_key_fingerprint(r->key), PCR_POLICY_LEN);
}

static void print_policy(const struct report *r, const struct policy *p)
{
	printf("  %-6s  %s: %s", measure_banks[p->bank].name, match_text(p),
	       signatures[p->signature].text);
	if (r->key && p->has_key_id && !names_key(r, p))
		printf(", 'pkfp' names another key than .pcrpkey");
	if (p->reference[0])
		printf(", policy reference '%s'", p->reference);
	printf("\n");
}

static void print_report(const struct report *r)
{
	char hex[2 * MEASURE_DIGEST_MAX + 1];

	printf("\nPCR %d, profile %u", MEASURE_PCR, r->profile.number);
	if (r->profile.id[0])
		printf(" (%s)", r->profile.id);
	printf("\n");
	for (unsigned int i = 0; i < MEASURE_POINTS; i++) {
		printf("%s\n", point_name(i));
		for (unsigned int b = 0; b < MEASURE_BANKS; b++) {
			format_hex((struct bytes){r->values.value[b][i], measure_banks[b].len},
				   hex);
			printf("  %-6s  %s\n", measure_banks[b].name, hex);
		}
	}
	if (r->n)
		printf("signed policies (.pcrsig)\n");
	for (unsigned int i = 0; i < r->n; i++)
		print_policy(r, &r->policy[i]);
	if (r->key_error.code)
		printf("  %s\n", r->key_error.text);
	if (r->policy_error.code)
		printf("  %s\n", r->policy_error.text);
}

static struct json_object *policy_json(const struct report *r, const struct policy *p)
{
	struct json_object *o = json_object_checked(), *pcrs = json_array_checked();

	for (unsigned int n = 0; n <= PCR_MAX; n++)
		if (p->pcrs & 1u << n)
			json_append(pcrs, json_object_new_int((int)n));
	json_text(o, "bank", measure_banks[p->bank].name);
	json_add(o, "pcrs", pcrs);
	json_hex(o, "policy", p->digest, PCR_POLICY_LEN);
	json_flag(o, "matches", p->matches);
	json_text(o, "phase", p->matches && p->point ? measure_points[p->point] : NULL);
	json_text(o, "signature", signatures[p->signature].word);
	if (p->has_key_id)
		json_hex(o, "key", p->key_id, PCR_POLICY_LEN);
	json_flag(o, "key_is_pcrpkey", names_key(r, p));
	json_text_or_null(o, "reference", p->reference);
	return o;
}

static struct json_object *report_json(const struct report *r)
{
	struct json_object *o = json_object_checked(), *values = json_array_checked(),
			   *policies = json_array_checked();

	for (unsigned int b = 0; b < MEASURE_BANKS; b++)
		for (unsigned int i = 0; i < MEASURE_POINTS; i++) {
			struct json_object *v = json_object_checked();

			json_text(v, "bank", measure_banks[b].name);
			json_text(v, "phase", i ? measure_points[i] : NULL);
			json_hex(v, "value", r->values.value[b][i], measure_banks[b].len);
			json_append(values, v);
		}
	for (unsigned int i = 0; i < r->n; i++)
		json_append(policies, policy_json(r, &r->policy[i]));
	json_number(o, "pcr", MEASURE_PCR);
	json_number(o, "profile", r->profile.number);
	json_add(o, "values", values);
	json_add(o, "policies", policies);
	json_text(o, "policy_error", r->policy_error.code ? r->policy_error.text : NULL);
	json_text(o, "key_error", r->key_error.code ? r->key_error.text : NULL);
	return o;
}

/* Where a note goes: to the JSON array, or printed if there is none. */
static _printf_(2, 3) void note(struct json_object *array, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (array)
		json_append(array, json_object_new_string(text));
	else
		printf("\nnote: %s\n", text);
}

/* Why the machine's PCR 11 may have other values than these. */
static void give_notes(const struct uki *u, struct json_object *array)
{
	static const char name[] = "systemd-stub ";
	char stub[INSPECT_STUB_MAX];

	inspect_stub_name(u, stub);
	if (u->kind == UKI_ADDON)
		note(array, "systemd-stub measures addons into PCR 12");
	else if (strncmp(stub, name, strlen(name)) != 0)
		note(array, "there is no systemd-stub in this file: nothing measures it into "
			    "PCR 11 when firmware boots it");
	else if (atoi(stub + strlen(name)) < MEASURE_STUB_MIN)
		note(array, "%s measures fewer sections; these are the values of %d and later",
		     stub, MEASURE_STUB_MIN);
	if (u->kind != UKI_ADDON && (pe_find(&u->pe, UKI_DTBAUTO) || pe_find(&u->pe, UKI_EFIFW)))
		note(array, "the .dtbauto or .efifw that matches the machine is measured, too: not "
			    "predicted");
}

static int report_profiles(const struct uki *u, struct json_object *array, struct ukd_error *e)
{
	_measured_image_ struct measured_image *m = measure_image(u, e);
	_report_ struct report r = {0};

	if (!m)
		return e->code;
	for (unsigned int i = 0; i < u->n_profiles; i++) {
		if (make_report(u, m, i, &r, e) < 0)
			return e->code;
		if (array)
			json_append(array, report_json(&r));
		else
			print_report(&r);
	}
	return 0;
}

int inspect_pcr(const struct uki *u, struct json_object *o, struct ukd_error *e)
{
	struct json_object *reports = NULL, *notes = NULL;

	if (o) {
		json_add(o, "pcr", reports = json_array_checked());
		json_add(o, "pcr_notes", notes = json_array_checked());
	}
	if (u->kind != UKI_ADDON && report_profiles(u, reports, e) < 0)
		return e->code;
	give_notes(u, notes);
	return 0;
}
