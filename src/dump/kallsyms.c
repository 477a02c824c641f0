// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables of scripts/kallsyms.c: see kallsyms.h. */
#include "dump/kallsyms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump/vmcoreinfo.h"
#include "util/cleanup.h"

#define PAGE	  4096u
#define TOKENS	  256u
#define TOKEN_MAX 128u /* characters of one token; a whole name had no more until 6.1 */

/* What an entry of kallsyms_offsets means, on x86-64. */
enum form {
	FORM_PERCPU, /* until 6.14: negative from the base downwards, else absolute, for percpu */
	FORM_BASE,   /* since 6.15 (01157ddc58dc): unsigned, from the base */
	FORM_PLACE,  /* since 7.0 (a081b5789255): from the place of the entry itself */
};

struct kallsyms {
	enum form form;
	uint32_t count;
	uint64_t base;	   /* kallsyms_relative_base, or for FORM_PLACE the table's own address */
	uint8_t *offsets;  /* count times 4 bytes */
	uint32_t *name_at; /* of each symbol its place in names */
	uint8_t *names;
	uint64_t names_len;
	uint16_t token_at[TOKENS];
	char tokens[UINT16_MAX + TOKEN_MAX + 1];
};

void kallsyms_free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->offsets);
	free(k->name_at);
	free(k->names);
	free(k);
}

static int missing(struct ukd_error *e, const char *what)
{
	return ukd_fail(e, -ENODATA, "the dump does not contain %s", what);
}

static int find(struct bytes vmcoreinfo, const char *name, uint64_t *ret, struct ukd_error *e)
{
	if (!vmcoreinfo_symbol(vmcoreinfo, name, ret))
		return ukd_fail(e, -ENODATA, "vmcoreinfo has no SYMBOL(%s), which Linux 6.0 has",
				name);
	return 0;
}

static uint32_t entry(const struct kallsyms *k, uint32_t i)
{
	return load_le32(k->offsets + 4 * (size_t)i);
}

/*
 * Which form of two with a base it is depends on the kernel's configuration until 6.14; the last
 * symbol tells: in both it is one of the kernel image, which has less than 2 GiB.
 */
static int read_form(struct kallsyms *k, struct vmem *m, struct bytes vmcoreinfo, uint64_t table,
		     struct ukd_error *e)
{
	uint8_t raw[8];
	uint64_t at;

	if (!vmcoreinfo_symbol(vmcoreinfo, "kallsyms_relative_base", &at)) {
		k->form = FORM_PLACE;
		k->base = table;
		return 0;
	}
	if (vmem_read(m, at, raw, sizeof(raw)) < 0)
		return missing(e, "kallsyms_relative_base");
	k->base = load_le64(raw);
	k->form = entry(k, k->count - 1) > INT32_MAX ? FORM_PERCPU : FORM_BASE;
	return 0;
}

static int read_offsets(struct kallsyms *k, struct vmem *m, struct bytes vmcoreinfo,
			struct ukd_error *e)
{
	uint64_t count_at, table;
	uint8_t raw[4];
	int r = find(vmcoreinfo, "kallsyms_num_syms", &count_at, e);

	if (r >= 0)
		r = find(vmcoreinfo, "kallsyms_offsets", &table, e);
	if (r < 0)
		return r;
	if (vmem_read(m, count_at, raw, sizeof(raw)) < 0)
		return missing(e, "kallsyms_num_syms");
	k->count = load_le32(raw);
	if (!k->count || k->count > KALLSYMS_MAX)
		return ukd_refuse(e, "dump.kallsyms", "%" PRIu32 " symbols", k->count);
	k->offsets = malloc(4 * (size_t)k->count);
	if (!k->offsets)
		return ukd_oom(e);
	if (vmem_read(m, table, k->offsets, 4 * (size_t)k->count) < 0)
		return missing(e, "kallsyms_offsets");
	return read_form(k, m, vmcoreinfo, table, e);
}

static int read_tokens(struct kallsyms *k, struct vmem *m, struct bytes vmcoreinfo,
		       struct ukd_error *e)
{
	uint64_t index_at, table;
	uint8_t raw[2 * TOKENS];
	size_t last = 0;
	int r = find(vmcoreinfo, "kallsyms_token_index", &index_at, e);

	if (r >= 0)
		r = find(vmcoreinfo, "kallsyms_token_table", &table, e);
	if (r < 0)
		return r;
	if (vmem_read(m, index_at, raw, sizeof(raw)) < 0)
		return missing(e, "kallsyms_token_index");
	for (size_t i = 0; i < TOKENS; i++) {
		k->token_at[i] = load_le16(raw + 2 * i);
		if (k->token_at[i] > last)
			last = k->token_at[i];
	}
	/* The table's end is not told; the last token is cut if it is longer. The rest is 0. */
	if (vmem_read(m, table, k->tokens, last + TOKEN_MAX) < 0)
		return missing(e, "kallsyms_token_table");
	return 0;
}

/* Makes at least len bytes of names available, page by page: where they end is not told. */
static int need_names(struct kallsyms *k, struct vmem *m, uint64_t table, uint64_t len,
		      struct ukd_error *e)
{
	while (k->names_len < len) {
		uint64_t at = table + k->names_len, n = PAGE - at % PAGE;

		if (k->names_len + n > KALLSYMS_NAMES_MAX)
			return ukd_refuse(e, "dump.kallsyms", "names longer than %" PRIu64,
					  (uint64_t)KALLSYMS_NAMES_MAX);
		if (vmem_read(m, at, k->names + k->names_len, n) < 0)
			return missing(e, "kallsyms_names");
		k->names_len += n;
	}
	return 0;
}

/* The length in front of a name: 7 bits, since 6.1 (73bbb94466fd) 14 if the first byte says so. */
static uint32_t name_length(const uint8_t *p, uint32_t *ret_prefix)
{
	bool big = p[0] & 0x80;

	*ret_prefix = big ? 2 : 1;
	return big ? (uint32_t)(p[0] & 0x7f) | (uint32_t)p[1] << 7 : p[0];
}

static int read_names(struct kallsyms *k, struct vmem *m, struct bytes vmcoreinfo,
		      struct ukd_error *e)
{
	uint64_t table, at = 0;
	int r = find(vmcoreinfo, "kallsyms_names", &table, e);

	if (r < 0)
		return r;
	k->name_at = calloc(k->count, sizeof(*k->name_at));
	k->names = malloc(KALLSYMS_NAMES_MAX); /* what is not written to takes no memory */
	if (!k->name_at || !k->names)
		return ukd_oom(e);
	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t prefix;

		k->name_at[i] = (uint32_t)at;
		r = need_names(k, m, table, at + 2, e);
		if (r < 0)
			return r;
		at += name_length(k->names + at, &prefix);
		at += prefix;
	}
	return need_names(k, m, table, at, e);
}

int kallsyms_read(struct vmem *m, struct bytes vmcoreinfo, struct kallsyms **ret,
		  struct ukd_error *e)
{
	_kallsyms_ struct kallsyms *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return ukd_oom(e);
	r = read_offsets(k, m, vmcoreinfo, e);
	if (r >= 0)
		r = read_tokens(k, m, vmcoreinfo, e);
	if (r >= 0)
		r = read_names(k, m, vmcoreinfo, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&k);
	return 0;
}

static uint64_t address_of(const struct kallsyms *k, uint32_t i)
{
	int64_t offset = (int32_t)entry(k, i);

	if (k->form == FORM_PLACE)
		return k->base + 4 * (uint64_t)i + (uint64_t)offset;
	if (k->form == FORM_BASE)
		return k->base + entry(k, i);
	return offset >= 0 ? (uint64_t)offset : k->base - 1 - (uint64_t)offset;
}

/* The name of a symbol, without its type, which is the first character of the expansion. */
static void expand(const struct kallsyms *k, uint32_t i, char ret[DUMP_SYMBOL_MAX])
{
	const uint8_t *p = k->names + k->name_at[i];
	uint32_t prefix, len = name_length(p, &prefix);
	size_t n = 0;

	for (uint32_t j = 0; j < len; j++)
		for (const char *t = k->tokens + k->token_at[p[prefix + j]]; *t; t++) {
			if (n == DUMP_SYMBOL_MAX)
				goto full;
			if (n++)
				ret[n - 2] = *t > 0x20 && *t < 0x7f ? *t : '?';
		}
full:
	ret[n ? n - 1 : 0] = 0;
}

bool kallsyms_address(const struct kallsyms *k, const char *name, uint64_t *ret)
{
	char symbol[DUMP_SYMBOL_MAX];

	for (uint32_t i = 0; i < k->count; i++) {
		expand(k, i, symbol);
		if (!strcmp(symbol, name)) {
			*ret = address_of(k, i);
			return true;
		}
	}
	return false;
}

/*
 * The first symbol above address, or count. The table is sorted, unless somebody lies: also then
 * the one before is not above it.
 */
static uint32_t first_above(const struct kallsyms *k, uint64_t address)
{
	uint32_t low = 0, high = k->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (address_of(k, middle) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool kallsyms_place(const struct kallsyms *k, uint64_t address, struct dump_place *ret)
{
	uint32_t next = first_above(k, address);
	uint64_t start;

	if (!next || next == k->count)
		return false;
	start = address_of(k, next - 1);
	/* The first of those at that address; it is before next. */
	expand(k, start ? first_above(k, start - 1) : 0, ret->symbol);
	ret->offset = address - start;
	ret->size = address_of(k, next) - start;
	return true;
}
