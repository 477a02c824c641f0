// SPDX-License-Identifier: GPL-2.0-or-later
/* See list_keys.h. */
#include "ctl/key/list_keys.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/ctl.h"

static const char *subject(const struct found_key *k)
{
	return k->facts.signer.n_chain ? k->facts.signer.chain[0].subject : NULL;
}

static void print_one(const struct found_key *k)
{
	char name[AUTH_KEY_TEXT_MAX];

	auth_key_display(k->key, name);
	printf("%s: %s\n  key          %s\n  certificate  %s\n", k->place,
	       k->usable ? "usable" : "not usable", name, k->cert);
	if (!k->usable) {
		printf("  because      %s%s%s%s\n", k->why.text, k->why.check[0] ? " [" : "",
		       k->why.check, k->why.check[0] ? "]" : "");
		return;
	}
	printf("  subject      '%s', %s%s\n", subject(k), k->facts.signer.key_name,
	       k->facts.unopened ? ", asks for a passphrase or PIN" : "");
	printf("  firmware     %s\n",
	       k->facts.signer.anchor[0] ? k->facts.signer.anchor : "not in UEFI db or MOK list");
	if (k->kernel.opinion == KERNEL_TRUSTS)
		printf("  kernel       trusts it: %s%s'%s'\n", k->kernel.keyring,
		       k->kernel.keyring[0] ? " " : "", k->kernel.key);
	else
		printf("  kernel       %s\n", k->kernel.reason);
}

static struct json_object *to_json(const struct found_key *k)
{
	struct json_object *o = json_object_checked();
	char name[AUTH_KEY_TEXT_MAX];

	auth_key_display(k->key, name);
	json_text(o, "place", k->place);
	json_text(o, "key", name);
	json_text(o, "certificate", k->cert);
	json_flag(o, "usable", k->usable);
	json_text_or_null(o, "check", k->why.check);
	json_text(o, "reason", k->usable ? NULL : k->why.text);
	json_text(o, "subject", subject(k));
	json_flag(o, "asks", k->usable && k->facts.unopened);
	json_text_or_null(o, "firmware", k->facts.signer.anchor);
	json_text(o, "kernel", k->usable ? kernel_opinion_name(k->kernel.opinion) : NULL);
	json_text_or_null(o, "keyring", k->kernel.keyring);
	return o;
}

void list_keys(const struct found_keys *keys, bool json)
{
	struct json_object *o, *array;

	if (!json) {
		for (unsigned int i = 0; i < keys->n; i++)
			print_one(&keys->v[i]);
		if (!keys->n)
			printf("no signing keys%s: the first 'ukdumpctl build' makes a host key\n",
			       geteuid() ? " that this user may see" : "");
		return;
	}
	o = json_object_checked();
	array = json_array_checked();
	for (unsigned int i = 0; i < keys->n; i++)
		json_append(array, to_json(&keys->v[i]));
	json_number(o, "schema", 1);
	json_add(o, "keys", array);
	json_print(o);
}
