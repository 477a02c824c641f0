/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A UKI read from a descriptor: headers and certificate table first, then every other byte once,
 * in order, in pieces, so that an image of any size needs little memory. What is looked at later
 * (small sections, the beginning of .linux and .kexec) is taken from the very pieces that were
 * handed to the digest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pe/cert.h"
#include "pe/pe.h"
#include "util/file.h"

#define UKI_TEXT_MAX	65536 /* content kept of a textual section or of .kexec */
#define UKI_KERNEL_HEAD 4096  /* bytes kept of the beginning of .linux */

/* Takes the pieces of the Authenticode digest in file order. Returns 0 or a negative errno. */
struct uki_sink {
	int (*put)(void *ctx, struct bytes piece);
	void *ctx;
};

struct uki {
	const char *name; /* borrowed, for messages */
	int fd;		  /* borrowed */
	struct pe_image pe;
	struct buffer head;	  /* the first pe.header_size bytes */
	struct buffer cert_bytes; /* the certificate table; certs points into it */
	struct cert_table certs;
	/*
	 * Contents, kept by uki_read(): of textual sections, of .kexec, of the beginning of .linux;
	 * of repeated ones the first. Empty for others.
	 */
	struct buffer content[UKI_SECTION_MAX];
	unsigned int n_profiles; /* 1 if there is no .profile */
};

void uki_free(struct uki *u);
#define _uki_ _cleanup_(uki_free)

/* Reads and validates headers and certificate table. size: the file's, from fstat. */
int uki_open(int fd, const char *name, uint64_t size, struct uki *ret,
	     struct ukd_error *e) _must_check_;

/*
 * Reads all that lies between, gives the digest's bytes to every sink (up to n_sinks), keeps the
 * contents named above, and checks that paddings are zero and that the file did not change its
 * size meanwhile. Then checks the UKI's own rules (checks "uki.*"): .linux and .osrel present, no
 * section twice within a profile, texts without NUL.
 */
int uki_read(struct uki *u, const struct uki_sink *sinks, unsigned int n_sinks,
	     struct ukd_error *e) _must_check_;

/* True if the image carries a kexec stub, so that the rules of pe/sealed.h apply. */
static inline bool uki_is_sealed(const struct uki *u)
{
	return pe_find(&u->pe, UKI_KEXEC) != NULL;
}

/* Text of a section as a NUL-terminated string, or NULL if the section is not there. */
static inline const char *uki_text(const struct uki *u, enum uki_section id)
{
	return (const char *)u->content[id].data;
}
