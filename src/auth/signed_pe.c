// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verdict about a PE's signatures: see signed_pe.h. Only signed_pe_trust() can say "trusted",
 * and only at its end; every way out before that leaves another verdict.
 */
#include "auth/signed_pe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/embedded.h"
#include "auth/revoked.h"
#include "auth/trust.h"
#include "util/parse.h"

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

void signed_pe_free(struct signed_pe *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		signature_free(&p->s[i]);
	p->n = 0;
	image_digests_free(&p->digests);
}

int signed_pe_conclude(struct signed_pe *p, enum auth_verdict verdict, int which, int r,
		       const struct ukd_error *e)
{
	struct auth_result *res = &p->res;

	if (r != -EBADMSG)
		return r;
	res->verdict = verdict;
	memcpy(res->check, e->check, sizeof(res->check));
	if (which >= 0 && res->n_signatures > 1)
		(void)snprintf(res->reason, sizeof(res->reason), "signature %d of %u: %.340s",
			       which + 1, res->n_signatures, e->text);
	else
		(void)snprintf(res->reason, sizeof(res->reason), "%.380s", e->text);
	return 1;
}

static int parse_all(struct signed_pe *p, const struct cert_table *certs, struct ukd_error *e)
{
	for (unsigned int i = 0; i < certs->n; i++) {
		int r = signature_parse(certs->pkcs7[i], &p->s[i], e);

		if (r < 0)
			return signed_pe_conclude(p, AUTH_MALFORMED, (int)i, r, e);
		p->n++;
	}
	return 0;
}

static int want_digests(struct signed_pe *p, const struct auth_revoked *revoked,
			struct ukd_error *e)
{
	int r = image_digests_want(&p->digests, &digest_algs[0], e);

	for (unsigned int i = 0; r >= 0 && i < p->n; i++)
		r = image_digests_want(&p->digests, p->s[i].alg, e);
	return r < 0 ? r : revoked_want_digests(revoked, &p->digests, e);
}

static void describe_signer(const struct signature *s, struct auth_result *res)
{
	(void)snprintf(res->digest_name, sizeof(res->digest_name), "%s", s->alg->name);
	key_name(X509_get0_pubkey(s->signer), res->key_name, sizeof(res->key_name));
	cert_id(s->signer, &res->chain[0]);
	res->n_chain = 1;
	embedded_describe(s, res);
}

int signed_pe_open(struct signed_pe *p, const struct cert_table *certs,
		   const struct auth_policy *policy, struct ukd_error *e)
{
	int r;

	p->res.verdict = AUTH_MALFORMED;
	p->res.n_signatures = certs->n;
	r = parse_all(p, certs, e);
	if (r < 0)
		return r;
	p->malformed = r;
	if (p->n)
		describe_signer(&p->s[0], &p->res);
	return want_digests(p, policy->revoked, e);
}

static int check_digest(const struct signed_pe *p, const struct signature *s, struct ukd_error *e)
{
	const uint8_t *actual = image_digests_get(&p->digests, s->alg);
	char a[17], b[17];

	if (actual && !memcmp(actual, s->digest, s->alg->len))
		return 0;
	if (!actual)
		return ukd_fail(e, -EINVAL, "%s of %s was not computed", s->alg->name, p->what);
	format_hex((struct bytes){actual, 8}, a);
	format_hex((struct bytes){s->digest, 8}, b);
	return ukd_refuse(e, "auth.digest",
			  "%s has the %s digest %s..., signed was %s...: it was changed or the "
			  "signature is another file's",
			  p->what, s->alg->name, a, b);
}

/* All signatures: one over another digest or broken is a sign of tampering, wherever it stands. */
static int check_signatures(struct signed_pe *p, struct ukd_error *e)
{
	for (unsigned int i = 0; i < p->n; i++) {
		int r = check_digest(p, &p->s[i], e);

		if (r < 0)
			return signed_pe_conclude(p, AUTH_DIGEST, (int)i, r, e);
		r = signature_verify(&p->s[i], e);
		if (r >= 0)
			r = embedded_check(&p->s[i], e);
		if (r < 0)
			return signed_pe_conclude(p, AUTH_BAD_SIGNATURE, (int)i, r, e);
	}
	return 0;
}

static int check_image_revoked(struct signed_pe *p, const struct auth_policy *policy,
			       struct ukd_error *e)
{
	int r = revoked_check_image(policy->revoked, &p->digests, e);

	return signed_pe_conclude(p, AUTH_REVOKED, SIGNED_PE_WHOLE, r, e);
}

/* As firmware does it (EDK2): one revoked signature is too many, wherever it stands. */
static int check_signers_revoked(struct signed_pe *p, const struct auth_policy *policy,
				 struct ukd_error *e)
{
	for (unsigned int i = 0; i < p->n; i++) {
		int r = revoked_check_signature(policy->revoked, policy->trust, &p->s[i], e);

		if (r < 0)
			return signed_pe_conclude(p, AUTH_REVOKED, (int)i, r, e);
	}
	return 0;
}

static int conclude_unsigned(struct signed_pe *p, struct ukd_error *e)
{
	int r = ukd_refuse(e, p->unsigned_check, "%s carries no signature", p->what);

	return signed_pe_conclude(p, AUTH_UNSIGNED, SIGNED_PE_WHOLE, r, e);
}

int signed_pe_check(struct signed_pe *p, const struct auth_policy *policy, struct ukd_error *e)
{
	int r;

	memcpy(p->res.image_id, image_digests_get(&p->digests, &digest_algs[0]), AUTH_SHA256_LEN);
	if (p->malformed)
		return 1;
	r = check_signatures(p, e);
	if (!r)
		r = check_image_revoked(p, policy, e);
	if (!r)
		r = p->n ? check_signers_revoked(p, policy, e) : conclude_unsigned(p, e);
	return r;
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
 * The signer, and what of the chain came from the image, must be for code. An anchor above them was
 * chosen by the administrator or the firmware for what it is, but not to vouch for modules.
 */
static int check_use(const struct trust_chain *chain, struct ukd_error *e)
{
	int n = sk_X509_num(chain->certs), r = 0;

	for (int i = 0; r >= 0 && (i == 0 || i < n - 1); i++)
		r = cert_signs_code(sk_X509_value(chain->certs, i), e);
	return r < 0 ? r : cert_not_for_modules(sk_X509_value(chain->certs, n - 1), e);
}

/* The first signature: the only one that the kernel reads. */
int signed_pe_trust(struct signed_pe *p, const struct auth_policy *policy, struct ukd_error *e)
{
	_trust_chain_ struct trust_chain chain = {0};
	int r = key_acceptable(X509_get0_pubkey(p->s[0].signer), e);

	if (r < 0)
		return signed_pe_conclude(p, AUTH_WRONG_USE, 0, r, e);
	r = trust_chain_find(policy->trust, &p->s[0], &chain, e);
	if (r < 0)
		return signed_pe_conclude(p, AUTH_UNTRUSTED, 0, r, e);
	describe_chain(&chain, &p->res);
	/* An anchor may have a key that firmware can use and the kernel cannot. */
	for (int i = 1; r >= 0 && i < sk_X509_num(chain.certs); i++)
		r = key_acceptable(X509_get0_pubkey(sk_X509_value(chain.certs, i)), e);
	if (r >= 0)
		r = check_use(&chain, e);
	if (r < 0)
		return signed_pe_conclude(p, AUTH_WRONG_USE, 0, r, e);
	p->res.verdict = AUTH_TRUSTED;
	return 0;
}
