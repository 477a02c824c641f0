/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Authenticode signatures of PE files: verify against given anchors, sign, attach. The only user
 * of libcrypto. Everything in the file, the embedded certificates included, is untrusted; the
 * anchors are trusted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pe/uki.h"
#include "util/root.h"

#define AUTH_SHA256_LEN	    32
#define AUTH_MAX_CHAIN	    8
#define AUTH_SUBJECT_MAX    256
#define AUTH_KEY_ID_MAX	    64
#define AUTH_MAX_ANCHORS    512
#define AUTH_TBS_DIGEST_MAX 64

/* Trust anchors: a set of X.509 certificates, each with the place it came from. */
struct auth_trust;

struct auth_trust *auth_trust_new(void); /* NULL: out of memory */
void auth_trust_free(struct auth_trust *t);
static inline void auth_trust_freep(struct auth_trust **t)
{
	auth_trust_free(*t);
}
#define _auth_trust_ _cleanup_(auth_trust_freep)

/* Number of anchors. */
unsigned int auth_trust_count(const struct auth_trust *t);

/*
 * Adds the certificates of a PEM (all of them) or DER file. Returns their number or -errno. The
 * same certificate is kept once, with its first origin. root NULL: a path of the process itself,
 * such as one from a command line.
 */
int auth_trust_add_file(struct auth_trust *t, const struct root *root, const char *path,
			struct ukd_error *e) _must_check_;

/*
 * Adds every *.crt, *.pem and *.der of a directory, in order of name. A directory that does not
 * exist is an empty one; a file in it that cannot be read as a certificate is an error.
 */
int auth_trust_add_dir(struct auth_trust *t, const struct root *root, const char *path,
		       struct ukd_error *e) _must_check_;

/*
 * Adds the X.509 certificates of the UEFI variable db (EFI_SIGNATURE_LISTs, UEFI 2.10 §32.4.1;
 * efivarfs puts 4 attribute bytes first). Returns their number; 0 on a machine without EFI.
 */
int auth_trust_add_uefi_db(struct auth_trust *t, const struct root *root,
			   struct ukd_error *e) _must_check_;

/* The same for shim's list of machine owner keys, MokListRT. */
int auth_trust_add_mok(struct auth_trust *t, const struct root *root,
		       struct ukd_error *e) _must_check_;

/*
 * Revocations: certificates and image digests of dbx and MokListX, generations of the SBAT level
 * (docs/UKI.md, rule 51). Refuses what firmware, shim or the kernel would refuse, and what they
 * have on their lists but overlook.
 */
struct auth_revoked;

struct auth_revoked *auth_revoked_new(void); /* empty; NULL: out of memory */
void auth_revoked_free(struct auth_revoked *r);

/*
 * This machine's lists: UEFI variable dbx, MokListXRT, SbatLevelRT. None on a machine without EFI;
 * a list that is there but cannot be read or taken apart is refused (checks "efi.variable",
 * "efi.siglist", "efi.sbat-level"): a revocation must not be lost silently. NULL with e filled.
 */
struct auth_revoked *auth_revoked_of_host(const struct root *root, struct ukd_error *e);

/*
 * What the lists hold, for people: "dbx 371 (2 of other types), MokListX 0, SBAT level 2023012900";
 * "none" if there is no list; and that EFI's variables cannot be seen, if so.
 */
void auth_revoked_describe(const struct auth_revoked *r, char *ret, size_t size);

/* What a judgement goes by. */
struct auth_policy {
	struct auth_trust *trust;
	struct auth_revoked *revoked; /* NULL: nothing is revoked */
};

void auth_policy_free(struct auth_policy *p);
#define _auth_policy_ _cleanup_(auth_policy_free)

/* This machine's: /etc/ukdump/trust.d, UEFI db, MOK list; auth_revoked_of_host(). */
int auth_policy_of_host(const struct root *root, struct auth_policy *ret,
			struct ukd_error *e) _must_check_;

/* What was found out about a signature. Outcomes are not errors. Zero is none of the good ones. */
enum auth_verdict {
	AUTH_UNSIGNED,	    /* no certificate table */
	AUTH_TRUSTED,	    /* the only success: digest, signature and chain are good */
	AUTH_MALFORMED,	    /* a signature is not what Authenticode and the kernel require */
	AUTH_DIGEST,	    /* the file is not the one that was signed */
	AUTH_BAD_SIGNATURE, /* the signature does not belong to the signed attributes or content */
	AUTH_UNTRUSTED,	    /* signer does not chain to an anchor */
	AUTH_WRONG_USE,	    /* the certificate or its key is not for signing code */
	AUTH_REVOKED,	    /* the image, a certificate or a component's generation is revoked */
};

/* A word for each verdict: "trusted", "unsigned", ... */
const char *auth_verdict_name(enum auth_verdict v);

/* A certificate as the kernel's keyrings name it (crypto/asymmetric_keys/x509_public_key.c). */
struct auth_cert_id {
	char subject[AUTH_SUBJECT_MAX]; /* one line, for people */
	uint8_t skid[AUTH_KEY_ID_MAX];	/* subject key id, or the serial number if it has none */
	unsigned int skid_len;
	uint8_t akid[AUTH_KEY_ID_MAX]; /* authority key id: its issuer's skid; may be empty */
	unsigned int akid_len;
	/*
	 * Digest of the signed part by the certificate's own signature algorithm: what the
	 * kernel's .blacklist names (x509_get_sig_params()). Empty if that algorithm is unknown.
	 */
	uint8_t tbs[AUTH_TBS_DIGEST_MAX];
	unsigned int tbs_len;
};

struct auth_result {
	enum auth_verdict verdict;
	char check[32];			   /* "auth.digest", ...; empty if trusted */
	char reason[384];		   /* one line; empty if trusted */
	char warning[256];		   /* expired or not yet valid certificate; empty if none */
	uint8_t image_id[AUTH_SHA256_LEN]; /* SHA-256 Authenticode digest, whatever was signed */
	char digest_name[16];		   /* "SHA256", of the first signature; empty if unsigned */
	char key_name[32];		   /* "RSA-2048", "EC prime256v1" */
	char anchor[AUTH_SUBJECT_MAX];	   /* where the anchor came from; empty if there is none */
	unsigned int n_signatures;
	/* signer first, anchor last; only the signer if untrusted; none if it could not be read */
	unsigned int n_chain;
	struct auth_cert_id chain[AUTH_MAX_CHAIN];
	/*
	 * The way the kernel goes, whatever the anchors are: from the signer through certificates
	 * in the first signature only (auth/embedded.h).
	 */
	unsigned int n_embedded;
	struct auth_cert_id embedded[AUTH_MAX_CHAIN];
};

/*
 * Reads a whole image (uki_open, uki_read) and judges its signatures. Every WIN_CERTIFICATE must
 * be well formed and over the same digest; the first must be the trusted one, since the kernel
 * reads no other (docs/UKI.md). Returns 0 with the verdict in *ret; negative for a file that is
 * refused before the signature matters. What is returned is written only on 0.
 *
 * Verdicts are found in this order: malformed, digest, signature, revoked, unsigned, use of the
 * key, untrusted, use of the certificates. A malformed .sbat refuses the file (check "uki.sbat").
 *
 * ret_inner: for a plain UKI the same about the signature of its .linux, which the running kernel
 * will look at; image_id is then that of .linux. Zero for other kinds. A malformed inner kernel is
 * its verdict, not a refusal of the UKI: firmware boots such. Not fatal either is AUTH_UNTRUSTED:
 * these anchors are not the kernel's keyrings, which decide. A revoked one makes the UKI a revoked
 * one. SBAT is not judged of .linux.
 */
int auth_verify(int fd, const char *name, uint64_t size, const struct auth_policy *policy,
		struct uki *ret_uki, struct auth_result *ret, struct auth_result *ret_inner,
		struct ukd_error *e) _must_check_;

/* A signing key with its certificate chain (signer first). */
struct auth_key;

/*
 * key: path of a PEM file (PKCS#8 or traditional) or an OpenSSL STORE URI, such as pkcs11:, for
 * which OpenSSL's pkcs11 provider is loaded; cert: PEM or DER file with the signer, further
 * certificates in it are embedded as intermediates. root NULL: paths of the process itself.
 *
 * A passphrase or PIN is asked for on the terminal, once; where stdin is none, it fails at once.
 * Refuses what others could read or replace (checks "key.mode", "key.directory") and a PIN inside
 * the URI ("key.pin"). The key must belong to the certificate ("key.pair"), and both must be what
 * auth_verify() accepts. From the first call on the process leaves no core dump (util/secret.h).
 */
int auth_key_load(const struct root *root, const char *key, const char *cert, struct auth_key **ret,
		  struct ukd_error *e) _must_check_;
void auth_key_free(struct auth_key *k);
static inline void auth_key_freep(struct auth_key **k)
{
	auth_key_free(*k);
}
#define _auth_key_ _cleanup_(auth_key_freep)

/* How a key is named in messages: a URI without what may be secret. Cut to fit. */
#define AUTH_KEY_TEXT_MAX 256
void auth_key_display(const char *key, char ret[AUTH_KEY_TEXT_MAX]);

struct auth_key_facts {
	bool unopened; /* only a passphrase or a token can tell whether it belongs to the
			  certificate */
	/*
	 * What a verifier would find in its signatures: key_name, digest_name, chain, and verdict
	 * AUTH_TRUSTED with an anchor, or AUTH_UNTRUSTED.
	 */
	struct auth_result signer;
};

/*
 * As auth_key_load() without a question to anybody: could images be signed with this key, and would
 * these anchors vouch for it? That nobody does is no error.
 */
int auth_key_probe(const struct root *root, const char *key, const char *cert,
		   const struct auth_trust *trust, struct auth_key_facts *ret,
		   struct ukd_error *e) _must_check_;

/*
 * Makes the detached signature (DER PKCS#7 SignedData over SpcIndirectData, SHA-256) for an image
 * with this digest.
 */
int auth_sign_digest(const struct auth_key *k, const uint8_t digest[AUTH_SHA256_LEN],
		     struct buffer *ret_der, struct ukd_error *e) _must_check_;

/* The SHA-256 Authenticode digest of an image, signed or not. */
int auth_image_digest(int fd, const char *name, uint64_t size, uint8_t ret[AUTH_SHA256_LEN],
		      struct ukd_error *e) _must_check_;

/*
 * Makes a self-signed host key (RSA-3072; hostkey.c says why) for code signing, valid for ten
 * years, with subject common_name (at most 64 characters): key_path (0600) and cert_path (0644),
 * published atomically, the certificate last. Their directory must exist.
 */
int auth_make_host_key(const struct root *root, const char *common_name, const char *key_path,
		       const char *cert_path, struct ukd_error *e) _must_check_;
