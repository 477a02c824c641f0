// SPDX-License-Identifier: GPL-2.0-or-later
/* What `report --boot` remembers (ctl/report/report_state.h), and crashes (ctl/report/crash.h), at
 * their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/report/report_state.h"
#include "fixture_tree.h"
#include "util/cleanup.h"

/* The memory does not grow for ever: the oldest names go. */
static void test_names_that_are_forgotten(void **state _unused_)
{
	_report_state_ struct report_state s = {0}, back = {0};
	struct ukd_error e;
	_tree_ struct tree t;
	char name[32];

	tree_make(&t);
	for (unsigned int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "crash-%u", i);
		assert_int_equal(strings_add(&s.seen, name), 0);
	}
	assert_int_equal(report_state_write(&t.root, &s, &e), 0);
	assert_int_equal(report_state_read(&t.root, &back, &e), 0);
	assert_int_equal(back.seen.n, 4096);
	assert_true(report_state_has_seen(&back, "crash-4999"));
	assert_true(report_state_has_seen(&back, "crash-904"));
	assert_false(report_state_has_seen(&back, "crash-903"));
}

/* The longest texts there can be come back whole, and no text makes a second line. */
static void test_texts_that_come_back(void **state _unused_)
{
	_report_state_ struct report_state s = {.cleared = true}, back = {0};
	struct ukd_error e;
	_tree_ struct tree t;

	tree_make(&t);
	memset(s.last.dump, 'd', sizeof(s.last.dump) - 1);
	memset(s.last.reason, 'r', sizeof(s.last.reason) - 1);
	memset(s.last.panic, 'p', sizeof(s.last.panic) - 1);
	memcpy(s.last.panic + 5, "\nseen=x\ncleared=no\n", 19);
	CRASH_SET(s.last.state, "a state that is too long to fit");
	assert_string_equal(s.last.state, "a state that is");
	CRASH_SET(s.last.kernel, "6.1\n\033[2J\xc3\xa4");
	CRASH_SET(s.last.kernel, "");
	assert_string_equal(s.last.kernel, "6.1??[2J??");
	assert_int_equal(report_state_write(&t.root, &s, &e), 0);
	assert_int_equal(report_state_read(&t.root, &back, &e), 0);
	assert_string_equal(back.last.dump, s.last.dump);
	assert_string_equal(back.last.reason, s.last.reason);
	assert_int_equal(strlen(back.last.panic), sizeof(s.last.panic) - 1);
	assert_string_equal(back.last.state, "failed"); /* what is no state */
	assert_true(back.cleared);
	assert_int_equal(back.seen.n, 0);
}

static void test_sentence(void **state _unused_)
{
	static char text[CRASH_SENTENCE];
	struct crash c = {.state = "failed"};

	assert_string_equal(crash_sentence(&c, text), "crash at an unknown time: failed");
	memset(c.name, 'n', sizeof(c.name) - 1);
	memset(c.dump, 'd', sizeof(c.dump) - 1);
	memset(c.panic, 'p', sizeof(c.panic) - 1);
	memset(c.reason, '\n', sizeof(c.reason) - 1);
	crash_sentence(&c, text);
	assert_non_null(strstr(text, "ppp; ???"));
	assert_null(strchr(text, '\n'));
}

/* When the time for all dumps is over, one is neither read nor called bad. */
static void test_no_time_is_left(void **state _unused_)
{
	struct crash c = {.kept = STORE_COMPLETE, .dump = "/var/crash/x"};
	_tree_ struct tree t;

	tree_make(&t);
	crash_examine(&t.root, &c, 0);
	assert_string_equal(c.state, "complete");
	assert_string_equal(c.verified, "unknown");
	assert_string_equal(c.reason, "not verified, for want of time");
	assert_true(crash_is_good(&c));
}

static void test_what_is_good(void **state _unused_)
{
	static const struct {
		const char *state, *verified, *dump;
		bool good;
	} cases[] = {
		{"complete", "yes", "/x", true}, {"complete", "unknown", "/x", true},
		{"complete", "no", "/x", false}, {"complete", "", "", false},
		{"partial", "", "/x", false},	 {"log-only", "", "/x", false},
		{"unfinished", "", "/x", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct report_state s = {0};
		char text[512];

		CRASH_SET(s.last.state, cases[i].state);
		CRASH_SET(s.last.verified, cases[i].verified);
		CRASH_SET(s.last.dump, cases[i].dump);
		assert_int_equal(crash_is_good(&s.last), cases[i].good);
		assert_int_equal(report_state_problem(&s, text, sizeof(text)), !cases[i].good);
		s.cleared = true;
		assert_false(report_state_problem(&s, text, sizeof(text)));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_are_forgotten),
		cmocka_unit_test(test_texts_that_come_back),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_no_time_is_left),
		cmocka_unit_test(test_what_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
