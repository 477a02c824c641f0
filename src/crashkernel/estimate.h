/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory to reserve, term by term. A model that was held against what was measured
 * (docs/SIZING.md), with half as much again, since a real machine has more devices than a guest.
 * Once a capture on this machine has measured its own peak, that takes the model's place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct reserve_facts {
	uint64_t init_size;    /* of the capture kernel: what it occupies until it runs */
	uint64_t initrd_len;   /* of the capture initrd, packed */
	uint64_t minimum;      /* of image_need(); 0: there is no image */
	uint64_t comfort;      /* the same */
	uint64_t memory;       /* of the machine */
	uint64_t peak;	       /* memory.peak of captures on this machine; 0: there was none */
	uint64_t default_size; /* what the distribution would reserve here */
	unsigned int cpus;     /* of the machine */
	unsigned int threads;  /* of the collector, each on a CPU of its own; at least 1 */
	bool network;	       /* a target needs one */
};

enum reserve_basis {
	RESERVE_TERMS,	 /* the terms' sum */
	RESERVE_IMAGE,	 /* what is known to suffice for the image (image_need()) is more */
	RESERVE_DEFAULT, /* the distribution's default is more, and nothing was measured */
};

#define RESERVE_TERMS_MAX 8

struct reserve_term {
	const char *name; /* literal */
	const char *why;  /* literal */
	uint64_t bytes;
};

struct reserve_estimate {
	struct reserve_term term[RESERVE_TERMS_MAX];
	unsigned int n;
	uint64_t sum;	/* of the terms */
	uint64_t fixed; /* of the size, what cannot lie in CMA: what is loaded; of 16 MiB, too */
	uint64_t size;	/* what to reserve, a multiple of 16 MiB */
	enum reserve_basis basis;
};

void reserve_estimate(const struct reserve_facts *f, struct reserve_estimate *ret);

/* What was asked for, by options or settings. */
struct reserve_wish {
	uint64_t size; /* bytes in all; 0: as estimated */
	bool high;     /* above 4 GiB, with a part below for DMA */
	uint64_t low;  /* size of that part; 0: the kernel's own choice (256 MiB) */
	bool cma;      /* what is not loaded lies in CMA, which the running system uses meanwhile */
};

#define RESERVE_WORDS_MAX 256

/*
 * The words for the kernel command line: "crashkernel=256M", "crashkernel=1G,high
 * crashkernel=256M,low". Refuses (check "reserve.size") what is too small to load the image, leaves
 * nothing for CMA, or is more than half of the memory.
 */
int reserve_words(const struct reserve_wish *w, const struct reserve_facts *f,
		  const struct reserve_estimate *est, char ret[RESERVE_WORDS_MAX],
		  struct ukd_error *e) _must_check_;

/* For people: "the sum", ... */
const char *reserve_basis_name(enum reserve_basis b);
