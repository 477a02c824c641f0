// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verdict about an image's signatures: see auth.h. Only judge() can say "trusted", and only at
 * its end; every way out before that leaves another verdict.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/digest.h"
#include "auth/embedded.h"
#include "auth/signature.h"
#include "auth/trust.h"
#include "util/cleanup.h"
#include "util/parse.h"

struct signatures {
	unsigned int n;
	struct signature s[CERT_MAX_ENTRIES];
};

static void signatures_free(struct signatures *sigs)
{
	for (unsigned int i = 0; i < sigs->n; i++)
		signature_free(&sigs->s[i]);
}
#define _signatures_ _cleanup_(signatures_free)

const char *auth_verdict_name(enum auth_verdict v)
{
	switch (v) {
	case AUTH_TRUSTED:
		return "trusted";
	case AUTH_UNSIGNED:
		return "unsigned";
	case AUTH_MALFORMED:
		return "malformed";
	case AUTH_DIGEST:
		return "digest-mismatch";
	case AUTH_BAD_SIGNATURE:
		return "bad-signature";
	case AUTH_UNTRUSTED:
		return "untrusted";
	case AUTH_WRONG_USE:
		return "wrong-use";
	case AUTH_REVOKED:
		return "revoked";
	}
	return "unknown";
}

/* A refusal becomes the verdict, anything else stays an error. which: the signature, from 0. */
static int conclude(struct auth_result *res, enum auth_verdict verdict, unsigned int which, int r,
		    const struct ukd_error *e)
{
	if (r != -EBADMSG)
		return r;
	res->verdict = verdict;
	memcpy(res->check, e->check, sizeof(res->check));
	if (res->n_signatures > 1)
		(void)snprintf(res->reason, sizeof(res->reason), "signature %u of %u: %.340s",
			       which + 1, res->n_signatures, e->text);
	else
		(void)snprintf(res->reason, sizeof(res->reason), "%.380s", e->text);
	return 1;
}

/* Each step returns 0 to go on, 1 with a verdict in res, or a negative errno. */

static int parse_all(const struct cert_table *certs, struct signatures *ret,
		     struct auth_result *res, struct ukd_error *e)
{
	for (unsigned int i = 0; i < certs->n; i++) {
		int r = signature_parse(certs->pkcs7[i], &ret->s[i], e);

		if (r < 0)
			return conclude(res, AUTH_MALFORMED, i, r, e);
		ret->n++;
	}
	return 0;
}

static int check_digest(const struct signature *s, const struct image_digests *digests,
			struct ukd_error *e)
{
	const uint8_t *actual = image_digests_get(digests, s->alg);
	char a[17], b[17];

	if (actual && !memcmp(actual, s->digest, s->alg->len))
		return 0;
	if (!actual)
		return ukd_fail(e, -EINVAL, "%s of the image was not computed", s->alg->name);
	format_hex((struct bytes){actual, 8}, a);
	format_hex((struct bytes){s->digest, 8}, b);
	return ukd_refuse(
		e, "auth.digest",
		"the image's %s digest is %s..., signed was %s...: the file was changed or the "
		"signature is another file's",
		s->alg->name, a, b);
}

/* All signatures: one over another digest or broken is a sign of tampering, wherever it stands. */
static int check_all(const struct signatures *sigs, const struct image_digests *digests,
		     struct auth_result *res, struct ukd_error *e)
{
	for (unsigned int i = 0; i < sigs->n; i++) {
		int r = check_digest(&sigs->s[i], digests, e);

		if (r < 0)
			return conclude(res, AUTH_DIGEST, i, r, e);
		r = signature_verify(&sigs->s[i], e);
		if (r >= 0)
			r = embedded_check(&sigs->s[i], e);
		if (r < 0)
			return conclude(res, AUTH_BAD_SIGNATURE, i, r, e);
	}
	return 0;
}

static void format_date(const ASN1_TIME *t, char ret[32])
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm) || !strftime(ret, 32, "%Y-%m-%d", &tm))
		(void)snprintf(ret, 32, "an unreadable date");
}

/*
 * No reader of this signature refuses because of the date: the kernel, firmware and shim have no
 * clock to rely on. An administrator wants to know all the same.
 */
static void warn_validity(const X509 *cert, time_t now, struct auth_result *res)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
	char subject[AUTH_SUBJECT_MAX], date[32];
	bool early = ASN1_TIME_cmp_time_t(from, now) > 0;

	if (res->warning[0] || (!early && ASN1_TIME_cmp_time_t(to, now) >= 0))
		return;
	cert_subject(cert, subject);
	format_date(early ? from : to, date);
	(void)snprintf(res->warning, sizeof(res->warning), "certificate '%.180s' %s %s", subject,
		       early ? "is not valid before" : "expired on", date);
}

static void describe_signer(const struct signature *s, struct auth_result *res)
{
	(void)snprintf(res->digest_name, sizeof(res->digest_name), "%s", s->alg->name);
	key_name(X509_get0_pubkey(s->signer), res->key_name, sizeof(res->key_name));
	cert_id(s->signer, &res->chain[0]);
	res->n_chain = 1;
	embedded_describe(s, res);
}

static void describe_chain(const struct trust_chain *chain, struct auth_result *res)
{
	time_t now = time(NULL);

	res->n_chain = (unsigned int)sk_X509_num(chain->certs);
	for (unsigned int i = 0; i < res->n_chain; i++) {
		const X509 *cert = sk_X509_value(chain->certs, (int)i);

		cert_id(cert, &res->chain[i]);
		warn_validity(cert, now, res);
	}
	(void)snprintf(res->anchor, sizeof(res->anchor), "%s", chain->origin);
}

/*
 * The signer, and what of the chain came from the image. An anchor above them was chosen by the
 * administrator or the firmware for what it is.
 */
static int check_use(const struct trust_chain *chain, struct ukd_error *e)
{
	int n = sk_X509_num(chain->certs), r = 0;

	for (int i = 0; r >= 0 && (i == 0 || i < n - 1); i++)
		r = cert_signs_code(sk_X509_value(chain->certs, i), e);
	return r;
}

/* The first signature: the only one that the kernel reads. */
static int judge_first(const struct signature *s, const struct auth_trust *trust,
		       struct auth_result *res, struct ukd_error *e)
{
	_trust_chain_ struct trust_chain chain = {0};
	int r = key_acceptable(X509_get0_pubkey(s->signer), e);

	if (r < 0)
		return conclude(res, AUTH_WRONG_USE, 0, r, e);
	r = trust_chain_find(trust, s, &chain, e);
	if (r < 0)
		return conclude(res, AUTH_UNTRUSTED, 0, r, e);
	describe_chain(&chain, res);
	r = check_use(&chain, e);
	if (r < 0)
		return conclude(res, AUTH_WRONG_USE, 0, r, e);
	return 0;
}

/* After parse_all(): the verdict that is left to find. */
static int judge(const struct signatures *sigs, const struct image_digests *digests,
		 const struct auth_trust *trust, struct auth_result *res, struct ukd_error *e)
{
	int r;

	if (!sigs->n) {
		r = ukd_refuse(e, "auth.unsigned", "the image carries no signature");
		return conclude(res, AUTH_UNSIGNED, 0, r, e);
	}
	r = check_all(sigs, digests, res, e);
	if (r)
		return r;
	r = judge_first(&sigs->s[0], trust, res, e);
	if (r)
		return r;
	res->verdict = AUTH_TRUSTED;
	return 0;
}

/* SHA-256 always, for the image id, and whatever else the signatures were made with. */
static int read_image(struct uki *u, const struct signatures *sigs, struct image_digests *digests,
		      struct auth_result *res, struct ukd_error *e)
{
	int r = image_digests_want(digests, &digest_algs[0], e);

	for (unsigned int i = 0; r >= 0 && i < sigs->n; i++)
		r = image_digests_want(digests, sigs->s[i].alg, e);
	if (r >= 0)
		r = image_digests_read(digests, u, e);
	if (r < 0)
		return r;
	memcpy(res->image_id, image_digests_get(digests, &digest_algs[0]), AUTH_SHA256_LEN);
	return 0;
}

int auth_verify(int fd, const char *name, uint64_t size, const struct auth_policy *policy,
		struct uki *ret_uki, struct auth_result *ret, struct auth_result *ret_inner,
		struct ukd_error *e)
{
	_signatures_ struct signatures sigs = {0};
	_image_digests_ struct image_digests digests = {0};
	_uki_ struct uki u = {0};
	struct auth_result res = {.verdict = AUTH_MALFORMED};
	int r = uki_open(fd, name, size, &u, e), formed;

	if (r < 0)
		return r;
	res.n_signatures = u.certs.n;
	formed = parse_all(&u.certs, &sigs, &res, e);
	if (formed < 0)
		return formed;
	if (sigs.n)
		describe_signer(&sigs.s[0], &res);
	r = read_image(&u, &sigs, &digests, &res, e);
	if (r < 0)
		return r;
	r = formed ? formed : judge(&sigs, &digests, policy->trust, &res, e);
	if (r < 0)
		return r;
	*e = (struct ukd_error){0};
	*ret_uki = u;
	u = (struct uki){0};
	*ret = res;
	*ret_inner = (struct auth_result){0};
	return 0;
}
