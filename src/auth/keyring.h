/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel will say to a signature, known before it is asked: which of the keyrings
 * that kexec_file_load(2) uses holds a key that vouches for the signer, and whether the kernel has
 * the algorithms.
 *
 * It looks into .secondary_trusted_keys, which links .builtin_trusted_keys and .machine, and only
 * if no key is found there into .platform (kexec_kernel_verify_pe_sig(), 6.1 to 7.2). Keys in other
 * keyrings (.ima, a user's) do not count. Before that the kernel refuses what its .blacklist has.
 */
#pragma once

#include "auth/auth.h"

enum kernel_opinion {
	KERNEL_UNKNOWN,		/* it cannot be known; reason says why */
	KERNEL_TRUSTS,		/* keyring and key are set */
	KERNEL_LACKS_KEY,	/* ENOKEY */
	KERNEL_LACKS_ALGORITHM, /* ENOPKG; a key's: ENOENT, measured on 6.1 */
	KERNEL_REVOKES,		/* a certificate is in its .blacklist: EKEYREJECTED */
};

struct kernel_answer {
	enum kernel_opinion opinion;
	/*
	 * ".platform": the innermost one. Empty if members of keyrings cannot be read (a root that
	 * is not "/", keyctl not permitted): then any key that /proc/keys shows counts.
	 */
	char keyring[32];
	char key[64];	/* the kernel's description of it, without the key id; printable */
	char check[32]; /* "host.keyring", "host.algorithm", "host.blacklist"; empty if it trusts */
	char reason[256]; /* one line; empty if it trusts */
};

/* In one word, for JSON: "trusted", "unknown", "untrusted". */
const char *kernel_opinion_name(enum kernel_opinion o);

/*
 * auth: of an image whose first signature is good (or would be, with another anchor). Never an
 * error: what cannot be read is KERNEL_UNKNOWN.
 */
void kernel_ask(const struct root *root, const struct auth_result *auth, struct kernel_answer *ret);
