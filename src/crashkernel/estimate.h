/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory to reserve, term by term. A model that was held against what was measured
 * (docs/SIZING.md), with half as much again, since a real machine has more devices than a guest.
 * Once a capture on this machine has measured its own peak, that takes the model's place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

struct reserve_facts {
	uint64_t init_size;    /* of the capture kernel: what it occupies until it runs */
	uint64_t initrd_len;   /* of the capture initrd, packed */
	uint64_t comfort;      /* of image_need(); 0: there is no image */
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
	uint64_t sum;	   /* of the terms */
	uint64_t resident; /* of that, what cannot lie in CMA: kernel and packed initrd */
	uint64_t size;	   /* what to reserve, a multiple of 16 MiB */
	enum reserve_basis basis;
};

void reserve_estimate(const struct reserve_facts *f, struct reserve_estimate *ret);

/* For people: "the sum", ... */
const char *reserve_basis_name(enum reserve_basis b);
