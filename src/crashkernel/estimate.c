// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory to reserve: see estimate.h. Where the numbers come from: docs/SIZING.md. */
#include "crashkernel/estimate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "util/parse.h"

/*
 * Of the captures of docs/SIZING.md the peak is 4 to 4.5 times the packed initrd and 7 to 15 MiB:
 * what is unpacked, and the programs that run. ssh and NFS need the larger part of these.
 */
#define UNPACKED_FACTOR 4
#define PROGRAMS	MIB(10)
#define NETWORK		MIB(6)
/* Two bitmaps with one bit per page of 4 KiB: makedumpfile then passes through memory once. */
#define BITMAPS_PER_GIB KIB(64)
/* A note of registers, copied when /proc/vmcore is set up, and its program header. */
#define NOTES_PER_CPU KIB(1)
/* A CPU's area in the capture kernel, as SUSE measured it (245 KB), and makedumpfile's thread (1
 * MB). */
#define PER_THREAD (KIB(256) + MIB(1))
/* What crashkernel= is aligned to on x86 (CRASH_ALIGN): nothing smaller is worth a reboot. */
#define GRANULE MIB(16)

static void add_term(struct reserve_estimate *e, const char *name, uint64_t bytes, const char *why)
{
	e->term[e->n++] = (struct reserve_term){.name = name, .why = why, .bytes = bytes};
	e->sum += bytes;
}

/* No capture was measured: the parts of its peak, and a margin for what no guest has shown. */
static void add_model(struct reserve_estimate *e, const struct reserve_facts *f)
{
	add_term(e, "unpacked", UNPACKED_FACTOR * f->initrd_len, "the initrd when it is unpacked");
	add_term(e, "programs", PROGRAMS + (f->network ? NETWORK : 0),
		 f->network ? "that run, with a network" : "that run");
	add_term(e, "bitmaps", (f->memory >> 30) * BITMAPS_PER_GIB, "64 KiB per GiB of memory");
	add_term(e, "CPUs", f->cpus * NOTES_PER_CPU, "1 KiB for the registers of each");
	if (f->threads > 1)
		add_term(e, "threads", f->threads * PER_THREAD, "1.25 MiB for each, with its CPU");
	add_term(e, "margin", e->sum / 2, "half as much again: nothing was measured here");
}

/* The peak grows with the image, and older captures had another one. */
static void add_measured(struct reserve_estimate *e, const struct reserve_facts *f)
{
	uint64_t unpacked = UNPACKED_FACTOR * f->initrd_len;

	if (f->peak >= unpacked)
		add_term(e, "measured", f->peak, "the highest peak of captures on this machine");
	else
		add_term(e, "unpacked", unpacked, "the initrd, larger than the measured peak");
	add_term(e, "margin", e->sum / 4, "a quarter of that");
}

void reserve_estimate(const struct reserve_facts *f, struct reserve_estimate *ret)
{
	struct reserve_estimate e = {0};
	uint64_t need;

	add_term(&e, "kernel", align_up(f->init_size, MIB(1)),
		 "the capture kernel (its init_size)");
	add_term(&e, "initrd", f->initrd_len, "the capture initrd as it is loaded");
	e.fixed = align_up(e.sum > f->minimum ? e.sum : f->minimum, GRANULE);
	if (f->peak)
		add_measured(&e, f);
	else
		add_model(&e, f);
	need = e.sum;
	if (f->comfort > need) {
		need = f->comfort;
		e.basis = RESERVE_IMAGE;
	}
	if (!f->peak && f->default_size > need) {
		need = f->default_size;
		e.basis = RESERVE_DEFAULT;
	}
	e.size = align_up(need, GRANULE);
	*ret = e;
}

/* "192M", as the kernel's memparse() reads it. */
static char *format_parameter(uint64_t bytes, char ret[24])
{
	static const char units[] = "GMK";

	for (unsigned int i = 0; i < 3; i++) {
		unsigned int shift = 30 - 10 * i;

		/* GiB only where they are whole: 1.5 GiB is 1536M */
		if (bytes >> shift && !(bytes & ((UINT64_C(1) << shift) - 1))) {
			(void)snprintf(ret, 24, "%" PRIu64 "%c", bytes >> shift, units[i]);
			return ret;
		}
	}
	(void)snprintf(ret, 24, "%" PRIu64, bytes);
	return ret;
}

static int check_size(uint64_t total, uint64_t fixed, const struct reserve_facts *f,
		      struct ukd_error *e)
{
	char have[FORMAT_SIZE_MAX], need[FORMAT_SIZE_MAX];

	if (fixed < f->minimum)
		return ukd_refuse(e, "reserve.size",
				  "%s are too little: the image alone needs %s to be loaded",
				  format_size(fixed, have), format_size(f->minimum, need));
	if (total > f->memory / 2)
		return ukd_refuse(e, "reserve.size",
				  "%s are more than half of this machine's %s of memory",
				  format_size(total, have), format_size(f->memory, need));
	return 0;
}

int reserve_words(const struct reserve_wish *w, const struct reserve_facts *f,
		  const struct reserve_estimate *est, char ret[RESERVE_WORDS_MAX],
		  struct ukd_error *e)
{
	uint64_t total = w->size ? w->size : est->size, fixed = w->cma ? est->fixed : total;
	char a[24], b[24];
	int n, r;

	if (w->cma && total < fixed + GRANULE)
		return ukd_refuse(e, "reserve.size",
				  "of %s, %s are for what is loaded: nothing is left for CMA",
				  format_parameter(total, a), format_parameter(fixed, b));
	r = check_size(total, fixed, f, e);
	if (r < 0)
		return r;
	n = snprintf(ret, RESERVE_WORDS_MAX, "crashkernel=%s%s", format_parameter(fixed, a),
		     w->high ? ",high" : "");
	if (w->high && w->low)
		n += snprintf(ret + n, RESERVE_WORDS_MAX - (size_t)n, " crashkernel=%s,low",
			      format_parameter(w->low, a));
	if (w->cma)
		(void)snprintf(ret + n, RESERVE_WORDS_MAX - (size_t)n, " crashkernel=%s,cma",
			       format_parameter(total - fixed, a));
	return 0;
}

const char *reserve_basis_name(enum reserve_basis b)
{
	switch (b) {
	case RESERVE_TERMS:
		return "the sum";
	case RESERVE_IMAGE:
		return "what is known to suffice for the image";
	case RESERVE_DEFAULT:
		return "the default, since nothing was measured on this machine yet";
	}
	return "";
}
