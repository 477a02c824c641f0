// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is this a crash start? What arch/x86/kernel/kexec-bzimage64.c: setup_cmdline() puts in front of
 * the command line is text, and the caller of a *normal* kexec can write the same text there. So
 * the addresses are held against what only a crash load lays out: the ELF core header lies in
 * crash memory and is cut out of the E820 map (crash.c: crash_setup_memmap_entries(); the same on
 * 6.1, 6.12 and 7.2). Untrusted: the command line, boot_params, and what they point to.
 */
#include "stub/stub.h"

#define ELF_REACH  MIB(1)  /* the core header ends, and RAM begins again, within this */
#define KEYS_REACH KIB(64) /* likewise for dm-crypt keys */

struct e820_entry {
	uint64_t start;
	uint64_t end;
};

/* The next RAM entry from *index on; false when there is none. */
static bool next_ram(const uint8_t *boot_params, unsigned int *index, struct e820_entry *ret)
{
	unsigned int n = boot_params[BP_E820_ENTRIES];

	if (n > E820_MAX_ENTRIES)
		n = E820_MAX_ENTRIES;
	while (*index < n) {
		const uint8_t *p = boot_params + BP_E820_TABLE + (*index)++ * E820_ENTRY_LEN;

		ret->start = load_le64(p);
		if (load_le32(p + 16) == E820_RAM &&
		    !add_overflows(ret->start, load_le64(p + 8), &ret->end))
			return true;
	}
	return false;
}

static bool in_ram(const uint8_t *boot_params, uint64_t addr)
{
	struct e820_entry ram;

	for (unsigned int i = 0; next_ram(boot_params, &i, &ram);)
		if (addr < ram.end && addr + SEALED_PAGE > ram.start)
			return true;
	return false;
}

/* The RAM entry that begins within reach above addr. */
static bool ram_above(const uint8_t *boot_params, uint64_t addr, uint64_t reach,
		      struct e820_entry *ret)
{
	for (unsigned int i = 0; next_ram(boot_params, &i, ret);)
		if (ret->start > addr && ret->start - addr <= reach)
			return true;
	return false;
}

static bool holds_image(const struct e820_entry *ram, const struct stub_plan *plan)
{
	return plan->base >= ram->start && plan->base < ram->end &&
	       plan->outer.init_size <= ram->end - plan->base;
}

/*
 * Crash memory begins with the core header, and the image is in it: in the very RAM entry that
 * begins behind the header, or behind dm-crypt keys that are cut out of it. Any page that firmware
 * keeps for itself is outside RAM, too, and root can place bytes there (a variable's, say), but a
 * normal kexec puts no image right behind it.
 */
static bool is_crash_memory(const struct stub_plan *plan, const uint8_t *boot_params, uint64_t addr)
{
	struct e820_entry ram, behind_keys;

	if (in_ram(boot_params, addr) || !ram_above(boot_params, addr, ELF_REACH, &ram))
		return false;
	return holds_image(&ram, plan) ||
	       (ram_above(boot_params, ram.end, KEYS_REACH, &behind_keys) &&
		holds_image(&behind_keys, plan));
}

static bool ram_ends_at(const uint8_t *boot_params, uint64_t addr)
{
	struct e820_entry ram;

	for (unsigned int i = 0; next_ram(boot_params, &i, &ram);)
		if (ram.end == addr)
			return true;
	return false;
}

static bool is_elf_core(uint64_t addr)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)addr;

	return load_le32(p) == 0x464c457f && p[4] == 2 /* 64-bit */ && p[5] == 1 /* LE */ &&
	       load_le16(p + 16) == 4 /* ET_CORE */ && load_le16(p + 18) == 62 /* x86-64 */;
}

static bool hex_digit(char c, uint64_t *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (uint64_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (uint64_t)(c - 'a') + 10;
	else
		return false;
	return true;
}

/*
 * Matches "<name>0x<1 to 16 lower-case hex digits, no leading zero>" ended by one space or NUL at
 * *line (at most *left bytes), exactly as the kernel's "%lx" prints it. Copies the token without
 * its end and moves *line behind it.
 */
static bool take_token(const char **line, uint32_t *left, const char *name,
		       char token[STUB_TOKEN_MAX], uint64_t *ret_addr)
{
	const char *s = *line;
	uint64_t addr = 0, digit;
	uint32_t i, first;

	for (i = 0; name[i]; i++)
		if (i >= *left || s[i] != name[i])
			return false;
	for (first = i; i < *left && i - first < 16 && hex_digit(s[i], &digit); i++)
		addr = addr << 4 | digit;
	if (i == first || s[first] == '0' || i >= *left || (s[i] && s[i] != ' '))
		return false;
	for (uint32_t c = 0; c < i; c++)
		token[c] = s[c];
	token[i] = 0;
	*ret_addr = addr;
	i += s[i] == ' ';
	*line += i;
	*left -= i;
	return true;
}

const char *stub_crash_tokens(const uint8_t *boot_params, uint32_t cmdline_size, bool want_keys,
			      struct stub_plan *plan)
{
	uint64_t ptr = split_address(boot_params, BP_CMD_LINE_PTR, BP_EXT_CMD_LINE_PTR), addr;
	struct e820_entry ram;
	const char *line = (const char *)(uintptr_t)ptr;
	uint32_t left = cmdline_size + 1;

	plan->elfcorehdr[0] = plan->dmcryptkeys[0] = 0;
	if (!line)
		return "no command line: not a crash start";
	if (!take_token(&line, &left, "elfcorehdr=0x", plan->elfcorehdr, &addr))
		return "the command line does not begin with elfcorehdr=: not a crash start";
	if (addr < MIB(1) || addr % SEALED_PAGE || addr > UINT64_MAX - ELF_REACH)
		return "elfcorehdr= has an impossible address";
	if (!is_crash_memory(plan, boot_params, addr))
		return "elfcorehdr= is not where a crash load puts it";
	if (!is_elf_core(addr))
		return "elfcorehdr= does not point to an ELF core header";

	if (!want_keys || !take_token(&line, &left, "dmcryptkeys=0x", plan->dmcryptkeys, &addr))
		return NULL;
	/* Not where the kernel puts keys: the caller's text, dropped like all that follows. */
	if (addr % SEALED_PAGE || addr > UINT64_MAX - ELF_REACH || in_ram(boot_params, addr) ||
	    !ram_ends_at(boot_params, addr) || !ram_above(boot_params, addr, KEYS_REACH, &ram))
		plan->dmcryptkeys[0] = 0;
	return NULL;
}
