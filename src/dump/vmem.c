// SPDX-License-Identifier: GPL-2.0-or-later
/* Virtual memory of an x86-64 kernel: see vmem.h. */
#include "dump/vmem.h"

#include <errno.h>
#include <stdbool.h>

#include "dump/vmcoreinfo.h"

#define PAGE		 4096u
#define KERNEL_MAP	 0xffffffff80000000u /* __START_KERNEL_map */
#define ENTRY_PRESENT	 0x1u
#define ENTRY_LARGE	 0x80u
#define ENTRY_ADDRESS	 0x000ffffffffff000u
#define LEVEL_SHIFT(l)	 (12 + 9 * ((l)-1))
#define ENTRIES_PER_PAGE 512u

int vmem_init(struct vmem *m, struct bytes vmcoreinfo, struct ukd_error *e)
{
	int64_t phys_base, l5 = 0, sme = 0;
	uint64_t top;

	/* init_top_pgt since 4.13; swapper_pg_dir is the same table by its generic name. */
	if (!vmcoreinfo_symbol(vmcoreinfo, "init_top_pgt", &top) &&
	    !vmcoreinfo_symbol(vmcoreinfo, "swapper_pg_dir", &top))
		return ukd_fail(e, -ENODATA, "vmcoreinfo does not name the kernel's page table");
	if (!vmcoreinfo_number(vmcoreinfo, "phys_base", &phys_base))
		return ukd_fail(e, -ENODATA, "vmcoreinfo has no phys_base");
	vmcoreinfo_number(vmcoreinfo, "pgtable_l5_enabled", &l5);
	vmcoreinfo_number(vmcoreinfo, "sme_mask", &sme);
	/* Both are the crashed kernel's run-time values: KASLR cancels out. */
	m->top_table = (top - KERNEL_MAP + (uint64_t)phys_base) & ENTRY_ADDRESS;
	m->sme_mask = (uint64_t)sme;
	m->levels = l5 ? 5 : 4;
	m->last_valid = false;
	return 0;
}

static int walk(const struct vmem *m, uint64_t vaddr, uint64_t *ret)
{
	uint64_t table = m->top_table;

	for (unsigned int level = m->levels; level; level--) {
		unsigned int shift = LEVEL_SHIFT(level);
		uint64_t index = (vaddr >> shift) % ENTRIES_PER_PAGE;
		uint64_t entry, offset_mask = ((uint64_t)1 << shift) - 1;
		uint8_t raw[8];
		int r = m->read_phys(m->ctx, table + index * sizeof(raw), raw, sizeof(raw));

		if (r < 0)
			return r;
		entry = load_le64(raw);
		if (!(entry & ENTRY_PRESENT))
			return -ENODATA;
		table = entry & ENTRY_ADDRESS & ~m->sme_mask;
		/* 2 MiB and 1 GiB pages end the walk early. */
		if (level == 1 || ((level == 2 || level == 3) && (entry & ENTRY_LARGE))) {
			*ret = (table & ~offset_mask) | (vaddr & offset_mask);
			return 0;
		}
	}
	return -ENODATA;
}

static int translate(struct vmem *m, uint64_t vaddr, uint64_t *ret)
{
	uint64_t vpage = vaddr / PAGE, paddr;

	if (!m->last_valid || m->last_vpage != vpage) {
		int r = walk(m, vaddr, &paddr);

		if (r < 0)
			return r;
		m->last_vpage = vpage;
		m->last_ppage = paddr / PAGE;
		m->last_valid = true;
	}
	*ret = m->last_ppage * PAGE + vaddr % PAGE;
	return 0;
}

int vmem_read(struct vmem *m, uint64_t vaddr, void *buf, size_t len)
{
	uint64_t end;

	if (add_overflows(vaddr, len, &end))
		return -ENODATA;
	for (size_t done = 0; done < len;) {
		uint64_t at = vaddr + done, paddr;
		size_t n = PAGE - (size_t)(at % PAGE);
		int r = translate(m, at, &paddr);

		if (n > len - done)
			n = len - done;
		if (r >= 0)
			r = m->read_phys(m->ctx, paddr, (char *)buf + done, n);
		if (r < 0)
			return r;
		done += n;
	}
	return 0;
}
