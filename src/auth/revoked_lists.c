// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading revocations: see auth.h, revoked.h and revoked_lists.h. The lists come from firmware and
 * are trusted to say what is revoked, not to be well formed; one that cannot be understood is an
 * error, since a revocation must not be lost silently.
 */
#include "auth/revoked_lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/der.h"
#include "auth/efivar.h"
#include "util/cleanup.h"

#define EFI_TIME_LEN 16
#define TAG_SEQUENCE 0x30

static const struct revoked_type list_types[] = {
	{EFI_CERT_X509_GUID, REVOKED_CERTIFICATE, NULL},
	/* EFI_CERT_SHA1_GUID, _SHA256_, _SHA384_, _SHA512_: an image's Authenticode digest */
	{EFI_GUID(0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd),
	 REVOKED_IMAGE_DIGEST, &digest_sha1},
	{EFI_GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28),
	 REVOKED_IMAGE_DIGEST, &digest_algs[0]},
	{EFI_GUID(0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01),
	 REVOKED_IMAGE_DIGEST, &digest_algs[1]},
	{EFI_GUID(0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a),
	 REVOKED_IMAGE_DIGEST, &digest_algs[2]},
	/* EFI_CERT_X509_SHA256_GUID, _SHA384_, _SHA512_: of a TBSCertificate, then an EFI_TIME */
	{EFI_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed),
	 REVOKED_CERTIFICATE_DIGEST, &digest_algs[0]},
	{EFI_GUID(0x7076876e, 0x80c2, 0x4ee6, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b),
	 REVOKED_CERTIFICATE_DIGEST, &digest_algs[1]},
	{EFI_GUID(0x446dbf63, 0x2502, 0x4cda, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d),
	 REVOKED_CERTIFICATE_DIGEST, &digest_algs[2]},
};

struct auth_revoked *auth_revoked_new(void)
{
	return calloc(1, sizeof(struct auth_revoked));
}

void auth_revoked_free(struct auth_revoked *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		X509_free(r->entries[i].cert);
	free(r->entries);
	for (unsigned int i = 0; i < r->n_lists; i++)
		buffer_free(&r->lists[i].data);
	buffer_free(&r->level);
	free(r);
}

static void revoked_freep(struct auth_revoked **r)
{
	auth_revoked_free(*r);
}
#define _revoked_ _cleanup_(revoked_freep)

static const struct revoked_type *find_type(struct bytes guid)
{
	for (size_t i = 0; i < ARRAY_SIZE(list_types); i++)
		if (bytes_equal(guid, (struct bytes){list_types[i].guid, EFI_GUID_LEN}))
			return &list_types[i];
	return NULL;
}

bool revoked_find_tbs(struct bytes der, struct bytes *ret)
{
	struct bytes outer;

	return der_contents(der, TAG_SEQUENCE, &outer) && der_first(outer, TAG_SEQUENCE, ret);
}

static int parse_certificate(struct bytes data, struct revoked_entry *entry, struct ukd_error *e)
{
	entry->cert = revoked_find_tbs(data, &entry->data) ? cert_from_der(data) : NULL;
	if (!entry->cert)
		return ukd_refuse(e, "efi.siglist", "an entry is no readable X.509 certificate");
	return 0;
}

static int parse_digest(struct bytes data, struct revoked_entry *entry, struct ukd_error *e)
{
	uint64_t len = entry->type->alg->len;
	uint64_t time = entry->type->kind == REVOKED_CERTIFICATE_DIGEST ? EFI_TIME_LEN : 0;

	if (data.len != len + time)
		return ukd_refuse(e, "efi.siglist", "a %s entry has %llu bytes, needed are %llu",
				  entry->type->alg->name, (unsigned long long)data.len,
				  (unsigned long long)(len + time));
	entry->data = (struct bytes){data.p, len};
	entry->time = (struct bytes){data.p + len, time};
	return 0;
}

static int append(struct auth_revoked *r, const struct revoked_entry *entry, struct ukd_error *e)
{
	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct revoked_entry *more = reallocarray(r->entries, room, sizeof(*more));

		if (!more)
			return ukd_oom(e);
		r->entries = more;
		r->room = room;
	}
	r->entries[r->n++] = *entry;
	return 0;
}

static int add_entry(struct auth_revoked *r, struct revoked_list *list,
		     const struct siglist_entry *found, struct ukd_error *e)
{
	struct revoked_entry entry = {.type = find_type(found->type), .list = list};
	int ret;

	if (!entry.type) {
		list->passed++;
		return 0;
	}
	list->n++;
	if (entry.type->kind == REVOKED_CERTIFICATE)
		ret = parse_certificate(found->data, &entry, e);
	else
		ret = parse_digest(found->data, &entry, e);
	if (ret >= 0)
		ret = append(r, &entry, e);
	if (ret < 0)
		X509_free(entry.cert);
	return ret;
}

static int copy_bytes(struct bytes from, struct buffer *ret, struct ukd_error *e)
{
	ret->data = calloc(1, from.len + 1);
	if (!ret->data)
		return ukd_oom(e);
	if (from.len)
		memcpy(ret->data, from.p, from.len);
	ret->len = from.len;
	return 0;
}

int revoked_add_siglists(struct auth_revoked *r, struct bytes lists, const char *name,
			 struct ukd_error *e)
{
	struct revoked_list *list = &r->lists[r->n_lists];
	struct siglist_entry found;
	struct siglist it = {0};
	int ret;

	if (r->n_lists == REVOKED_LISTS)
		return ukd_fail(e, -E2BIG, "%s: more than %d lists", name, REVOKED_LISTS);
	ret = copy_bytes(lists, &list->data, e);
	if (ret < 0)
		return ret;
	r->n_lists++;
	list->name = name;
	it.data = buffer_bytes(&list->data);
	while ((ret = siglist_next(&it, &found, e)) > 0) {
		ret = add_entry(r, list, &found, e);
		if (ret < 0)
			break;
	}
	return ret < 0 ? ukd_prefix(e, "%s", name) : 0;
}

struct sbat revoked_read_level(const struct auth_revoked *r)
{
	return (struct sbat){.text = buffer_bytes(&r->level),
			     .columns = SBAT_LEVEL_COLUMNS,
			     .check = "efi.sbat-level"};
}

int revoked_set_level(struct auth_revoked *r, struct bytes level, struct ukd_error *e)
{
	struct sbat_entry entry;
	unsigned int n = 0;
	struct sbat it;
	int ret;

	ret = copy_bytes(level, &r->level, e);
	if (ret < 0)
		return ret;
	r->has_level = true;
	it = revoked_read_level(r);
	while ((ret = sbat_next(&it, &entry, e)) > 0)
		n++;
	if (ret >= 0 && !n)
		ret = ukd_refuse(e, "efi.sbat-level", "there is no entry in it");
	return ret < 0 ? ukd_prefix(e, "SbatLevelRT") : 0;
}

static int add_dbx(struct auth_revoked *r, const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int ret = efivar_read(root, EFIVAR_IMAGES("dbx"), "dbx", &b, e);

	return ret < 0 ? ret : revoked_add_siglists(r, buffer_bytes(&b), "dbx", e);
}

static int add_mok(struct auth_revoked *r, const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int ret = efivar_read_shim(root, "MokListXRT", EFIVAR_SHIM("MokListXRT"), &b, e);

	return ret < 0 ? ret : revoked_add_siglists(r, buffer_bytes(&b), "MokListX", e);
}

static int add_level(struct auth_revoked *r, const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int ret = efivar_read_shim(root, "SbatLevelRT", EFIVAR_SHIM("SbatLevelRT"), &b, e);

	return ret < 0 ? ret : revoked_set_level(r, buffer_bytes(&b), e);
}

/*
 * A machine with EFI, but no variable to be seen: efivarfs is not mounted, or the kernel runs
 * without EFI's runtime services, as real-time kernels do. No error, since nothing could be done
 * about it there; the kernel itself knows no dbx then.
 */
static bool has_hidden_variables(const struct root *root)
{
	_close_ int efi = root_openat(root, "/sys/firmware/efi", O_RDONLY | O_DIRECTORY);
	_closedir_ DIR *dir = root_opendir(root, "/sys/firmware/efi/efivars");
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			return false;
	return efi >= 0;
}

struct auth_revoked *auth_revoked_of_host(const struct root *root, struct ukd_error *e)
{
	static int (*const add[])(struct auth_revoked *, const struct root *,
				  struct ukd_error *) = {add_dbx, add_mok, add_level};
	_revoked_ struct auth_revoked *r = auth_revoked_new();

	if (!r) {
		(void)ukd_oom(e);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
		int ret = add[i](r, root, e);

		if (ret < 0 && ret != -ENOENT)
			return NULL;
	}
	r->hidden = has_hidden_variables(root);
	return take_ptr(&r);
}

/* The date may be any text that firmware holds; anything but a number is not for a terminal. */
static bool is_number(struct bytes b)
{
	for (uint64_t i = 0; i < b.len; i++)
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
	return b.len > 0;
}

/* "SBAT level 2023012900": the date of the level's own line, if it has one. */
static void describe_level(const struct auth_revoked *r, FILE *f)
{
	struct sbat it = revoked_read_level(r);
	struct sbat_entry entry;
	struct ukd_error e;

	if (!r->has_level)
		return;
	(void)fprintf(f, "%sSBAT level", r->n_lists ? ", " : "");
	if (sbat_next(&it, &entry, &e) > 0 && is_number(entry.third))
		(void)fprintf(f, " %.*s", (int)entry.third.len, (const char *)entry.third.p);
}

void auth_revoked_describe(const struct auth_revoked *r, char *ret, size_t size)
{
	_fclose_ FILE *f = fmemopen(ret, size, "w");

	ret[0] = 0;
	if (!f)
		return;
	for (unsigned int i = 0; i < r->n_lists; i++) {
		(void)fprintf(f, "%s%s %u", i ? ", " : "", r->lists[i].name, r->lists[i].n);
		if (r->lists[i].passed)
			(void)fprintf(f, " (%u of other types)", r->lists[i].passed);
	}
	describe_level(r, f);
	if (!r->n_lists && !r->has_level)
		(void)fprintf(f, "none");
	if (r->hidden)
		(void)fprintf(f, " (no EFI variables to be seen: is efivarfs mounted?)");
}
