// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * EFI_SIGNATURE_LISTs: see siglist.h. Sizes come from firmware variables and are untrusted; a list
 * takes at least its header of 28 bytes and an entry at least its owner, so every loop ends.
 */
#include "auth/siglist.h"

#define LIST_HEADER 28 /* type GUID, ListSize, HeaderSize, SignatureSize */

const uint8_t efi_cert_x509_guid[EFI_GUID_LEN] = EFI_CERT_X509_GUID;

static int open_list(struct siglist *it, struct ukd_error *e)
{
	uint64_t off = it->end, body;
	uint32_t list_size, header_size;

	if (!bytes_sub(it->data, off, EFI_GUID_LEN, &it->type) ||
	    !bytes_le32(it->data, off + 16, &list_size) ||
	    !bytes_le32(it->data, off + 20, &header_size) ||
	    !bytes_le32(it->data, off + 24, &it->size))
		return ukd_refuse(e, "efi.siglist", "list at %llu: its header is cut off",
				  (unsigned long long)off);
	if (list_size < LIST_HEADER || !bytes_has(it->data, off, list_size))
		return ukd_refuse(e, "efi.siglist", "list at %llu: size %u, needed is 28 to %llu",
				  (unsigned long long)off, list_size,
				  (unsigned long long)(it->data.len - off));
	if (header_size > list_size - LIST_HEADER)
		return ukd_refuse(e, "efi.siglist", "list at %llu: header size %u exceeds the list",
				  (unsigned long long)off, header_size);
	body = list_size - LIST_HEADER - header_size;
	if (body && (it->size <= EFI_GUID_LEN || body % it->size))
		return ukd_refuse(e, "efi.siglist",
				  "list at %llu: %llu bytes are no row of signatures of size %u",
				  (unsigned long long)off, (unsigned long long)body, it->size);
	it->end = off + list_size;
	it->next = it->end - body;
	return 0;
}

int siglist_next(struct siglist *it, struct siglist_entry *ret, struct ukd_error *e)
{
	while (it->next == it->end) {
		int r;

		if (it->end == it->data.len)
			return 0;
		r = open_list(it, e);
		if (r < 0)
			return r;
	}
	ret->type = it->type;
	if (!bytes_sub(it->data, it->next, EFI_GUID_LEN, &ret->owner) ||
	    !bytes_sub(it->data, it->next + EFI_GUID_LEN, it->size - EFI_GUID_LEN, &ret->data))
		return ukd_refuse(e, "efi.siglist", "entry at %llu is outside",
				  (unsigned long long)it->next);
	it->next += it->size;
	return 1;
}
