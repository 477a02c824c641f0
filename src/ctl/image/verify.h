/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ukdumpctl verify` has found out about one file, and the two ways to tell it. */
#pragma once

#include "auth/judge.h"
#include "auth/keyring.h"
#include "auth/sidecar.h"
#include "ctl/ctl.h"

enum addon_state {
	ADDON_APPLIES,
	ADDON_OTHER_KERNEL, /* its .uname is not the UKI's */
	ADDON_FAILS,	    /* `start` refuses the UKI with it */
};

/* What lies beside the file. Addons are judged for a plain UKI only. */
struct beside {
	struct ukd_error error; /* the directory could not be read; code 0: it could, or is none */
	struct sidecars files;
	enum addon_state state[SIDECAR_MAX];
	struct ukd_error why[SIDECAR_MAX]; /* if ADDON_FAILS */
};

struct verify_result {
	const char *name;
	bool accepted;
	bool structure_ok;
	struct judgement j;	  /* if structure_ok */
	struct ukd_error refusal; /* if not */
	const char *revocations;  /* what the lists hold: auth_revoked_describe() */
	struct beside beside;
	/* --for-host: the kernel's word on the signature that it will look at */
	bool for_host;
	bool enforced; /* it refuses what it cannot verify */
	struct kernel_answer kernel;
};

/* The check that refused; a file that could not be read was refused by none. */
static inline const char *verify_check(const struct ukd_error *e)
{
	return e->check[0] ? e->check : "file.read";
}

/* Is the signature itself good, whoever made it? */
bool verify_signature_ok(const struct auth_result *a);

/* Will the running kernel refuse? */
bool verify_host_refuses(const struct verify_result *o);

/* One line per check. */
void verify_print(const struct verify_result *o);

/* The same as an object, which the caller puts. */
struct json_object *verify_json(const struct verify_result *o);
