// SPDX-License-Identifier: GPL-2.0-or-later
/* Signed PCR policies: see pcrsig.h. Key and signatures come from the file and are hostile. */
#include "auth/pcrsig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "auth/ossl.h"
#include "util/cleanup.h"

#define TPM_CC_POLICY_PCR 0x0000017fu
#define SIGNATURE_MAX	  512 /* RSA-4096 */
#define RSA_BITS_MAX	  4096
#define EXPONENT_BITS_MAX 32

int pcr_policy_digest(unsigned int bank, const uint8_t *value, uint8_t ret[PCR_POLICY_LEN],
		      struct ukd_error *e)
{
	const struct measure_bank *b = &measure_banks[bank];
	/*
	 * The digest so far (zeros), command code, TPML_PCR_SELECTION (one entry: algorithm, 3
	 * bytes of bits, one for each PCR), digest of the values; integers are big-endian.
	 */
	uint8_t input[PCR_POLICY_LEN + 14 + PCR_POLICY_LEN] = {0};
	uint8_t *p = input + PCR_POLICY_LEN;

	p[2] = TPM_CC_POLICY_PCR >> 8;
	p[3] = TPM_CC_POLICY_PCR & 0xff;
	p[7] = 1;
	p[8] = (uint8_t)(b->tpm_alg >> 8);
	p[9] = (uint8_t)(b->tpm_alg & 0xff);
	p[10] = 3;
	p[11 + MEASURE_PCR / 8] = 1u << MEASURE_PCR % 8;
	if (!EVP_Q_digest(NULL, "SHA256", NULL, value, b->len, p + 14, NULL) ||
	    !EVP_Q_digest(NULL, "SHA256", NULL, input, sizeof(input), ret, NULL))
		return ossl_fail(e, -EIO, "cannot compute SHA256");
	return 0;
}

struct pcr_key {
	EVP_PKEY *key;
	uint8_t fingerprint[PCR_POLICY_LEN];
};

void pcr_key_free(struct pcr_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

const uint8_t *pcr_key_fingerprint(const struct pcr_key *k)
{
	return k->fingerprint;
}

/* TPM 2.0 Library, part 2, TPMS_RSA_PARMS. Larger ones would also take long to verify with. */
static int check_key(const EVP_PKEY *key, struct ukd_error *e)
{
	_bignum_ BIGNUM *exponent = NULL;
	char name[32];

	key_name(key, name, sizeof(name));
	if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) > RSA_BITS_MAX ||
	    !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) ||
	    BN_num_bits(exponent) > EXPONENT_BITS_MAX)
		return ukd_refuse(e, "pcr.key",
				  ".pcrpkey: the key is %s, needed is RSA of at most %d bits with "
				  "a 32-bit exponent",
				  name, RSA_BITS_MAX);
	return 0;
}

int pcr_key_parse(struct bytes pem, struct pcr_key **ret, struct ukd_error *e)
{
	_pcr_key_ struct pcr_key *k = calloc(1, sizeof(*k));
	_bio_ BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	_ossl_mem_ unsigned char *der = NULL;
	int r, len;

	if (!k || !bio)
		return ukd_oom(e);
	k->key = PEM_read_bio_PUBKEY(bio, NULL, ossl_no_passphrase, NULL);
	if (!k->key) {
		ERR_clear_error();
		return ukd_refuse(e, "pcr.key", ".pcrpkey: not a PEM public key");
	}
	r = check_key(k->key, e);
	ERR_clear_error();
	if (r < 0)
		return r;
	len = i2d_PublicKey(k->key, &der);
	if (len <= 0 || !EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, k->fingerprint, NULL))
		return ossl_fail(e, -EIO, "cannot hash the key in .pcrpkey");
	*ret = take_ptr(&k);
	return 0;
}

/* Strict base64 without line breaks. Returns the length, 0 if it is not that or too long. */
static size_t decode_base64(const char *text, uint8_t ret[SIGNATURE_MAX + 2])
{
	size_t len = strlen(text), pad = 0;

	if (!len || len % 4 || len > (SIGNATURE_MAX + 2) / 3 * 4)
		return 0;
	while (pad < 2 && text[len - 1 - pad] == '=')
		pad++;
	if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") !=
	    len - pad)
		return 0;
	if (EVP_DecodeBlock(ret, (const unsigned char *)text, (int)len) < 0)
		return 0;
	return len / 4 * 3 - pad;
}

/* RSASSA-PKCS1-v1_5, as tpm2_policy_authorize() has the TPM verify it. */
static bool verifies(EVP_PKEY *key, const char *digest, struct bytes data, struct bytes sig)
{
	_md_ctx_ EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		  EVP_DigestVerify(ctx, sig.p, sig.len, data.p, data.len) == 1;

	ERR_clear_error();
	return ok;
}

enum pcr_signature pcr_signature_verify(const struct pcr_key *key, unsigned int bank,
					const uint8_t policy[PCR_POLICY_LEN], const char *reference,
					const char *signature)
{
	/* TPM2_PolicyAuthorize: approved policy, then the reference, which is a digest itself */
	uint8_t data[2 * PCR_POLICY_LEN], sig[SIGNATURE_MAX + 2];
	struct bytes signed_data = {data, PCR_POLICY_LEN};
	size_t len;

	if (!signature)
		return PCR_UNSIGNED;
	if (!key)
		return PCR_SIGNED_UNKNOWN;
	memcpy(data, policy, PCR_POLICY_LEN);
	if (reference) {
		if (!EVP_Q_digest(NULL, "SHA256", NULL, reference, strlen(reference),
				  data + PCR_POLICY_LEN, NULL))
			return PCR_SIGNED_BAD;
		signed_data.len = sizeof(data);
	}
	len = decode_base64(signature, sig);
	if (len && verifies(key->key, "SHA256", signed_data, (struct bytes){sig, len}))
		return PCR_SIGNED_GOOD;
	if (len &&
	    verifies(key->key, measure_banks[bank].name, signed_data, (struct bytes){sig, len}))
		return PCR_SIGNED_BANK_DIGEST;
	return PCR_SIGNED_BAD;
}
