// SPDX-License-Identifier: GPL-2.0-or-later
/* See find_key.h. What lies in these places is the administrator's or his tools'. */
#include "ctl/key/find_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/key/host_key.h"
#include "ctl/key/uki_conf.h"
#include "util/cleanup.h"

#define PLACE_CONF "ukdump.conf"
#define PLACE_HOST "host key"

/* Where tools keep what they sign boot files and modules with. */
static const struct {
	const char *place, *key, *cert;
} known_places[] = {
	{"sbctl", "/var/lib/sbctl/keys/db/db.key", "/var/lib/sbctl/keys/db/db.pem"},
	/* sbctl before 0.15 */
	{"sbctl", "/usr/share/secureboot/keys/db/db.key", "/usr/share/secureboot/keys/db/db.pem"},
	{"DKMS", "/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"},
	{"shim-signed", "/var/lib/shim-signed/mok/MOK.priv", "/var/lib/shim-signed/mok/MOK.der"},
};

/* Not trust.d, which says what this machine arms, not what it boots. */
struct auth_trust *firmware_trust(const struct root *root, struct ukd_error *e)
{
	_auth_trust_ struct auth_trust *t = auth_trust_new();
	int r = t ? auth_trust_add_uefi_db(t, root, e) : ukd_oom(e);

	if (r >= 0)
		r = auth_trust_add_mok(t, root, e);
	return r < 0 ? NULL : take_ptr(&t);
}

static struct found_key *add(struct found_keys *keys, const char *place, const char *key,
			     const char *cert)
{
	struct found_key *k = &keys->v[keys->n++];

	k->place = place;
	(void)snprintf(k->key, sizeof(k->key), "%s", key);
	(void)snprintf(k->cert, sizeof(k->cert), "%s", cert);
	return k;
}

static void judge(const struct root *root, const struct auth_trust *trust, struct found_key *k)
{
	if (k->why.code < 0)
		return;
	if (auth_key_probe(root, k->key, k->cert, trust, &k->facts, &k->why) < 0)
		return;
	k->usable = true;
	kernel_ask(root, &k->facts.signer, &k->kernel);
}

static int add_uki_conf(const struct root *root, struct found_keys *keys, struct ukd_error *e)
{
	struct uki_conf conf;
	const char *unsupported;
	struct found_key *k;
	int r = uki_conf_read(root, &conf, e);

	if (r < 0 || (!conf.key[0] && !conf.cert[0]))
		return r;
	k = add(keys, "uki.conf", conf.key, conf.cert);
	unsupported = uki_conf_unsupported(&conf);
	if (unsupported)
		(void)ukd_refuse(&k->why, "key.unsupported", "%s: %s", conf.path, unsupported);
	else if (!conf.key[0] || !conf.cert[0])
		(void)ukd_refuse(
			&k->why, "key.unsupported",
			"%s: SecureBootPrivateKey= and SecureBootCertificate= are not both "
			"set",
			conf.path);
	return 0;
}

int keys_find(const struct root *root, const struct settings *s, struct found_keys *ret,
	      struct ukd_error *e)
{
	_auth_trust_ struct auth_trust *trust = firmware_trust(root, e);
	int r;

	*ret = (struct found_keys){0};
	if (!trust)
		return e->code;
	if (s->image.key && s->image.certificate)
		(void)add(ret, PLACE_CONF, s->image.key, s->image.certificate);
	if (root_exists(root, HOST_KEY) && root_exists(root, HOST_CERT))
		(void)add(ret, PLACE_HOST, HOST_KEY, HOST_CERT);
	r = add_uki_conf(root, ret, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(known_places); i++)
		if (root_exists(root, known_places[i].key) &&
		    root_exists(root, known_places[i].cert))
			(void)add(ret, known_places[i].place, known_places[i].key,
				  known_places[i].cert);
	for (unsigned int i = 0; i < ret->n; i++)
		judge(root, trust, &ret->v[i]);
	return 0;
}

void signing_key_free(struct signing_key *k)
{
	auth_key_free(k->key);
	*k = (struct signing_key){0};
}

/* place NULL: the command line named it, so that the paths are the process's own. */
static int load(const struct root *root, const char *place, const char *key, const char *cert,
		struct signing_key *ret, struct ukd_error *e)
{
	struct signing_key k = {.place = place, .cert_root = place ? root : NULL};
	int r = auth_key_load(k.cert_root, key, cert, &k.key, e);

	if (r < 0)
		return place ? ukd_prefix(e, "%s", place) : r;
	(void)snprintf(k.cert, sizeof(k.cert), "%s", cert);
	auth_key_display(key, k.name);
	*ret = k;
	return 0;
}

static int load_auto(const struct root *root, const struct settings *s, struct signing_key *ret,
		     struct ukd_error *e)
{
	_free_ struct found_keys *keys = calloc(1, sizeof(*keys));
	int r = keys ? keys_find(root, s, keys, e) : ukd_oom(e);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < keys->n; i++) {
		const struct found_key *k = &keys->v[i];

		if (k->usable && strcmp(k->place, PLACE_HOST) != 0)
			return load(root, k->place, k->key, k->cert, ret, e);
	}
	return ukd_refuse(e, "key.auto",
			  "none of this machine's signing keys can be used; 'ukdumpctl sign "
			  "--list-keys' tells which there are, or name one: --key KEY --cert CERT");
}

bool key_options_fit(const char *key, const char *cert)
{
	return key && !strcmp(key, KEY_AUTO) ? !cert : !key == !cert;
}

int signing_key_load(const struct signing_key_spec *spec, struct signing_key *ret,
		     struct ukd_error *e)
{
	const struct settings *s = spec->settings;
	const char *key = spec->key ? spec->key : s->image.key;

	if (key && !strcmp(key, KEY_AUTO))
		return load_auto(spec->root, s, ret, e);
	if (spec->key)
		return load(spec->root, NULL, spec->key, spec->cert, ret, e);
	if (key)
		return load(spec->root, PLACE_CONF, key, s->image.certificate, ret, e);
	if (root_exists(spec->root, HOST_KEY))
		return load(spec->root, PLACE_HOST, HOST_KEY, HOST_CERT, ret, e);
	return load_auto(spec->root, s, ret, e);
}

int signing_key_choose(const char *verb, const struct root *root, const char *key, const char *cert,
		       struct signing_key *ret, struct ukd_error *e)
{
	_settings_ struct settings settings = {0};
	const struct signing_key_spec spec = {root, &settings, key, cert};
	/* A key that was named needs no settings, and a mistake in them is no reason not to sign. */
	int r = cert ? 0 : settings_load(root, NULL, &settings, e);

	if (r >= 0)
		r = signing_key_load(&spec, ret, e);
	if (r >= 0 && ret->place)
		fprintf(stderr, "ukdumpctl: %s: with key %s (%s)\n", verb, ret->name, ret->place);
	return r;
}
