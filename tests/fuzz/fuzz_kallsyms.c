// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's symbols and the stack of the CPU that panicked; input as in memory.h. */
#include "memory.h"

#include "dump/kallsyms.h"
#include "dump/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As tests/gen/corpus.py lays it out. */
static const char good_info[] = "SYMBOL(kallsyms_num_syms)=ffffffff80000000\n"
				"SYMBOL(kallsyms_relative_base)=ffffffff80000008\n"
				"SYMBOL(kallsyms_token_index)=ffffffff80000100\n"
				"SYMBOL(kallsyms_offsets)=ffffffff80000300\n"
				"SYMBOL(kallsyms_names)=ffffffff80000400\n"
				"SYMBOL(kallsyms_token_table)=ffffffff80000800\n";

static void must_be_inside(const struct dump_place *p)
{
	if (p->symbol[0] && (!p->size || p->offset > p->size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_kallsyms_ struct kallsyms *k = NULL;
	struct fuzz_memory f = {0};
	struct ukd_error e = {0};
	struct dump_stack s;

	if (fuzz_memory(data, size, good_info, &f) &&
	    kallsyms_read(&f.m, f.vmcoreinfo, &k, &e) == 0 && stack_read(&f.m, k, &s, &e) == 0) {
		must_be_inside(&s.rip);
		for (unsigned int i = 0; i < s.n_frames; i++)
			must_be_inside(&s.frames[i]);
	}
	free(f.info);
	return 0;
}
