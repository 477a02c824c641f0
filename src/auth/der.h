/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of DER, checked before libcrypto sees the bytes: libcrypto accepts BER, and where it
 * keeps an encoding (certificates, unknown content) comparing with a second encoding shows nothing.
 */
#pragma once

#include "base/bytes.h"

/*
 * True if b is exactly one element in which every length, down to the last element, is definite,
 * minimal and fits its parent, and of the universal types SEQUENCE and SET only are constructed.
 */
bool der_is_strict(struct bytes b) _must_check_;

/* True if no element in b (strict DER) that could have elements inside has none. */
bool der_none_empty(struct bytes b) _must_check_;

/* The contents of the one element that b exactly is, if it has this tag byte. */
bool der_contents(struct bytes b, uint8_t tag, struct bytes *ret) _must_check_;

/* The first of the elements in b, header included, if it has this tag byte. */
bool der_first(struct bytes b, uint8_t tag, struct bytes *ret) _must_check_;
