// SPDX-License-Identifier: GPL-2.0-or-later
/* A small kernel and its symbols: see fixture_kallsyms.h. */
#include "fixture_kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char with_base[] = "SYMBOL(kallsyms_num_syms)=ffffffff80010000\n"
			 "SYMBOL(kallsyms_relative_base)=ffffffff80010008\n"
			 "SYMBOL(kallsyms_token_index)=ffffffff80010100\n"
			 "SYMBOL(kallsyms_names)=ffffffff80011000\n"
			 "SYMBOL(kallsyms_offsets)=ffffffff80014000\n"
			 "SYMBOL(kallsyms_token_table)=ffffffff80018000\n";

const struct symbol symbols[N] = {
	{TEXT, "T_text"},
	{TEXT, "T_stext"},
	{TEXT + 0x100, "T__crash_kexec"},
	{TEXT + 0x180, "Tpanic"},
	{TEXT + 0x200, "tsysrq_handle_crash"},
	{TEXT + 0x240, "tsysrq_handle_crash.cold"},
	{ETEXT, "T_etext"},
	{KERNEL + 0x8000, "Dcrash_notes"},
	{KERNEL + 0x8010, "dpanic_cpu"},
	{KERNEL + 0x8020, "D__per_cpu_offset"},
	{END, "B_end"},
	{END + 0x1000, "ilast"},
};

uint32_t offset_of(enum form form, uint32_t i)
{
	uint64_t address = symbols[i].address;

	if (form == PLACE)
		return (uint32_t)(address - (KERNEL + TABLE_AT + 4 * i));
	if (form == BASE)
		return (uint32_t)(address - KERNEL);
	return (uint32_t)(KERNEL - 1 - address);
}

/* Each token is its own character, but for two. */
static void put_tokens(struct machine *k)
{
	uint16_t at = 0;

	for (unsigned int i = 0; i < 256; i++) {
		char token[16] = {(char)i};

		if (i == 1 || i == 2)
			strcpy(token, i == 1 ? "tsys" : "_handle");
		store_le16(k->phys + INDEX_AT + 2 * i, at);
		memcpy(k->phys + TOKEN_AT + at, token, strlen(token) + 1);
		at += (uint16_t)(strlen(token) + 1);
	}
}

uint8_t *put_name(uint8_t *p, const char *name)
{
	uint8_t packed[1024];
	size_t n = 0;

	for (const char *c = name; *c; n++) {
		packed[n] = !strncmp(c, "tsys", 4)    ? 1 :
			    !strncmp(c, "_handle", 7) ? 2 :
							(uint8_t)*c;
		c += packed[n] == 1 ? 4 : packed[n] == 2 ? 7 : 1;
	}
	if (n > 127)
		*p++ = (uint8_t)(n & 127) | 128;
	*p++ = (uint8_t)(n > 127 ? n >> 7 : n);
	memcpy(p, packed, n);
	return p + n;
}

struct machine *machine_with_symbols(enum form form)
{
	struct machine *k = machine_new("");
	uint8_t *p = k->phys + NAMES_AT;

	map_kernel(k);
	put_tokens(k);
	store_le32(k->phys + COUNT_AT, N);
	store_le64(k->phys + BASE_AT, KERNEL);
	for (uint32_t i = 0; i < N; i++) {
		p = put_name(p, symbols[i].name);
		store_le32(k->phys + TABLE_AT + 4 * i, offset_of(form, i));
	}
	return k;
}

const char *info_for(enum form form)
{
	static char without[sizeof(with_base)];
	char *line;

	if (form != PLACE)
		return with_base;
	strcpy(without, with_base);
	line = strstr(without, "SYMBOL(kallsyms_relative_base)");
	memcpy(line, "X", 1);
	return without;
}

struct kallsyms *must_open(struct machine *k, enum form form)
{
	struct kallsyms *s = NULL;
	struct ukd_error e = {0};

	if (kallsyms_read(&k->m, text_of(info_for(form)), &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}
