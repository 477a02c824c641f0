// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's keys: see keyring.h. /proc/keys and KEYCTL_READ are the kernel's and trusted;
 * descriptions of keys are certificates' subjects, foreign text.
 */
#include "auth/keyring.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/algorithm.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/sys.h"

#define PROC_KEYS_MAX MIB(16)
#define RING_MAX      4096 /* keys in one keyring */
#define RING_DEPTH    6	   /* KEYRING_SEARCH_MAX_DEPTH in security/keys/keyring.c */

enum key_type {
	KEY_RING,
	KEY_ASYMMETRIC,
	KEY_HASH, /* type "blacklist" */
};

/* One line of /proc/keys. */
struct key {
	int32_t serial;
	enum key_type type;
	char *name; /* keyring: its name; asymmetric: the subject; hash: "tbs:..." */
	char *id;   /* asymmetric: key id or serial number in hexadecimal */
};

struct keys {
	struct buffer text;
	struct key *key;
	unsigned int n;
	bool members; /* KEYCTL_READ may be asked: the keys are those of this process' kernel */
};

static void keys_free(struct keys *k)
{
	buffer_free(&k->text);
	free(k->key);
}

/*
 * "testbed db: d9e8...: X509.rsa 12ab34cd []": a subject may have colons, so this is taken apart
 * from its end (asymmetric_key_describe(), x509_key_preparse()).
 */
static bool split_description(char *text, struct key *ret)
{
	static const char mark[] = ": X509.";
	char *end = NULL, *id;

	for (char *at = strstr(text, mark); at; at = strstr(at + 1, mark))
		end = at;
	if (!end)
		return false;
	*end = 0;
	id = strrchr(text, ' ');
	if (!id || id == text || id[-1] != ':')
		return false;
	id[-1] = 0;
	for (char *c = text; *c; c++) /* for terminals and JSON */
		if (*c < ' ' || *c > '~')
			*c = '?';
	ret->name = text;
	ret->id = id + 1;
	return true;
}

/*
 * "2f2fb11b I------     1 perm 1f030000     0     0 asymmetri testbed db: d9e8...: X509.rsa ...".
 * Only what belongs to root: users may add keys and describe them as they like, only names of
 * keyrings that begin with a dot are kept from them. A search passes over keys that are
 * uninstantiated, revoked, dead, negative, invalidated or expired.
 */
static bool parse_line(char *line, struct key *ret)
{
	char flags[8], expires[8], type[10];
	unsigned int serial;
	int uid, at = 0;

	if (sscanf(line, "%x %7s %*d %7s %*x %d %*d %9s %n", &serial, flags, expires, &uid, type,
		   &at) != 5 ||
	    !at || uid != 0 || flags[0] != 'I' || strpbrk(flags, "RDNi") ||
	    !strcmp(expires, "expd"))
		return false;
	*ret = (struct key){.serial = (int32_t)serial, .name = line + at};
	if (!strcmp(type, "keyring")) {
		ret->type = KEY_RING;
		ret->name[strcspn(ret->name, ":")] = 0;
		return true;
	}
	ret->type = strcmp(type, "blacklist") ? KEY_ASYMMETRIC : KEY_HASH;
	if (ret->type == KEY_HASH)
		return true;
	return !strcmp(type, "asymmetri") && split_description(line + at, ret);
}

static int keys_read(const struct root *root, struct keys *ret, struct ukd_error *e)
{
	_cleanup_(keys_free) struct keys k = {0};
	unsigned int lines = 1;
	char *save = NULL;
	int r = root_read(root, "/proc/keys", PROC_KEYS_MAX, &k.text, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < k.text.len; i++)
		lines += k.text.data[i] == '\n';
	k.key = calloc(lines, sizeof(*k.key));
	if (!k.key)
		return ukd_oom(e);
	for (char *line = strtok_r((char *)k.text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		k.n += parse_line(line, &k.key[k.n]);
	k.members = !root->path[0];
	*ret = k;
	k = (struct keys){0};
	return 0;
}

static const struct key *find_ring(const struct keys *k, const char *name)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->key[i].type == KEY_RING && !strcmp(k->key[i].name, name))
			return &k->key[i];
	return NULL;
}

static const struct key *find_serial(const struct keys *k, int32_t serial)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (k->key[i].serial == serial)
			return &k->key[i];
	return NULL;
}

static bool has_id(const struct key *key, const char *id)
{
	return key->type == KEY_ASYMMETRIC && !strcmp(key->id, id);
}

/* Which key, and the keyring that holds it; NULL: that is not known. */
struct hit {
	const struct key *key, *ring;
};

/* 1: found; 0: not in there; negative: this keyring cannot be read. */
static int search_ring(const struct keys *k, const struct key *ring, const char *id,
		       unsigned int depth, struct hit *ret)
{
	_free_ int32_t *serials = calloc(RING_MAX, sizeof(*serials));
	long n = serials ? sys_keyctl_read(ring->serial, serials, RING_MAX) : -ENOMEM;
	int r = n < 0 ? (int)n : 0;

	for (long i = 0; i < n && i < RING_MAX && !r; i++) {
		const struct key *key = find_serial(k, serials[i]);

		if (!key)
			continue;
		if (key->type == KEY_RING && depth < RING_DEPTH)
			r = search_ring(k, key, id, depth + 1, ret);
		if (!has_id(key, id))
			continue;
		*ret = (struct hit){key, ring};
		r = 1;
	}
	return r;
}

/* /proc/keys alone: some keyring holds it. */
static bool search_all(const struct keys *k, const char *id, struct hit *ret)
{
	for (unsigned int i = 0; i < k->n; i++) {
		if (!has_id(&k->key[i], id))
			continue;
		*ret = (struct hit){&k->key[i], NULL};
		return true;
	}
	return false;
}

static bool format_id(const uint8_t *id, unsigned int len, char ret[2 * AUTH_KEY_ID_MAX + 1])
{
	format_hex((struct bytes){id, len}, ret);
	return len > 0;
}

/*
 * pkcs7_validate_trust_one() (crypto/asymmetric_keys/pkcs7_trust.c, 4.7 to 7.2): each certificate
 * of the walk itself, then the one that its last names as authority. The kernel compares issuer and
 * serial number, too, which /proc/keys does not show: a certificate made anew for the same key
 * looks like the one before.
 */
static int search_chain(const struct keys *k, const struct key *ring, const struct auth_result *a,
			struct hit *ret)
{
	const struct auth_cert_id *last = NULL;
	char id[2 * AUTH_KEY_ID_MAX + 1];
	int r = 0;

	for (unsigned int i = 0; i < a->n_embedded && !r; i++) {
		last = &a->embedded[i];
		if (format_id(last->skid, last->skid_len, id))
			r = ring ? search_ring(k, ring, id, 1, ret) : search_all(k, id, ret);
	}
	if (!r && last && format_id(last->akid, last->akid_len, id))
		r = ring ? search_ring(k, ring, id, 1, ret) : search_all(k, id, ret);
	return r;
}

static void answer(struct kernel_answer *ret, enum kernel_opinion opinion, const char *check,
		   const char *fmt, ...) _printf_(4, 5);
static void answer(struct kernel_answer *ret, enum kernel_opinion opinion, const char *check,
		   const char *fmt, ...)
{
	va_list ap;

	ret->opinion = opinion;
	(void)snprintf(ret->check, sizeof(ret->check), "%s", check);
	va_start(ap, fmt);
	(void)vsnprintf(ret->reason, sizeof(ret->reason), fmt, ap);
	va_end(ap);
}

static void answer_trusts(struct kernel_answer *ret, const struct hit *hit)
{
	ret->opinion = KERNEL_TRUSTS;
	(void)snprintf(ret->key, sizeof(ret->key), "%s", hit->key->name);
	(void)snprintf(ret->keyring, sizeof(ret->keyring), "%s", hit->ring ? hit->ring->name : "");
}

/* A hash of what a certificate signs, or, since 5.13, the key of one. */
static bool is_revoked(const struct keys *k, const struct auth_cert_id *c)
{
	char name[2 * AUTH_TBS_DIGEST_MAX + 5] = "tbs:";

	format_hex((struct bytes){c->tbs, c->tbs_len}, name + 4);
	for (unsigned int i = 0; c->tbs_len && i < k->n; i++)
		if (k->key[i].type == KEY_HASH && !strcmp(k->key[i].name, name))
			return true;
	return false;
}

static bool answer_revoked(const struct keys *k, const struct auth_result *a,
			   struct kernel_answer *ret)
{
	for (unsigned int i = 0; i < a->n_embedded; i++) {
		if (!is_revoked(k, &a->embedded[i]))
			continue;
		answer(ret, KERNEL_REVOKES, "host.blacklist",
		       "the running kernel's .blacklist has the certificate '%.160s'",
		       a->embedded[i].subject);
		return true;
	}
	return false;
}

static void answer_no_key(const struct keys *k, const struct auth_result *a,
			  struct kernel_answer *ret)
{
	struct hit hit;

	if (search_chain(k, NULL, a, &hit))
		answer(ret, KERNEL_LACKS_KEY, "host.keyring",
		       "no key that kexec uses vouches for '%.100s'; '%.80s' is in another keyring",
		       a->embedded[0].subject, hit.key->name);
	else
		answer(ret, KERNEL_LACKS_KEY, "host.keyring",
		       "no key of the running kernel vouches for '%.180s'", a->embedded[0].subject);
}

/*
 * The keyrings in the kernel's order. .blacklist may hold keys, too, which count where .platform is
 * about to be asked (verify_pkcs7_message_sig(), CONFIG_SYSTEM_REVOCATION_LIST, 5.13). Negative if
 * a keyring cannot be read.
 */
static int ask_rings(const struct keys *k, const struct auth_result *a, struct kernel_answer *ret)
{
	const struct key *trusted = find_ring(k, ".secondary_trusted_keys");
	const struct key *platform = find_ring(k, ".platform");
	const struct key *blacklist = find_ring(k, ".blacklist");
	struct hit hit;
	int r;

	if (!trusted)
		trusted = find_ring(k, ".builtin_trusted_keys");
	r = search_chain(k, trusted, a, &hit);
	if (!r && platform && blacklist && search_chain(k, blacklist, a, &hit) > 0) {
		answer(ret, KERNEL_REVOKES, "host.blacklist",
		       "the running kernel's .blacklist has the key of '%.160s'", hit.key->name);
		return 0;
	}
	if (!r && platform)
		r = search_chain(k, platform, a, &hit);
	if (r > 0)
		answer_trusts(ret, &hit);
	if (!r)
		answer_no_key(k, a, ret);
	return r < 0 ? r : 0;
}

static void ask_keys(const struct keys *k, const struct auth_result *a, struct kernel_answer *ret)
{
	struct hit hit;

	if (answer_revoked(k, a, ret))
		return;
	if (k->members && !find_ring(k, ".builtin_trusted_keys")) {
		answer(ret, KERNEL_UNKNOWN, "",
		       "/proc/keys does not show the kernel's keyrings; run as root, outside of "
		       "containers");
		return;
	}
	if (k->members && ask_rings(k, a, ret) >= 0)
		return;
	if (search_chain(k, NULL, a, &hit))
		answer_trusts(ret, &hit);
	else
		answer_no_key(k, a, ret);
}

void kernel_ask(const struct root *root, const struct auth_result *auth, struct kernel_answer *ret)
{
	_cleanup_(keys_free) struct keys k = {0};
	const char *algorithm = kernel_lacks(root, auth);
	struct ukd_error e;

	*ret = (struct kernel_answer){0};
	if (!auth->n_embedded)
		answer(ret, KERNEL_LACKS_KEY, "host.keyring",
		       "there is no signer that the kernel could know");
	else if (algorithm)
		answer(ret, KERNEL_LACKS_ALGORITHM, "host.algorithm",
		       "the running kernel has no %s, which the signature (%s, %s) needs",
		       algorithm, auth->key_name, auth->digest_name);
	else if (keys_read(root, &k, &e) < 0)
		answer(ret, KERNEL_UNKNOWN, "", "%.200s", e.text);
	else
		ask_keys(&k, auth, ret);
}

const char *kernel_opinion_name(enum kernel_opinion o)
{
	return o == KERNEL_TRUSTS ? "trusted" : o == KERNEL_UNKNOWN ? "unknown" : "untrusted";
}
