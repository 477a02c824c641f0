// SPDX-License-Identifier: GPL-2.0-or-later
/* Is it revoked? See revoked.h. Images and the certificates in them are untrusted. */
#include "auth/revoked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/revoked_lists.h"
#include "auth/trust.h"

int revoked_want_digests(const struct auth_revoked *r, struct image_digests *digests,
			 struct ukd_error *e)
{
	int ret = 0;

	for (size_t i = 0; r && ret >= 0 && i < r->n; i++)
		if (r->entries[i].type->kind == REVOKED_IMAGE_DIGEST)
			ret = image_digests_want(digests, r->entries[i].type->alg, e);
	return ret;
}

int revoked_check_image(const struct auth_revoked *r, const struct image_digests *digests,
			struct ukd_error *e)
{
	for (size_t i = 0; r && i < r->n; i++) {
		const struct revoked_entry *entry = &r->entries[i];
		const uint8_t *value;

		if (entry->type->kind != REVOKED_IMAGE_DIGEST)
			continue;
		value = image_digests_get(digests, entry->type->alg);
		if (!value)
			return ukd_fail(e, -EINVAL, "%s of the image was not computed",
					entry->type->alg->name);
		if (!memcmp(value, entry->data.p, entry->data.len))
			return ukd_refuse(e, "revoked.image", "%s revokes the image by its %s",
					  entry->list->name, entry->type->alg->name);
	}
	return 0;
}

/* EFI_TIME in UTC or unspecified local time, for people: a day more or less says the same. */
static void format_time(struct bytes time, char *ret, size_t size)
{
	if (bytes_all_zero(time))
		(void)snprintf(ret, size, "%s", "");
	else
		(void)snprintf(ret, size, " as of %04u-%02u-%02u", load_le16(time.p), time.p[2],
			       time.p[3]);
}

/* Compared by what is signed: an ECDSA signature over the same can be changed by anyone. */
static bool names_certificate(const struct revoked_entry *entry, struct bytes tbs)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t len;

	switch (entry->type->kind) {
	case REVOKED_CERTIFICATE:
		return bytes_equal(entry->data, tbs);
	case REVOKED_CERTIFICATE_DIGEST:
		return EVP_Q_digest(NULL, entry->type->alg->name, NULL, tbs.p, tbs.len, md, &len) &&
		       bytes_equal(entry->data, (struct bytes){md, len});
	case REVOKED_IMAGE_DIGEST:
		break;
	}
	return false;
}

static int check_certificate(const struct auth_revoked *r, X509 *cert, struct ukd_error *e)
{
	_ossl_mem_ unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	char subject[AUTH_SUBJECT_MAX], time[32];
	struct bytes tbs;

	if (len <= 0 || !revoked_find_tbs((struct bytes){der, (uint64_t)len}, &tbs))
		return ossl_fail(e, -EINVAL, "cannot encode a certificate");
	for (size_t i = 0; i < r->n; i++) {
		const struct revoked_entry *entry = &r->entries[i];

		if (!names_certificate(entry, tbs))
			continue;
		cert_subject(cert, subject);
		format_time(entry->time, time, sizeof(time));
		return ukd_refuse(e, "revoked.certificate", "%s revokes the certificate '%.200s'%s",
				  entry->list->name, subject, time);
	}
	return 0;
}

/*
 * By name and signature only. What else disqualifies an issuer (not a CA, a weak digest, a date)
 * matters when it vouches, not when it is revoked.
 */
static bool issued_by(X509 *cert, X509 *issuer)
{
	bool is = !X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) &&
		  X509_verify(cert, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return is;
}

/* Borrowed certificates that may stand above a signer. */
static STACK_OF(X509) * candidates(const struct auth_revoked *r, const struct auth_trust *anchors,
				   const struct signature *s)
{
	STACK_OF(X509) *c = sk_X509_dup(s->p7->d.sign->cert);
	bool ok = c != NULL;

	for (unsigned int i = 0; ok && i < auth_trust_count(anchors); i++)
		ok = sk_X509_push(c, trust_anchor(anchors, i));
	for (size_t i = 0; ok && i < r->n; i++)
		if (r->entries[i].cert)
			ok = sk_X509_push(c, r->entries[i].cert);
	if (ok)
		return c;
	sk_X509_free(c);
	return NULL;
}

static void borrowedp(STACK_OF(X509) * *p)
{
	sk_X509_free(*p);
}
#define _borrowed_ _cleanup_(borrowedp)

/*
 * All paths upwards and not the one that a chain builder takes, nor only up to the first anchor: a
 * CA may be cross-certified, and one issuer that is revoked is enough. Every candidate is taken
 * once, so this ends; signature.c limits how many a signature brings along.
 */
int revoked_check_signature(const struct auth_revoked *r, const struct auth_trust *anchors,
			    const struct signature *s, struct ukd_error *e)
{
	_borrowed_ STACK_OF(X509) *rest = r ? candidates(r, anchors, s) : NULL;
	_borrowed_ STACK_OF(X509) *above = sk_X509_new_null();

	if (!r)
		return 0;
	if (!rest || !above || !sk_X509_push(above, s->signer))
		return ukd_oom(e);
	for (int i = 0; i < sk_X509_num(above); i++) {
		X509 *cert = sk_X509_value(above, i);
		int ret = check_certificate(r, cert, e);

		if (ret < 0)
			return ret;
		for (int j = sk_X509_num(rest) - 1; j >= 0; j--)
			if (issued_by(cert, sk_X509_value(rest, j)) &&
			    !sk_X509_push(above, sk_X509_delete(rest, j)))
				return ukd_oom(e);
	}
	return 0;
}

static int check_generation(const struct auth_revoked *r, const struct sbat_entry *seen,
			    struct ukd_error *e)
{
	struct sbat it = revoked_read_level(r);
	struct sbat_entry needed;
	int ret;

	while ((ret = sbat_next(&it, &needed, e)) > 0)
		if (bytes_equal(seen->component, needed.component) &&
		    seen->generation < needed.generation)
			return ukd_refuse(e, "revoked.sbat",
					  "component '%.*s' has SBAT generation %u, this machine's "
					  "SBAT level needs %u",
					  (int)(seen->component.len < 64 ? seen->component.len :
									   64),
					  (const char *)seen->component.p, seen->generation,
					  needed.generation);
	return ret;
}

int revoked_check_sbat(const struct auth_revoked *r, struct bytes sbat, struct ukd_error *e)
{
	struct sbat it = {.text = sbat, .columns = SBAT_IMAGE_COLUMNS, .check = "uki.sbat"};
	struct sbat_entry seen;
	int ret;

	while ((ret = sbat_next(&it, &seen, e)) > 0) {
		ret = r ? check_generation(r, &seen, e) : 0;
		if (ret < 0)
			return ret;
	}
	return ret;
}
