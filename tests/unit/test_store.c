// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes when room is needed: decisions as a table, and a directory full of foreign things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "util/cleanup.h"

#define MACHINE "0123abc"
#define CURRENT "20261121T183822Z-" MACHINE

/*
 * "C10 U3 P5 L0 @C9": crashes, oldest first, by state (complete, unfinished, partial, log only)
 * and size; "@": a directory of this crash. What is removed is given as positions from 0.
 */
static void make_store(const char *text, struct store *s)
{
	static const char states[] = "ULPC";

	memset(s, 0, sizeof(*s));
	for (unsigned int day = 0; *text; day++) {
		struct store_entry *entry = &s->v[s->n++];
		bool current = *text == '@';
		const char *state = strchr(states, *(text += current));

		entry->base = strlen(CURRENT);
		(void)snprintf(entry->name, sizeof(entry->name), "20261001T0000%02uZ-" MACHINE,
			       day);
		if (current)
			(void)snprintf(entry->name, sizeof(entry->name), CURRENT);
		assert_non_null(state);
		entry->state = (enum store_state)(state - states);
		entry->used = strtoul(text + 1, (char **)&text, 10);
		entry->dump = *state == 'C' ? entry->used : 0;
		text += strspn(text, " ");
	}
}

static const char *removed(const struct store *s)
{
	static char text[256];
	size_t n = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].remove)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", n ? " " : "", i);
	return text;
}

static void test_make_room(void **state)
{
	static const struct {
		const char *store;
		uint64_t room, need;
		const char *removed;
	} cases[] = {
		{"@U0", 0, 100, ""},
		{"C10 C10 C10 @U0", 15, 15, ""},     /* it fits */
		{"C10 C10 C10 @U0", 14, 15, "0"},    /* the oldest, no more than needed */
		{"C10 C10 C10 @U0", 0, 15, "0 1"},   /* never the newest complete one */
		{"C10 C10 C10 @U0", 0, 1000, "0 1"}, /* better than nothing */
		{"C10 @U0", 0, 1000, ""},
		{"C10 U5 C10 U5 @U0", 6, 15,
		 "0 1"}, /* cut off before complete, not the last crash */
		{"C10 U5 C10 L0 @U0", 11, 15, "1"},
		{"C10 P5 C10 C9 @U0", 0, 14, "0 1"}, /* partial ones by age */
		{"C10 L0 C10 C9 @U0", 0, 20, "0 2"}, /* a log alone makes no room */
		{"C10 C10 P5 @U0", 0, 100, "0"},     /* the crash before this one */
		{"P10 P10 P10 @U0", 0, 100,
		 ""}, /* without a complete one: nothing that is a dump */
		{"P10 U10 P10 @U0", 0, 100, "1"},
		{"U10 U10 U10 @U0", 0, 100, "0 1"},
		{"@U9 @U9 C10 C10 @U0", 0, 15,
		 "2"}, /* other tries of this crash, by a clock gone wrong */
	};
	static struct store s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_store(cases[i].store, &s);
		store_make_room(&s, CURRENT, cases[i].room, cases[i].need);
		if (strcmp(removed(&s), cases[i].removed) != 0)
			fail_msg("'%s' room %llu need %llu: removed '%s', not '%s'", cases[i].store,
				 (unsigned long long)cases[i].room,
				 (unsigned long long)cases[i].need, removed(&s), cases[i].removed);
	}
}

static void test_retire(void **state)
{
	static const struct {
		const char *store;
		unsigned int keep;
		uint64_t max_use;
		const char *removed;
	} cases[] = {
		{"C10 C10 C10 @C10", 0, 0, ""},
		{"C10 C10 C10 @C10", 4, 0, ""},
		{"C10 C10 C10 @C10", 2, 0, "0 1"},
		{"C10 C10 C10 @C10", 1, 0, "0 1 2"},
		{"@C10 C10 C10", 1, 0, "1 2"},	   /* this crash's dump is the newest */
		{"C10 C10 C10 @P5", 1, 0, "0 1"},  /* it has none: the newest stays */
		{"L0 P5 C10 U3 @L0", 2, 0, "0 1"}, /* those without a dump count apart */
		{"C10 L0 L0 L0 L0 @L0", 1, 0, "1 2 3 4"},
		{"C10 C10 C10 @C10", 0, 25, "0 1"},
		{"C10 C10 C10 @C10", 0, 40, ""},
		{"C10 C10 C10 @C10", 0, 5, "0 1 2"}, /* never what was just written */
		{"C10 P10 C10 @L1", 0, 5, "0 1"},
		{"C10 C10 C10 @C10", 3, 25, "0 1"}, /* what goes anyway counts */
	};
	static struct store s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_store(cases[i].store, &s);
		store_retire(&s, CURRENT, cases[i].keep, cases[i].max_use);
		if (strcmp(removed(&s), cases[i].removed) != 0)
			fail_msg("'%s' keep %u max %llu: removed '%s', not '%s'", cases[i].store,
				 cases[i].keep, (unsigned long long)cases[i].max_use, removed(&s),
				 cases[i].removed);
	}
}

/* What goes for its age is not counted again as room. */
static void test_make_room_besides(void **state)
{
	static struct store s;

	(void)state;
	make_store("C10 C10 C10 C10 @U0", &s);
	store_retire(&s, CURRENT, 3, 0);
	assert_string_equal(removed(&s), "0");
	store_make_room(&s, CURRENT, 5, 25);
	assert_string_equal(removed(&s), "0 1");
}

static void test_expect(void **state)
{
	static struct store s;

	(void)state;
	make_store("C10 C40 C20 P99 @U0", &s);
	assert_int_equal(store_expect(&s, 1000), 60);
	assert_int_equal(store_expect(&s, 50), 50);
	assert_int_equal(store_expect(&s, 0), 60);
	make_store("P99 @U0", &s);
	assert_int_equal(store_expect(&s, 1000), 1000);
	make_store("C10", &s);
	s.v[0].dump = UINT64_MAX;
	assert_int_equal(store_expect(&s, 1000), 1000);
	assert_int_equal(store_expect(&s, 0), UINT64_MAX);
}

/* A directory on a disk, where hostile things can be made. */
struct place {
	char path[512];
	int fd;
	struct store store;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	ssize_t n = readlink("/proc/self/exe", p->path, sizeof(p->path) - 1);

	assert_true(n > 0);
	strcpy(strrchr(p->path, '/'), "/store-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->fd);
	assert_int_equal(nftw(p->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(p);
	return 0;
}

/* Makes a file of size bytes, and the directory it is in. */
static void put(const struct place *p, const char *name, size_t size)
{
	char dir[256], data[4096] = {0};
	_close_ int fd = -1;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(name, '/') - name), name);
	assert_true(mkdirat(p->fd, dir, 0700) == 0 || errno == EEXIST);
	fd = openat(p->fd, name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static bool there(const struct place *p, const char *name)
{
	return faccessat(p->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void scan(struct place *p)
{
	struct ukd_error e;

	if (store_scan(p->fd, MACHINE, &p->store, &e) < 0)
		fail_msg("%s", e.text);
}

#define DIR_(day) "2026110" day "T000000Z-" MACHINE

static void test_scan(void **state)
{
	static const struct {
		const char *name;
		enum store_state state;
		bool has_dump;
	} expected[] = {
		{DIR_("1"), STORE_COMPLETE, true},	{DIR_("2"), STORE_PARTIAL, false},
		{DIR_("2") "-2", STORE_COMPLETE, true}, {DIR_("2") "-10", STORE_LOG_ONLY, false},
		{DIR_("3"), STORE_UNFINISHED, false},	{DIR_("4"), STORE_UNFINISHED, false},
		{DIR_("5"), STORE_PARTIAL, false},
	};
	struct place *p = *state;

	put(p, DIR_("1") "/vmcore", 4000);
	put(p, DIR_("2") "-10/manifest.json", 10);
	put(p, DIR_("2") "-2/vmcore.flat.age", 4000);
	put(p, DIR_("2") "/vmcore-incomplete", 4000);
	put(p, DIR_("2") "/manifest.json", 10);
	put(p, DIR_("3") "/vmcore-incomplete", 4000);
	put(p, DIR_("3") "/dmesg.txt", 10);
	assert_int_equal(mkdirat(p->fd, DIR_("4"), 0700), 0);
	/* A link is no dump, wherever it leads. */
	put(p, DIR_("5") "/manifest.json", 10);
	put(p, DIR_("5") "/vmcore-part", 10);
	assert_int_equal(symlinkat("/etc/passwd", p->fd, DIR_("5") "/vmcore"), 0);
	/* Foreign: names, machines, links, files, what somebody left in a directory of ours. */
	put(p, "20261101T000000Z-other/vmcore", 10);
	put(p, DIR_("1") "x/vmcore", 10);
	put(p, DIR_("1") "-/vmcore", 10);
	put(p, DIR_("1") "-0/vmcore", 10);
	put(p, DIR_("1") "-1x/vmcore", 10);
	put(p, "2026110aT000000Z-" MACHINE "/vmcore", 10);
	put(p, "202611010000/vmcore", 10);
	put(p, DIR_("6") "/notes", 10);
	assert_int_equal(symlinkat(DIR_("1"), p->fd, DIR_("7")), 0);
	assert_int_equal(mkdirat(p->fd, "20261108", 0700), 0);
	assert_int_equal(close(openat(p->fd, DIR_("9"), O_CREAT | O_WRONLY, 0600)), 0);
	scan(p);
	assert_false(p->store.more);
	for (unsigned int i = 0; i < ARRAY_SIZE(expected) && i < p->store.n; i++) {
		assert_string_equal(p->store.v[i].name, expected[i].name);
		assert_int_equal(p->store.v[i].state, expected[i].state);
		assert_int_equal(p->store.v[i].dump, expected[i].has_dump ? 4000 : 0);
		assert_int_equal(p->store.v[i].base, strlen(DIR_("1")));
	}
	assert_int_equal(p->store.n, ARRAY_SIZE(expected));
	assert_in_range(p->store.v[0].used, 4096, 8192);
}

/* What was a dump once: the length of the file is the last thing that a power cut leaves. */
static void test_empty_dump(void **state)
{
	struct place *p = *state;

	put(p, DIR_("1") "/vmcore", 4000);
	put(p, DIR_("2") "/vmcore", 0);
	put(p, DIR_("2") "/manifest.json", 10);
	put(p, DIR_("3") "/vmcore", 0);
	/* A stream that was cut off is emptied where nothing can be removed. */
	put(p, DIR_("4") "/vmcore", 4000);
	put(p, DIR_("4") "/vmcore.flat", 0);
	scan(p);
	assert_int_equal(p->store.n, 4);
	assert_int_equal(p->store.v[1].state, STORE_LOG_ONLY);
	assert_int_equal(p->store.v[2].state, STORE_UNFINISHED);
	assert_int_equal(p->store.v[3].state, STORE_COMPLETE);
	assert_int_equal(p->store.v[3].dump, 4000);
}

/* Somebody keeps what he found out in the crash's directory. */
static void test_many_files(void **state)
{
	struct place *p = *state;
	struct ukd_error e;
	char name[64];

	for (unsigned int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), DIR_("1") "/note%u", i);
		put(p, name, 0);
		if (i == 2500)
			put(p, DIR_("1") "/vmcore", 4000);
	}
	scan(p);
	assert_int_equal(p->store.n, 1);
	assert_int_equal(p->store.v[0].state, STORE_COMPLETE);
	assert_int_equal(store_remove(p->fd, DIR_("1"), &e), 0);
	assert_false(there(p, DIR_("1") "/vmcore"));
	assert_true(there(p, DIR_("1") "/note999"));
}

/* Everybody can make a directory with our name in a sticky one, and with any time. */
static void test_sticky(void **state)
{
	struct place *p = *state;
	struct ukd_error e;

	put(p, DIR_("1") "/vmcore", 4000);
	put(p, DIR_("2") "/vmcore", 1);
	if (fchownat(p->fd, DIR_("2"), 12345, 12345, 0) < 0)
		skip();
	scan(p);
	assert_int_equal(p->store.n, 2); /* a server calls us by another name */
	assert_int_equal(fchmod(p->fd, 01777), 0);
	scan(p);
	assert_int_equal(p->store.n, 1);
	assert_string_equal(p->store.v[0].name, DIR_("1"));
	assert_int_equal(store_remove(p->fd, DIR_("2"), &e), -EPERM);
	assert_true(there(p, DIR_("2") "/vmcore"));
	assert_int_equal(fchown(p->fd, 12345, 12345), 0);
	scan(p);
	assert_int_equal(p->store.n, 2);
	assert_int_equal(fchown(p->fd, 0, 0), 0);
	assert_int_equal(fchownat(p->fd, DIR_("2"), 65534, 65534, 0), 0); /* a squashed root */
	scan(p);
	assert_int_equal(p->store.n, 2);
}

/* The next readdir() that would return this name fails, as where a disk is damaged. */
static const char *unreadable;

struct dirent *readdir(DIR *dir)
{
	struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
	struct dirent *d = real(dir);

	if (d && unreadable && !strcmp(d->d_name, unreadable)) {
		errno = EIO;
		return NULL;
	}
	return d;
}

static void test_damaged_directory(void **state)
{
	struct place *p = *state;
	struct ukd_error e;

	put(p, DIR_("1") "/dmesg.txt", 4000);
	put(p, DIR_("1") "/vmcore", 4000);
	put(p, DIR_("2") "/vmcore-incomplete", 4000);
	put(p, DIR_("3") "/vmcore-incomplete", 4000);
	unreadable = "vmcore";
	scan(p);
	unreadable = NULL;
	assert_int_equal(p->store.n, 3);
	store_make_room(&p->store, "", 0, UINT64_MAX);
	store_retire(&p->store, "", 1, 1);
	assert_string_equal(removed(&p->store), "1 2");
	unreadable = DIR_("1");
	assert_int_equal(store_scan(p->fd, MACHINE, &p->store, &e), -EIO);
	unreadable = NULL;
}

/* More directories than are kept track of: the rest is left alone. */
static void test_many(void **state)
{
	struct place *p = *state;
	char name[64];

	for (unsigned int i = 1; i <= STORE_ENTRIES_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), DIR_("1") "-%u", i);
		assert_int_equal(mkdirat(p->fd, name, 0700), 0);
	}
	scan(p);
	assert_int_equal(p->store.n, STORE_ENTRIES_MAX);
	assert_true(p->store.more);
}

static void test_remove(void **state)
{
	struct place *p = *state;
	struct ukd_error e;

	put(p, DIR_("1") "/vmcore", 10);
	put(p, DIR_("1") "/dmesg.txt", 10);
	put(p, DIR_("1") "/dmesg-incomplete.txt", 10);
	put(p, DIR_("1") "/manifest.json", 10);
	put(p, DIR_("1") "/manifest.json.tmp.1.0", 10);
	assert_int_equal(store_remove(p->fd, DIR_("1"), &e), 0);
	assert_int_equal(store_remove(p->fd, DIR_("1"), &e), 0); /* gone already */
	assert_false(there(p, DIR_("1")));
	/* What is not ours stays, and the directory with it. */
	put(p, DIR_("2") "/vmcore", 10);
	put(p, DIR_("2") "/vmcore-notes", 10);
	put(p, DIR_("2") "/deep/vmcore", 10);
	assert_int_equal(symlinkat("notes", p->fd, DIR_("2") "/dmesg.txt"), 0);
	assert_int_equal(store_remove(p->fd, DIR_("2"), &e), 0);
	assert_false(there(p, DIR_("2") "/vmcore"));
	assert_true(there(p, DIR_("2") "/vmcore-notes"));
	assert_true(there(p, DIR_("2") "/deep/vmcore"));
	assert_true(there(p, DIR_("2") "/dmesg.txt"));
	/* A link with the name of a crash. */
	put(p, "elsewhere/vmcore", 10);
	assert_int_equal(symlinkat("elsewhere", p->fd, DIR_("3")), 0);
	assert_true(store_remove(p->fd, DIR_("3"), &e) < 0);
	assert_true(there(p, "elsewhere/vmcore"));
}

/* What is mounted there is not the store's. */
static void test_mount(void **state)
{
	struct place *p = *state;
	char path[600];
	struct ukd_error e;

	assert_int_equal(mkdirat(p->fd, DIR_("1"), 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/" DIR_("1"), p->path);
	if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
		skip();
	put(p, DIR_("1") "/vmcore", 10);
	scan(p);
	assert_int_equal(p->store.n, 0);
	assert_int_equal(store_remove(p->fd, DIR_("1"), &e), -EXDEV);
	assert_true(there(p, DIR_("1") "/vmcore"));
	assert_int_equal(umount(path), 0);
}

/* To open a device can set it off, so what is no file is not even opened. */
static void test_open_file(void **state)
{
	struct place *p = *state;
	_close_ int fd = -1, watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct ukd_error e;
	char event[4096];

	put(p, "crash/file", 10);
	assert_int_equal(store_open_file(p->fd, "crash/file", &fd, &e), 0);
	assert_int_equal(store_open_file(p->fd, "none", &fd, &e), -ENOENT);
	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("crash/file", p->fd, "link"), 0);
	assert_true(inotify_add_watch(watch, p->path, IN_OPEN) >= 0);
	assert_int_equal(store_open_file(p->fd, "fifo", &fd, &e), -EBADMSG);
	assert_string_equal(e.check, "file.type");
	assert_int_equal(store_open_file(p->fd, "link", &fd, &e), -EBADMSG);
	assert_string_equal(e.check, "file.type");
	assert_int_equal(read(watch, event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_room),
		cmocka_unit_test(test_retire),
		cmocka_unit_test(test_make_room_besides),
		cmocka_unit_test(test_expect),
		TEST(test_scan),
		TEST(test_empty_dump),
		TEST(test_many_files),
		TEST(test_sticky),
		TEST(test_damaged_directory),
		TEST(test_many),
		TEST(test_remove),
		TEST(test_mount),
		TEST(test_open_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
