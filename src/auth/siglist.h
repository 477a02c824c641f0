/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EFI_SIGNATURE_LISTs (UEFI 2.10 §32.4.1): the content of db, dbx, MokListRT and the like.
 *
 *	struct siglist it = {.data = variable};
 *	while ((r = siglist_next(&it, &sig, e)) > 0) ...
 */
#pragma once

#include "base/bytes.h"
#include "util/error.h"

#define EFI_GUID_LEN 16

/* An EFI_GUID as its bytes lie in memory, from the numbers that it is written with. */
#define EFI_GUID(a, b, c, ...)                                                                \
	{                                                                                     \
		(a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24, (b)&0xff, (b) >> 8, \
			(c)&0xff, (c) >> 8, __VA_ARGS__                                       \
	}
#define EFI_CERT_X509_GUID \
	EFI_GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72)

struct siglist {
	struct bytes data; /* set by the caller; all else zero */
	uint64_t next;	   /* offset of the next signature */
	uint64_t end;	   /* offset behind the present list */
	uint32_t size;	   /* of one signature, its owner included */
	struct bytes type;
};

struct siglist_entry {
	struct bytes type;  /* GUID of the list */
	struct bytes owner; /* GUID */
	struct bytes data;
};

extern const uint8_t efi_cert_x509_guid[EFI_GUID_LEN];

/* 1 with the next entry, 0 at the end, or refused (check "efi.siglist"). Always makes progress. */
int siglist_next(struct siglist *it, struct siglist_entry *ret, struct ukd_error *e) _must_check_;
