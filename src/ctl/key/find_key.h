/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing keys where this machine keeps them, and which of them to use (docs/KEYS.md). */
#pragma once

#include "auth/auth.h"
#include "auth/keyring.h"
#include "conf/settings.h"

#define KEY_AUTO       "auto" /* --key auto, Key=auto */
#define KEY_PLACES_MAX 7
#define KEY_PATH_MAX   1024

struct found_key {
	const char *place;	/* "ukdump.conf", "host key", "uki.conf", "sbctl", ...: a literal */
	char key[KEY_PATH_MAX]; /* paths in the root, or a URI */
	char cert[KEY_PATH_MAX];
	bool usable;
	struct ukd_error why; /* if it is not usable */
	struct auth_key_facts facts;
	struct kernel_answer kernel;
};

struct found_keys {
	unsigned int n;
	struct found_key v[KEY_PLACES_MAX];
};

/*
 * Every place where key and certificate are, in the order in which KEY_AUTO takes them, each
 * judged; asks nobody and opens no token. Whether UEFI, shim and the running kernel know the
 * certificate is part of it. An error only if there is nothing to judge by.
 */
int keys_find(const struct root *root, const struct settings *s, struct found_keys *ret,
	      struct ukd_error *e) _must_check_;

/* Anchors of firmware and shim: who may sign what they boot. NULL: e tells why. */
struct auth_trust *firmware_trust(const struct root *root, struct ukd_error *e);

/* What `sign` and `build` sign with. */
struct signing_key {
	struct auth_key *key;
	char cert[KEY_PATH_MAX];      /* the certificate's file ... */
	const struct root *cert_root; /* ... and where it is; NULL: the process's own path */
	const char *place;	      /* where it was found; NULL: the command line named it */
	char name[AUTH_KEY_TEXT_MAX]; /* of the key, for messages */
};

void signing_key_free(struct signing_key *k);
#define _signing_key_ _cleanup_(signing_key_free)

struct signing_key_spec {
	const struct root *root;
	const struct settings *settings;
	const char *key, *cert; /* of the command line, or NULL; KEY_AUTO has no certificate */
};

/* --key and --cert go together, --key auto stands alone. */
bool key_options_fit(const char *key, const char *cert);
#define KEY_OPTIONS_MISUSE "%s: --key and --cert go together; --key auto stands alone"

/*
 * Loads the key that the command line names, else that of ukdump.conf, else the host key if there is
 * one, else as KEY_AUTO: the first usable one that is neither (check "key.auto" if there is none).
 */
int signing_key_load(const struct signing_key_spec *spec, struct signing_key *ret,
		     struct ukd_error *e) _must_check_;

/*
 * The same for a verb that reads settings for nothing else; says on stderr which key it is if the
 * command line did not name it. root is borrowed until ret is freed.
 */
int signing_key_choose(const char *verb, const struct root *root, const char *key, const char *cert,
		       struct signing_key *ret, struct ukd_error *e) _must_check_;
