/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What struct auth_revoked is made of: between reading the lists and asking them. */
#pragma once

#include "auth/revoked.h"
#include "auth/siglist.h"
#include "pe/sbat.h"

#define REVOKED_LISTS 2 /* dbx, MokListX */

/* UEFI 2.10 §32.4.1: what an entry of a list of this type names. */
enum revoked_kind {
	REVOKED_CERTIFICATE,
	REVOKED_IMAGE_DIGEST,
	REVOKED_CERTIFICATE_DIGEST
};

struct revoked_type {
	uint8_t guid[EFI_GUID_LEN];
	enum revoked_kind kind;
	const struct digest_alg *alg;
};

struct revoked_list {
	const char *name;
	struct buffer data;
	unsigned int n;	     /* entries */
	unsigned int passed; /* entries of types that are passed over */
};

struct revoked_entry {
	const struct revoked_type *type;
	const struct revoked_list *list;
	struct bytes data; /* in list->data: the digest, or the certificate's TBSCertificate */
	struct bytes time; /* of revocation, in list->data */
	X509 *cert;	   /* of REVOKED_CERTIFICATE */
};

struct auth_revoked {
	unsigned int n_lists;
	struct revoked_list lists[REVOKED_LISTS];
	size_t n, room;
	struct revoked_entry *entries;
	bool has_level;
	bool hidden; /* there is EFI, but its variables are not to be seen */
	struct buffer level;
};

/* What a certificate's signature covers: the first element inside it. */
bool revoked_find_tbs(struct bytes der, struct bytes *ret) _must_check_;

/* To go through the SBAT level; it has been read once, so that nothing is refused any more. */
struct sbat revoked_read_level(const struct auth_revoked *r);
