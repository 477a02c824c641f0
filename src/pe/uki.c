// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A UKI, read in pieces: see uki.h. The file is hostile and may change while it is read; what is
 * kept comes from the very pieces that went to the digest. Numbers: malformations in docs/UKI.md.
 */
#include "pe/uki.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pe/uki_check.h"
#include "util/cleanup.h"

#define PIECE_LEN MIB(1)

void uki_free(struct uki *u)
{
	buffer_free(&u->head);
	buffer_free(&u->cert_bytes);
	for (unsigned int i = 0; i < u->pe.n_sections; i++)
		buffer_free(&u->content[i]);
}

static size_t section_index(const struct uki *u, const struct pe_section *s)
{
	return (size_t)(s - u->pe.section);
}

const char *uki_kind_name(enum uki_kind kind)
{
	switch (kind) {
	case UKI_SEALED:
		return "sealed UKI";
	case UKI_ADDON:
		return "addon";
	case UKI_PLAIN:
		break;
	}
	return "plain UKI";
}

struct bytes uki_content(const struct uki *u, const struct pe_section *s)
{
	return s ? buffer_bytes(&u->content[section_index(u, s)]) : (struct bytes){0};
}

const char *uki_text(const struct uki *u, enum uki_section id)
{
	return (const char *)uki_content(u, pe_find(&u->pe, id)).p;
}

/* 30: an addon is what systemd-stub takes as one: no kernel, but something to add. */
static enum uki_kind find_kind(const struct pe_image *pe)
{
	static const enum uki_section addable[] = {UKI_CMDLINE, UKI_DTB, UKI_DTBAUTO, UKI_UCODE,
						   UKI_INITRD};

	if (pe_find(pe, UKI_KEXEC))
		return UKI_SEALED;
	for (unsigned int i = 0; !pe_find(pe, UKI_LINUX) && i < ARRAY_SIZE(addable); i++)
		if (pe_find(pe, addable[i]))
			return UKI_ADDON;
	return UKI_PLAIN;
}

/* Exactly len bytes at off; a file that became shorter is refused, not an I/O error. */
static int read_at(const struct uki *u, void *buf, size_t len, uint64_t off, struct ukd_error *e)
{
	int r = fd_pread_full(u->fd, buf, len, off);

	if (r == -ENODATA)
		return ukd_refuse(e, "file.changed", "became shorter while it was read");
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read at 0x%llx", (unsigned long long)off);
	return 0;
}

static int read_buffer(const struct uki *u, uint64_t off, size_t len, struct buffer *ret,
		       struct ukd_error *e)
{
	_buffer_ struct buffer b = {.data = malloc(len + 1), .len = len};
	int r;

	if (!b.data)
		return ukd_oom(e);
	r = read_at(u, b.data, len, off, e);
	if (r < 0)
		return r;
	b.data[len] = 0;
	*ret = b;
	b = (struct buffer){0};
	return 0;
}

int uki_open(int fd, const char *name, uint64_t size, struct uki *ret, struct ukd_error *e)
{
	_uki_ struct uki u = {.name = name, .fd = fd};
	int r = read_buffer(&u, 0, size < PE_HEAD_MAX ? size : PE_HEAD_MAX, &u.head, e);

	if (r >= 0)
		r = pe_parse(buffer_bytes(&u.head), size, &u.pe, e);
	if (r >= 0) {
		u.head.len = u.pe.header_size;
		r = read_buffer(&u, u.pe.cert_offset, u.pe.cert_size, &u.cert_bytes, e);
	}
	if (r >= 0)
		r = cert_table_parse(buffer_bytes(&u.cert_bytes), &u.certs, e);
	if (r < 0)
		return ukd_prefix(e, "%s", name);
	u.kind = find_kind(&u.pe);
	*ret = u;
	u = (struct uki){0};
	return 0;
}

/* Takes bytes [off, off + piece.len) of a section: keeps, checks padding (26). */
static int take_section_piece(struct uki *u, const struct pe_section *s, uint64_t off,
			      struct bytes piece, const struct uki_section_sink *sink,
			      struct ukd_error *e)
{
	uint32_t keep = uki_kept_len(s), len = pe_section_len(s);
	uint64_t left = off < len ? len - off : 0;
	uint64_t n_content = left < piece.len ? left : piece.len;
	struct bytes padding = {piece.p + n_content, piece.len - n_content};
	struct buffer *kept = &u->content[section_index(u, s)];
	int r = 0;

	if (sink && n_content)
		r = sink->put(sink->ctx, s, off, (struct bytes){piece.p, n_content}, e);
	if (r < 0)
		return r;
	if (off < keep) {
		uint64_t n = keep - off < piece.len ? keep - off : piece.len;

		if (!kept->data)
			kept->data = calloc(1, keep + 1);
		if (!kept->data)
			return ukd_oom(e);
		memcpy(kept->data + off, piece.p, n);
		kept->len = off + n;
	}
	if (!bytes_all_zero(padding))
		return ukd_refuse(e, "uki.padding",
				  "section '%s' is followed by bytes that are not zero", s->name);
	return 0;
}

/* Distributes the piece at file offset off over the sections that it touches. */
static int take_piece(struct uki *u, uint64_t off, struct bytes piece,
		      const struct uki_section_sink *sink, struct ukd_error *e)
{
	for (unsigned int i = 0; i < u->pe.n_sections; i++) {
		const struct pe_section *s = &u->pe.section[i];
		uint64_t end = (uint64_t)s->raw + s->raw_size;
		uint64_t from = off > s->raw ? off : s->raw;
		uint64_t to = off + piece.len < end ? off + piece.len : end;
		int r;

		if (from >= to)
			continue;
		r = take_section_piece(u, s, from - s->raw,
				       (struct bytes){piece.p + (from - off), to - from}, sink, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where the bytes go. */
struct outlets {
	const struct uki_sink *sinks;
	unsigned int n_sinks;
	const struct uki_section_sink *sections; /* NULL: none */
};

static int put_all(const struct outlets *out, struct bytes piece, struct ukd_error *e)
{
	for (unsigned int i = 0; i < out->n_sinks; i++) {
		int r = out->sinks[i].put(out->sinks[i].ctx, piece);

		if (r < 0)
			return ukd_fail_errno(e, r, "digest");
	}
	return 0;
}

/* The headers come from memory, where they were validated; what follows is read now. */
static int read_range(struct uki *u, struct pe_range range, uint8_t *buf, const struct outlets *out,
		      struct ukd_error *e)
{
	uint64_t off = range.off, end = range.off + range.len;
	int r = 0;

	if (off < u->pe.header_size) {
		uint64_t stop = end < u->pe.header_size ? end : u->pe.header_size;

		r = put_all(out, (struct bytes){u->head.data + off, stop - off}, e);
		off = stop;
	}
	while (r >= 0 && off < end) {
		struct bytes piece = {buf, end - off < PIECE_LEN ? end - off : PIECE_LEN};

		r = read_at(u, buf, piece.len, off, e);
		if (r >= 0)
			r = put_all(out, piece, e);
		if (r >= 0)
			r = take_piece(u, off, piece, out->sections, e);
		off += piece.len;
	}
	return r;
}

/* A byte behind what was the end means that the file grew while it was read. */
static int check_end(const struct uki *u, struct ukd_error *e)
{
	uint8_t extra;
	int r = fd_pread_full(u->fd, &extra, 1, u->pe.file_size);

	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read its end");
	return ukd_refuse(e, "file.changed", "became longer while it was read");
}

static int read_all(struct uki *u, const struct outlets *out, struct ukd_error *e)
{
	struct pe_range ranges[PE_DIGEST_RANGES];
	_free_ uint8_t *buf = malloc(PIECE_LEN);
	int r = uki_check_table(u, e);

	if (r < 0)
		return r;
	if (!buf)
		return ukd_oom(e);
	pe_digest_ranges(&u->pe, ranges);
	for (unsigned int i = 0; i < PE_DIGEST_RANGES; i++) {
		r = read_range(u, ranges[i], buf, out, e);
		if (r < 0)
			return r;
	}
	r = check_end(u, e);
	return r < 0 ? r : uki_check_contents(u, e);
}

int uki_read(struct uki *u, const struct uki_sink *sinks, unsigned int n_sinks,
	     const struct uki_section_sink *sections, struct ukd_error *e)
{
	struct outlets out = {sinks, n_sinks, sections};
	int r = read_all(u, &out, e);

	return r < 0 ? ukd_prefix(e, "%s", u->name) : 0;
}
