/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signature of the kernel inside a plain UKI, which is what kexec_file_load(2) will look at:
 * judged while the image around it is read, without holding it in memory.
 */
#pragma once

#include "auth/signed_pe.h"
#include "pe/kernel.h"

struct inner_kernel {
	struct signed_pe pe;
	const struct pe_section *section; /* of the UKI; NULL: there is nothing to look at */
	bool malformed;			  /* the kernel, not its signature */
	struct kernel_image image;
	struct pe_range ranges[PE_DIGEST_RANGES];
	struct buffer head;  /* as read at first */
	struct buffer table; /* the certificate table, too */
};

void inner_kernel_free(struct inner_kernel *k);
#define _inner_kernel_ _cleanup_(inner_kernel_free)

/*
 * Reads the beginning and the certificate table of u's .linux; anything but a plain UKI is passed
 * over. What is wrong with the kernel is a verdict in ret->pe.res, not an error. u is borrowed, and
 * *ret must not move until the image has been read.
 */
int inner_kernel_open(const struct uki *u, const struct auth_policy *policy,
		      struct inner_kernel *ret, struct ukd_error *e) _must_check_;

/* Takes .linux while u is read: the put of a struct uki_section_sink. ctx: the inner_kernel. */
int inner_kernel_put(void *ctx, const struct pe_section *s, uint64_t off, struct bytes piece,
		     struct ukd_error *e);

/* After that: the verdict. Refuses (check "file.changed") what was not the same twice. */
int inner_kernel_judge(struct inner_kernel *k, const struct auth_policy *policy,
		       struct ukd_error *e) _must_check_;
