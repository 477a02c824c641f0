/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signed PCR policies (.pcrsig, .pcrpkey) as systemd-measure makes and systemd-cryptsetup uses
 * them: a key signs the TPM's PolicyPCR digest of an expected PCR value, and the TPM releases a
 * secret that is bound to that key while its PCR has that value.
 */
#pragma once

#include "auth/measure.h"

#define PCR_POLICY_LEN 32 /* SHA-256, whatever the bank */

/*
 * The digest after TPM2_PolicyPCR in a fresh SHA-256 session (TPM 2.0 Library, part 3, 23.7), for
 * PCR 11 of this bank (index in measure_banks) with this value.
 */
int pcr_policy_digest(unsigned int bank, const uint8_t *value, uint8_t ret[PCR_POLICY_LEN],
		      struct ukd_error *e) _must_check_;

/* The key in .pcrpkey. */
struct pcr_key;

/*
 * pem: content of .pcrpkey. Refuses (check "pcr.key") what is no public key, or none that a TPM
 * can verify a signature of systemd's with: RSA of at most 4096 bits with a 32-bit exponent.
 */
int pcr_key_parse(struct bytes pem, struct pcr_key **ret, struct ukd_error *e) _must_check_;
void pcr_key_free(struct pcr_key *k);
static inline void pcr_key_freep(struct pcr_key **k)
{
	pcr_key_free(*k);
}
#define _pcr_key_ _cleanup_(pcr_key_freep)

/* SHA-256 of its DER RSAPublicKey (PKCS #1; not SubjectPublicKeyInfo): "pkfp". */
const uint8_t *pcr_key_fingerprint(const struct pcr_key *k);

enum pcr_signature {
	PCR_UNSIGNED,
	PCR_SIGNED_UNKNOWN, /* there is no key to verify it with */
	PCR_SIGNED_GOOD,
	PCR_SIGNED_BAD,
	/*
	 * good, but made with the bank's digest, as systemd-measure up to 259 did: of no use, since
	 * systemd has the TPM verify SHA-256 (systemd issue 40245)
	 */
	PCR_SIGNED_BANK_DIGEST,
};

/*
 * Verifies the signature (base64; NULL: unsigned) over a policy digest. key may be NULL. reference:
 * the policy reference ("ref", since 262) that is signed with it, or NULL.
 */
enum pcr_signature pcr_signature_verify(const struct pcr_key *key, unsigned int bank,
					const uint8_t policy[PCR_POLICY_LEN], const char *reference,
					const char *signature);
