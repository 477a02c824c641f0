// SPDX-License-Identifier: GPL-2.0-or-later
/* PCR 11 as systemd-stub leaves it: see measure.h. */
#include "auth/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/ossl.h"
#include "util/cleanup.h"

#define PIECE_LEN MIB(1)

/* TPM_ALG_ID: TCG Algorithm Registry. */
const struct measure_bank measure_banks[MEASURE_BANKS] = {
	{"sha256", 0x000b, 32},
	{"sha1", 0x0004, 20},
	{"sha384", 0x000c, 48},
	{"sha512", 0x000d, 64},
};

const char *const measure_points[MEASURE_POINTS] = {
	"",
	"enter-initrd",
	"enter-initrd:leave-initrd",
	"enter-initrd:leave-initrd:sysinit",
	"enter-initrd:leave-initrd:sysinit:ready",
};

/* The stub's order. Not measured: .pcrsig, which signs the outcome; .dtbauto and .efifw. */
static const enum uki_section measured_order[] = {
	UKI_LINUX, UKI_OSREL, UKI_CMDLINE, UKI_INITRD,	UKI_UCODE,   UKI_SPLASH,
	UKI_DTB,   UKI_UNAME, UKI_SBAT,	   UKI_PCRPKEY, UKI_PROFILE, UKI_HWIDS,
};

struct measured_image {
	const struct uki *uki;
	EVP_MD *md[MEASURE_BANKS];
	/* by index in uki->pe.section */
	uint8_t digest[PE_MAX_SECTIONS][MEASURE_BANKS][MEASURE_DIGEST_MAX];
};

void measured_image_free(struct measured_image *m)
{
	for (unsigned int b = 0; m && b < MEASURE_BANKS; b++)
		EVP_MD_free(m->md[b]);
	free(m);
}

struct bank_contexts {
	EVP_MD_CTX *ctx[MEASURE_BANKS];
};

static void bank_contexts_free(struct bank_contexts *c)
{
	for (unsigned int b = 0; b < MEASURE_BANKS; b++)
		EVP_MD_CTX_free(c->ctx[b]);
}
#define _bank_contexts_ _cleanup_(bank_contexts_free)

static bool digests_begin(const struct measured_image *m, struct bank_contexts *c)
{
	for (unsigned int b = 0; b < MEASURE_BANKS; b++) {
		c->ctx[b] = EVP_MD_CTX_new();
		if (!c->ctx[b] || !EVP_DigestInit_ex2(c->ctx[b], m->md[b], NULL))
			return false;
	}
	return true;
}

static bool digests_update(struct bank_contexts *c, struct bytes piece)
{
	for (unsigned int b = 0; b < MEASURE_BANKS; b++)
		if (!EVP_DigestUpdate(c->ctx[b], piece.p, piece.len))
			return false;
	return true;
}

static bool digests_end(struct bank_contexts *c, uint8_t ret[MEASURE_BANKS][MEASURE_DIGEST_MAX])
{
	for (unsigned int b = 0; b < MEASURE_BANKS; b++)
		if (!EVP_DigestFinal_ex(c->ctx[b], ret[b], NULL))
			return false;
	return true;
}

/* uki_read() has checked that VirtualSize is not larger than what is in the file. */
static int measure_section(struct measured_image *m, unsigned int index, uint8_t *buf,
			   struct ukd_error *e)
{
	const struct pe_section *s = &m->uki->pe.section[index];
	_bank_contexts_ struct bank_contexts c = {0};
	uint64_t len = pe_section_len(s);
	bool ok = digests_begin(m, &c);

	for (uint64_t off = 0; ok && off < len; off += PIECE_LEN) {
		size_t n = len - off < PIECE_LEN ? len - off : PIECE_LEN;
		int r = fd_pread_full(m->uki->fd, buf, n, s->raw + off);

		if (r < 0)
			return ukd_fail_errno(e, r, "%s: cannot read section '%s'", m->uki->name,
					      s->name);
		ok = digests_update(&c, (struct bytes){buf, n});
	}
	ok = ok && digests_end(&c, m->digest[index]);
	return ok ? 0 : ossl_fail(e, -EIO, "cannot hash section '%s'", s->name);
}

static bool is_measured(enum uki_section id)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(measured_order); i++)
		if (measured_order[i] == id)
			return true;
	return false;
}

struct measured_image *measure_image(const struct uki *u, struct ukd_error *e)
{
	_measured_image_ struct measured_image *m = calloc(1, sizeof(*m));
	_free_ uint8_t *buf = malloc(PIECE_LEN);

	if (!m || !buf) {
		(void)ukd_oom(e);
		return NULL;
	}
	m->uki = u;
	for (unsigned int b = 0; b < MEASURE_BANKS; b++) {
		m->md[b] = EVP_MD_fetch(NULL, measure_banks[b].name, NULL);
		if (!m->md[b]) {
			(void)ossl_fail(e, -EIO, "cannot compute %s", measure_banks[b].name);
			return NULL;
		}
	}
	for (unsigned int i = 0; i < u->pe.n_sections; i++)
		if (is_measured(u->pe.section[i].id) && measure_section(m, i, buf, e) < 0)
			return NULL;
	return take_ptr(&m);
}

/* TPM2_PCR_Extend: the new value is the digest of the old one and the event's digest. */
static bool extend(EVP_MD_CTX *ctx, const EVP_MD *md, uint8_t *value, const uint8_t *digest,
		   size_t len)
{
	return EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, value, len) &&
	       EVP_DigestUpdate(ctx, digest, len) && EVP_DigestFinal_ex(ctx, value, NULL);
}

static bool extend_text(EVP_MD_CTX *ctx, const EVP_MD *md, uint8_t *value, const void *text,
			size_t len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;

	return EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, text, len) &&
	       EVP_DigestFinal_ex(ctx, digest, &digest_len) &&
	       extend(ctx, md, value, digest, digest_len);
}

static bool extend_sections(const struct measured_image *m, const struct uki_profile *p,
			    unsigned int bank, EVP_MD_CTX *ctx, uint8_t *value)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(measured_order); i++) {
		const struct pe_section *s = p->section[measured_order[i]];

		/* an empty section does not exist for the stub */
		if (!s || !pe_section_len(s))
			continue;
		if (!extend_text(ctx, m->md[bank], value, s->name, strlen(s->name) + 1) ||
		    !extend(ctx, m->md[bank], value, m->digest[s - m->uki->pe.section][bank],
			    measure_banks[bank].len))
			return false;
	}
	return true;
}

int measure_profile(const struct measured_image *m, const struct uki_profile *p,
		    struct pcr_values *ret, struct ukd_error *e)
{
	_md_ctx_ EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct pcr_values v = {0};

	if (!ctx)
		return ukd_oom(e);
	for (unsigned int b = 0; b < MEASURE_BANKS; b++) {
		uint8_t value[MEASURE_DIGEST_MAX] = {0};
		bool ok = extend_sections(m, p, b, ctx, value);

		for (unsigned int i = 0; ok && i < MEASURE_POINTS; i++) {
			const char *colon = strrchr(measure_points[i], ':');
			const char *word = colon ? colon + 1 : measure_points[i];

			/* each phase adds its last word, without NUL */
			ok = !*word || extend_text(ctx, m->md[b], value, word, strlen(word));
			memcpy(v.value[b][i], value, sizeof(value));
		}
		if (!ok)
			return ossl_fail(e, -EIO, "cannot compute %s", measure_banks[b].name);
	}
	*ret = v;
	return 0;
}
