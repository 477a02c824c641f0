// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's keys: see keyring.h. /proc/keys is the kernel's and trusted; descriptions in it are
 * certificates' subjects, foreign text that is only searched.
 */
#include "auth/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

/*
 * "2f2fb11b I------     1 perm 1f030000     0     0 asymmetri testbed db: d9e8...: X509.rsa ...":
 * the description, or NULL if this is not an asymmetric key of root's. Users may add keys and
 * describe them as they like.
 */
static const char *description(const char *line)
{
	char type[10];
	int uid, at = 0;

	if (sscanf(line, "%*x %*s %*d %*s %*x %d %*d %9s %n", &uid, type, &at) != 2 || uid != 0 ||
	    !at || strcmp(type, "asymmetri") != 0)
		return NULL;
	return line + at;
}

/* The key id as the description has it: behind ": ", the whole of it. */
static bool describes(const char *text, const uint8_t *id, unsigned int len)
{
	char hex[2 * AUTH_KEY_ID_MAX + 3] = ": ";
	const char *at;

	if (!len)
		return false;
	format_hex((struct bytes){id, len}, hex + 2);
	at = strstr(text, hex);
	return at && (at[strlen(hex)] == ':' || at[strlen(hex)] == 0);
}

static int find_key(const struct root *root, const struct auth_result *auth,
		    struct kernel_answer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer keys = {0};
	char *save = NULL;
	int r = root_read(root, "/proc/keys", MIB(4), &keys, e);

	if (r < 0)
		return r;
	for (char *line = strtok_r((char *)keys.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *text = description(line);

		for (unsigned int i = 0; text && i < auth->n_chain; i++) {
			const struct auth_cert_id *c = &auth->chain[i];

			/* The kernel goes on to the issuer, which need not be in the chain. */
			if (!describes(text, c->skid, c->skid_len) &&
			    !describes(text, c->akid, c->akid_len))
				continue;
			(void)snprintf(ret->key, sizeof(ret->key), "%.*s", (int)strcspn(text, ":"),
				       text);
			return 1;
		}
	}
	return 0;
}

void kernel_ask(const struct root *root, const struct auth_result *auth, struct kernel_answer *ret)
{
	struct ukd_error e;
	int r;

	*ret = (struct kernel_answer){0};
	r = find_key(root, auth, ret, &e);
	if (r < 0) {
		(void)snprintf(ret->reason, sizeof(ret->reason), "%.200s", e.text);
		return;
	}
	ret->opinion = r ? KERNEL_TRUSTS : KERNEL_LACKS_KEY;
	if (r)
		return;
	(void)snprintf(ret->check, sizeof(ret->check), "host.keyring");
	(void)snprintf(ret->reason, sizeof(ret->reason),
		       "no key of the running kernel vouches for '%.180s'",
		       auth->n_chain ? auth->chain[0].subject : "nobody");
}
