/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain UKIs and addons in the tree of a fixture_machine.h, signed or not. */
#pragma once

#include "fixture_machine.h"
#include "pe/uki.h"

#define FIXTURE_RELEASE "6.99.1-test" /* of the kernel in them */

struct fixture_text {
	const char *name;
	const char *text;
};

/*
 * The kernel in them. Its length is no multiple of the file alignment: what is behind it in the
 * section is not it.
 */
void plain_kernel_make(struct buffer *ret);

/*
 * Writes an image with these sections in order behind those that it must have; kind UKI_PLAIN:
 * .linux before the first .profile, or last. by: signer, foreign, or nobody (NULL).
 */
void plain_make(const struct tree *t, const char *path, const char *by, enum uki_kind kind,
		const struct fixture_text *sections, unsigned int n);

#define FIXTURE_TEXTS(...)                          \
	(const struct fixture_text[]){__VA_ARGS__}, \
		ARRAY_SIZE(((const struct fixture_text[]){__VA_ARGS__}))
#define UKI(t, path, by, ...)	plain_make((t), (path), (by), UKI_PLAIN, FIXTURE_TEXTS(__VA_ARGS__))
#define ADDON(t, path, by, ...) plain_make((t), (path), (by), UKI_ADDON, FIXTURE_TEXTS(__VA_ARGS__))

/* The default sealed image, signed by signer. */
void sealed_make(const struct tree *t, const char *path);

/* Fails the test unless the record of what is armed has this text. */
void expect_armed(const struct tree *t, const char *text);
