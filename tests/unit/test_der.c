// SPDX-License-Identifier: GPL-2.0-or-later
/* src/auth/der.c: what is DER and what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "auth/der.h"

static void test_der(void **state _unused_)
{
	static const struct {
		uint8_t der[8];
		uint8_t len;
		bool strict;
	} cases[] = {
		{{0xa0, 2, 5, 0}, 4, true},
		{{0x30, 3, 2, 1, 5}, 5, true},
		{{0x30, 0}, 2, true},
		{{0x30, 3, 0x10, 1, 5}, 5, false},	 /* SEQUENCE without elements inside */
		{{0x24, 3, 4, 1, 5}, 5, false},		 /* OCTET STRING in pieces */
		{{0x30, 0}, 1, false},			 /* no length */
		{{0x30, 3, 2, 1, 5}, 4, false},		 /* cut */
		{{0x30, 3, 2, 1, 5, 0}, 6, false},	 /* tail */
		{{0x30, 0x81, 3, 2, 1, 5}, 6, false},	 /* long form below 128 */
		{{0x30, 0x80, 2, 1, 5, 0, 0}, 7, false}, /* indefinite */
		{{0x30, 4, 2, 0x81, 1, 5}, 6, false},	 /* the same further inside */
		{{0x30, 4, 0x30, 0x80, 0, 0}, 6, false}, /* the same further inside */
		{{0x30, 3, 2, 2, 5}, 5, false},		 /* child longer than its parent */
		{{0x1f, 1, 0}, 3, false},		 /* long tag */
		{{0x30, 5, 0x24, 3, 4, 1, 5}, 7, false}, /* a string in pieces */
		{{0x30, 2, 0x10, 0}, 4, false},		 /* a primitive SEQUENCE */
		{{0x30, 5, 0xa0, 3, 4, 1, 5}, 7, true},	 /* of a context, either may be right */
		{{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, 6, false},
		{{0x30, 0x88, 1, 0, 0, 0, 0, 0}, 8, false},
	};
	uint8_t deep[256];
	struct bytes contents;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(der_is_strict((struct bytes){cases[i].der, cases[i].len}),
				 cases[i].strict);
	/* 60 SEQUENCEs inside each other */
	for (unsigned int i = 0; i < 60; i++) {
		deep[2 * i] = 0x30;
		deep[2 * i + 1] = (uint8_t)(2 * (59 - i));
	}
	assert_false(der_is_strict((struct bytes){deep, 120}));
	assert_true(der_none_empty((struct bytes){cases[1].der, 5}));
	assert_true(der_none_empty((struct bytes){cases[0].der, 4})); /* NULL has nothing inside */
	assert_false(der_none_empty((struct bytes){(const uint8_t[]){0x30, 2, 0x31, 0}, 4}));
	assert_true(der_contents((struct bytes){cases[1].der, 5}, 0x30, &contents));
	assert_int_equal(contents.len, 3);
	assert_false(der_contents((struct bytes){cases[1].der, 5}, 0x31, &contents));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_der),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
