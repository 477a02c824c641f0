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

#define UKI_TEXT_MAX 65536 /* content kept of a textual section or of .kexec */
/* Bytes kept of the beginning of .linux: all of its setup part, which the kernel's setup.ld limits
 * to this, and so its headers and version string (Debian 6.12 has that at 0x4500). */
#define UKI_KERNEL_HEAD 0x8000

/* Takes the pieces of the Authenticode digest in file order. Returns 0 or a negative errno. */
struct uki_sink {
	int (*put)(void *ctx, struct bytes piece);
	void *ctx;
};

/*
 * Takes the contents of sections, paddings excluded, in file order: piece begins at offset off of
 * section s. Returns 0 or a negative errno, with e filled.
 */
struct uki_section_sink {
	int (*put)(void *ctx, const struct pe_section *s, uint64_t off, struct bytes piece,
		   struct ukd_error *e);
	void *ctx;
};

enum uki_kind {
	UKI_PLAIN,  /* .linux, no .kexec */
	UKI_SEALED, /* with a kexec stub, so that the rules of pe/sealed.h apply */
	UKI_ADDON,  /* no .linux, but something that systemd-stub adds to a UKI */
};

struct uki {
	const char *name; /* borrowed, for messages */
	int fd;		  /* borrowed */
	enum uki_kind kind;
	struct pe_image pe;
	struct buffer head;	  /* the first pe.header_size bytes */
	struct buffer cert_bytes; /* the certificate table; certs points into it */
	struct cert_table certs;
	/*
	 * Contents by index in pe.section, kept by uki_read(): of textual sections, of .kexec, of
	 * the beginning of .linux. Empty for others. See uki_content().
	 */
	struct buffer content[PE_MAX_SECTIONS];
	unsigned int n_profiles; /* 1 if there is no .profile */
};

void uki_free(struct uki *u);
#define _uki_ _cleanup_(uki_free)

/* Reads and validates headers and certificate table. size: the file's, from fstat. */
int uki_open(int fd, const char *name, uint64_t size, struct uki *ret,
	     struct ukd_error *e) _must_check_;

/*
 * Reads all that lies between, gives the digest's bytes to every sink (up to n_sinks) and the
 * sections' contents to sections (may be NULL), keeps the contents named above, and checks that
 * paddings are zero and that the file did not change its size meanwhile. Checks the rules of its
 * kind (checks "uki.*", "addon.*"): what must be there, no section twice within a profile, texts
 * without NUL, profiles that can be told apart.
 */
int uki_read(struct uki *u, const struct uki_sink *sinks, unsigned int n_sinks,
	     const struct uki_section_sink *sections, struct ukd_error *e) _must_check_;

/* "sealed UKI", "plain UKI", "addon" */
const char *uki_kind_name(enum uki_kind kind);

/* What uki_read() kept of a section of u->pe; empty if s is NULL or of a kind that is not kept. */
struct bytes uki_content(const struct uki *u, const struct pe_section *s);

/*
 * Text of the first section of that kind as a NUL-terminated string, or NULL if it is not there.
 * With profiles, uki_profile_text() is the one to ask.
 */
const char *uki_text(const struct uki *u, enum uki_section id);
