/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine to arm: a fixture tree with /proc, /sys and anchors, and a kernel that keeps what
 * kexec_file_load(2) is given and answers as the test wants. Pauses are counted, not made.
 */
#pragma once

#include "fixture_tree.h"
#include "util/file.h"

#define MAX_CALLS 32

struct kernel_call {
	unsigned long flags;
	struct buffer image;
	struct buffer initrd; /* data NULL: none */
	char *cmdline;	      /* NULL: none */
};

struct fixture_kernel {
	const struct tree *tree;
	int answers[MAX_CALLS]; /* of the calls in order; then 0 */
	bool drops;		/* a failing load leaves nothing loaded */
	int takes_ms;		/* a load */
	unsigned int n;
	struct kernel_call call[MAX_CALLS];
	unsigned int slept_ms;
};

extern struct fixture_kernel kernel;

/* Forgets all calls; answers go to this tree's /sys from now on. */
void kernel_is(const struct tree *t);

/* A machine with 256 MiB reserved, nothing armed, no Secure Boot. */
void machine_make(struct tree *t);

/* Group fixtures: the keys "signer" and "foreign". */
int machine_pki_begin(void **state);
int machine_pki_end(void **state);

/* Puts the certificate of signer or foreign into trust.d. */
void trust(const struct tree *t, const char *by);
void trust_signer(const struct tree *t);

/* The detached signature of signer or foreign over an image without signatures. */
void signature_make(const struct buffer *image, const char *by, struct buffer *ret_der);

/* A sealed image with this command line, signed by signer, foreign or nobody (NULL). */
void image_make(const struct tree *t, const char *path, const char *line, const char *by);

/* load_image() of a path in the tree, without a profile. */
int load(const struct tree *t, const char *path, struct ukd_error *e);
void expect_loaded(const struct tree *t, const char *path);
