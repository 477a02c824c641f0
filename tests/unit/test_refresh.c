// SPDX-License-Identifier: GPL-2.0-or-later
/* src/ctl/image/images.c, refresh_plan.c: which image is built, armed, removed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/image/refresh_plan.h"
#include "util/self.h"

#define MAX 8

struct set {
	struct image v[MAX];
	struct images images;
};

/*
 * "A s w" and the like, newest first: the kernel, then of our own a sealed image; further letters
 * say f (fleet), p (plain), w (waits for its signature), n (no record).
 */
static void make(struct set *s, const char *const *specs)
{
	*s = (struct set){.images.v = s->v};
	for (; *specs; specs++) {
		struct image *i = &s->v[s->images.n++];

		(void)snprintf(i->path, sizeof(i->path), "%s", *specs);
		(void)snprintf(i->kver, sizeof(i->kver), "%.1s", *specs);
		i->fleet = strchr(*specs, 'f');
		i->sealed = !strchr(*specs, 'p');
		i->waits = strchr(*specs, 'w');
		i->recorded = !i->fleet && !strchr(*specs, 'n');
	}
}

#define SET(s, ...)   \
	struct set s; \
	make(&s, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static const char *name(const struct image *i)
{
	return i ? i->path : "none";
}

static void test_which_image_fits(void **state _unused_)
{
	static const struct {
		const char *specs[MAX], *chosen;
	} cases[] = {
		{{NULL}, "none"},
		{{"B", NULL}, "none"},
		{{"A 2", "A 1", NULL}, "A 2"},
		{{"B", "A", NULL}, "A"},
		{{"A 2 w", "A 1", NULL}, "A 1"},
		{{"A w", NULL}, "none"},
		/* what somebody brought goes first, whatever its age */
		{{"A", "B f", NULL}, "B f"},
		{{"A", "B f", "A f", NULL}, "A f"},
		{{"A", "A f w", NULL}, "A"},
		/* a plain one is for its kernel only */
		{{"A", "B f p", NULL}, "A"},
		{{"A", "A f p", NULL}, "A f p"},
		{{"A p", NULL}, "A p"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct set s;

		make(&s, cases[i].specs);
		assert_string_equal(name(images_choose(&s.images, "A")), cases[i].chosen);
	}
}

static void test_newest_of_our_own(void **state _unused_)
{
	SET(s, "A f", "B", "A 2 w", "A 1");

	assert_string_equal(name(images_newest(&s.images, "A")), "A 2 w");
	assert_string_equal(name(images_newest(&s.images, "C")), "none");
}

static void test_what_is_built(void **state _unused_)
{
	SET(none, NULL);
	SET(own, "A 2 w", "A 1");
	SET(other, "B");
	SET(fleet, "A", "B f");

	assert_true(refresh_builds(&none.images, "A", false, false));
	assert_true(refresh_builds(&other.images, "A", false, false));
	assert_true(refresh_builds(&own.images, "A", false, false));
	assert_false(refresh_builds(&own.images, "A", true, false));
	assert_true(refresh_builds(&own.images, "A", true, true));
	assert_false(refresh_builds(&fleet.images, "A", false, true));
}

static void test_what_is_armed(void **state _unused_)
{
	SET(own, "B", "A");
	SET(other, "C w", "B p", "B 2", "B 1");

	assert_string_equal(name(refresh_arms(&own.images, "A", true)), "A");
	assert_string_equal(name(refresh_arms(&own.images, "A", false)), "A");
	/* better than none, but no reason to give up what is armed */
	assert_string_equal(name(refresh_arms(&other.images, "A", false)), "B 2");
	assert_string_equal(name(refresh_arms(&other.images, "A", true)), "none");
}

/* Which of the images go: a digit for each, 1 for those that do. */
static const char *dropped(const struct set *s, const struct image_use *use)
{
	static char all[MAX + 1];

	memset(all, 0, sizeof(all));
	for (unsigned int i = 0; i < s->images.n; i++)
		all[i] = refresh_drops(&s->images, &s->v[i], &use[i]) ? '1' : '0';
	return all;
}

static void test_what_is_removed(void **state _unused_)
{
	const struct image_use in = {.installed = true}, armed = {.installed = true, .armed = true},
			       good = {.last_good = true}, gone = {0}, gone_armed = {.armed = true};

	SET(old, "A 3", "A 2", "A 1");
	assert_string_equal(dropped(&old, (struct image_use[]){in, in, in}), "011");
	assert_string_equal(dropped(&old, (struct image_use[]){in, armed, in}), "001");
	assert_string_equal(dropped(&old, (struct image_use[]){armed, in, good}), "010");
	assert_string_equal(dropped(&old, (struct image_use[]){gone, gone_armed, gone}), "101");

	/* one that waits does not push out what is signed */
	SET(waits, "A 4 w", "A 3 w", "A 2", "A 1");
	assert_string_equal(dropped(&waits, (struct image_use[]){in, in, in, in}), "0101");

	SET(kernels, "B 2", "A 2", "B 1", "A 1");
	assert_string_equal(dropped(&kernels, (struct image_use[]){in, gone, in, gone}), "0111");

	/* what cannot be made again, and what is not ours */
	SET(others, "A 2", "A 1 n", "A f", "B n");
	assert_string_equal(dropped(&others, (struct image_use[]){in, gone, gone, gone}), "0000");
}

static void test_temporary_names(void **state _unused_)
{
	static const char *const no[] = {"a.efi",     ".tmp.",	    "a.tmp.1",	    "a.tmp.1.",
					 "a.tmp.x.1", "a.tmp.1.2x", "a.tmp.1.2.efi"};
	pid_t owner = 0;

	assert_true(file_is_temporary("new.tmp.123.0", &owner));
	assert_int_equal(owner, 123);
	assert_true(file_is_temporary("a.tmp.b.tmp.77.4", &owner));
	assert_int_equal(owner, 77);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(file_is_temporary(no[i], &owner));
	assert_true(process_is_like_us(getpid()));
	assert_false(process_is_like_us(1 << 22));
	assert_false(process_is_like_us(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_image_fits), cmocka_unit_test(test_newest_of_our_own),
		cmocka_unit_test(test_what_is_built),	 cmocka_unit_test(test_what_is_armed),
		cmocka_unit_test(test_what_is_removed),	 cmocka_unit_test(test_temporary_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
