// SPDX-License-Identifier: GPL-2.0-or-later
/* What the capture program reads and writes: cores, facts, tool versions, the manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/blockdev.h"
#include "capture/collector.h"
#include "capture/elfcore.h"
#include "capture/facts.h"
#include "capture/memory.h"
#include "capture/record.h"
#include "fixture_capture.h"
#include "util/cleanup.h"

static void replace_core(const struct tree *t, const uint8_t *p, size_t len)
{
	FILE *f;

	assert_int_equal(unlink(tree_path(t, "/proc/vmcore")), 0);
	f = fopen(tree_path(t, "/proc/vmcore"), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void test_crash_facts(void **state)
{
	struct tree t;
	struct crash c;
	struct ukd_error e = {0};

	(void)state;
	tree_make(&t);
	assert_int_equal(crash_read(&t.root, &c, &e), 0);
	assert_int_equal(c.time, CRASH_TIME);
	assert_string_equal(c.release, "6.12.107+deb13-amd64");
	assert_int_equal(c.size, 4096 + CORE_LOAD);
	tree_remove(&t);
}

/* Reads a core with one change; what it comes to. */
static int read_changed(struct tree *t, size_t off, unsigned int width, uint64_t value,
			size_t cut_to, struct crash *c, struct ukd_error *e)
{
	size_t len;
	_free_ uint8_t *p = make_core("OSRELEASE=x\nCRASHTIME=1\n", 100, &len);

	for (unsigned int i = 0; i < width; i++)
		p[off + i] = (uint8_t)(value >> (8 * i));
	replace_core(t, p, cut_to ? cut_to : len);
	return crash_read(&t->root, c, e);
}

static void test_hostile_core(void **state)
{
	static const struct {
		const char *what;
		size_t off;
		unsigned int width;
		uint64_t value;
		size_t cut_to;
		const char *check;
	} cases[] = {
		{"empty", 0, 0, 0, 1, "vmcore.truncated"},
		{"not ELF", 0, 1, 'X', 0, "vmcore.elf"},
		{"32-bit", 4, 1, 1, 0, "vmcore.elf"},
		{"big endian", 5, 1, 2, 0, "vmcore.elf"},
		{"executable", 16, 2, 2, 0, "vmcore.elf"},
		{"header cut", 0, 0, 0, 63, "vmcore.truncated"},
		{"no program headers", 56, 2, 0, 0, "vmcore.phdr"},
		{"too many program headers", 56, 2, 0xffff, 0, "vmcore.phdr"},
		{"wrong entry size", 54, 2, 55, 0, "vmcore.phdr"},
		{"program headers outside", 32, 8, 1 << 30, 0, "vmcore.truncated"},
		{"program headers at the end of time", 32, 8, INT64_MAX - 10, 0, NULL},
		{"note segment outside", 64 + 8, 8, 1 << 30, 0, "vmcore.truncated"},
		{"note segment huge", 64 + 32, 8, 1 << 30, 0, "vmcore.vmcoreinfo"},
		{"note segment of another type", 64, 4, 6, 0, "vmcore.vmcoreinfo"},
		{"name size huge", 176, 4, 0xffffffff, 0, "vmcore.vmcoreinfo"},
		{"desc size huge", 180, 4, 0xffffffff, 0, "vmcore.vmcoreinfo"},
		{"name size zero", 176, 4, 0, 0, "vmcore.vmcoreinfo"},
	};
	struct tree t;

	(void)state;
	tree_make(&t);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		struct crash c;
		int r = read_changed(&t, cases[i].off, cases[i].width, cases[i].value,
				     cases[i].cut_to, &c, &e);

		if (r >= 0 || (cases[i].check && strcmp(e.check, cases[i].check)))
			fail_msg("%s: %d, %s (%s)", cases[i].what, r, e.check, e.text);
		assert_int_equal(c.time, 0);
	}
	tree_remove(&t);
}

static void test_crash_time_garbage(void **state)
{
	static const char *const infos[] = {
		"",
		"CRASHTIME=",
		"CRASHTIME=-5\n",
		"CRASHTIME=99999999999999999999999\n",
		"CRASHTIME=253402300800\n",
		"xCRASHTIME=5\n",
		"OSRELEASE=\033[2J\n",
	};
	struct tree t;

	(void)state;
	tree_make(&t);
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		struct ukd_error e = {0};
		struct crash c;
		size_t len;
		_free_ uint8_t *p = make_core(infos[i], 10, &len);

		replace_core(&t, p, len);
		assert_int_equal(crash_read(&t.root, &c, &e), 0);
		assert_int_equal(c.time, 0);
		assert_null(strchr(c.release, '\033'));
	}
	tree_remove(&t);
}

static void test_progress_text(void **state)
{
	char line[160];

	(void)state;
	progress_text(MIB(100), 25.9, 10000, 30, line, sizeof(line));
	assert_string_equal(line, "25 %, 100.0 MiB in 10 s, 10.0 MiB/s, 30 s left");
	progress_text(0, -1, 0, UINT64_MAX, line, sizeof(line));
	assert_string_equal(line, "0 bytes in 0 s, 0 bytes/s");
	assert_true(progress_percent(1, 0) < 0);
	assert_true(progress_percent(1, 4) == 25);
	assert_true(progress_percent(9, 4) == 100);
}

/* "step/level/threads/buffer" of every plan that follows a run of the same failure. */
static const char *plans_after(unsigned int level, unsigned int threads, enum failure why)
{
	static char text[256];
	struct plan p = plan_first(level, threads);
	size_t n = 0;

	for (; p.step != STEP_END; p = plan_next(&p, why))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d/%u/%u/%u", n ? " " : "",
				      p.step, p.level, p.threads, p.buffer_kib);
	return text;
}

static void test_plans(void **state)
{
	static const struct {
		unsigned int level, threads;
		enum failure why;
		const char *plans;
	} cases[] = {
		{31, 1, FAILURE_EXIT, "0/31/1/0 2/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 4, FAILURE_EXIT, "0/31/4/0 1/31/1/0 2/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 4, FAILURE_CHECK, "0/31/4/0 1/31/1/0 2/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 4, FAILURE_STALL, "0/31/4/0 2/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 0, FAILURE_STALL, "0/31/0/0 2/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 1, FAILURE_KILLED, "0/31/1/0 1/31/1/256 2/1/1/256 3/1/1/256 4/1/1/256"},
		{1, 1, FAILURE_EXIT, "0/1/1/0 3/1/1/0 4/1/1/0"},
		{31, 1, FAILURE_SPACE, "0/31/1/0 3/31/1/0 4/31/1/0"},
		{1, 2, FAILURE_SPACE, "0/1/2/0 2/31/1/0 3/31/1/0 4/31/1/0"},
		{31, 4, FAILURE_START, "0/31/4/0 3/31/4/0 4/31/4/0"},
		{31, 4, FAILURE_TIME, "0/31/4/0"},
		{31, 4, FAILURE_TARGET, "0/31/4/0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = plans_after(cases[i].level, cases[i].threads, cases[i].why);

		if (strcmp(got, cases[i].plans))
			fail_msg("case %zu: %s", i, got);
	}
}

static void test_arguments(void **state)
{
	struct arguments a = {0};
	struct ukd_error e;

	(void)state;
	assert_int_equal(arguments_check(&a, &e), -E2BIG);
	for (unsigned int i = 0; i < STREAM_ARGS; i++)
		arguments_add(&a, "%u", i);
	assert_int_equal(arguments_check(&a, &e), 0);
	assert_string_equal(a.v[31], "31");
	assert_null(a.v[32]);
	arguments_add(&a, "x");
	assert_int_equal(arguments_check(&a, &e), -E2BIG);
	a = (struct arguments){0};
	arguments_add(&a, "%9000s", "x");
	assert_int_equal(arguments_check(&a, &e), -E2BIG);
}

static void test_facts(void **state)
{
	struct ukd_error e = {0};
	struct facts f;
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_string_equal(f.machine, "unknown");
	assert_int_equal(mkdir(tree_path(&t, "/sys/class"), 0755), 0);
	assert_int_equal(mkdir(tree_path(&t, "/sys/class/dmi"), 0755), 0);
	assert_int_equal(mkdir(tree_path(&t, "/sys/class/dmi/id"), 0755), 0);
	tree_write(&t, "/sys/class/dmi/id/product_uuid", "FFFFFFFF-FFFF\n");
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_string_equal(f.machine, "unknown");
	tree_write(&t, "/sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009\n");
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_string_equal(f.machine, "unknown");
	tree_write(&t, "/sys/class/dmi/id/product_uuid", "4C4C4544-0042\n");
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_string_equal(f.machine, "4c4c4544-0042");
	tree_write(&t, "/etc/ukdump/build.conf",
		   "# comment\n\nmachine_id=0123abc\nimage=6.12 x=y\nnew_key=1\n"
		   "target.0=UUID=1-2:/a b\ntarget.15=LABEL=x:/\n");
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_string_equal(f.machine, "0123abc");
	assert_string_equal(f.image, "6.12 x=y");
	assert_string_equal(f.target[0], "UUID=1-2:/a b");
	assert_string_equal(f.target[15], "LABEL=x:/");
	tree_remove(&t);
}

/* Layers below a target: the lowest one that udev does not show is the one to blame. */
static void test_layers(void **state)
{
	struct ukd_error e = {0};
	static struct facts f;
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, "/etc/ukdump/build.conf",
		   "target.0=LABEL=x:/\ntarget.1=UUID=1-2:/a\n"
		   "layer.1=/dev/disk/by-id/md-uuid-1:2 RAID array md0\n"
		   "layer.1=/dev/disk/by-id/dm-uuid-LVM-x LVM volume vg/lv\nluks.1=12-34\n"
		   "layer.2=/dev/disk/by-path/ip-192.0.2.7:3260-iscsi-x-lun-1 iSCSI disk x\n");
	assert_int_equal(facts_read(&t.root, &f, &e), 0);
	assert_int_equal(facts_target(&f, "LABEL=x:/"), 0);
	assert_int_equal(facts_target(&f, "UUID=1-2:/a"), 1);
	assert_int_equal(facts_target(&f, "UUID=1-2:/"), RECORD_TARGETS);
	assert_false(facts_stacked(&f, 0));
	assert_true(facts_stacked(&f, 1));
	assert_false(facts_stacked(&f, 2));
	assert_true(facts_have_key(&f));
	assert_string_equal(f.luks[1], "12-34");
	assert_null(facts_missing_layer(&f, &t.root, 0));
	assert_string_equal(facts_missing_layer(&f, &t.root, 1)->name, "RAID array md0");
	tree_write(&t, "/dev/disk/by-id/md-uuid-1:2", "");
	assert_string_equal(facts_missing_layer(&f, &t.root, 1)->name, "LVM volume vg/lv");
	tree_write(&t, "/dev/disk/by-id/dm-uuid-LVM-x", "");
	assert_null(facts_missing_layer(&f, &t.root, 1));
	tree_remove(&t);
}

static void test_level_of_the_dump(void **state)
{
	static struct record r;
	const char *const argv[] = {"makedumpfile", "-l", "-d", "17", "x", "y", NULL};

	(void)state;
	record_reset_dump(&r);
	assert_int_equal(record_level(&r), 0);
	record_collector(&r, argv);
	assert_int_equal(record_level(&r), 17);
}

static void test_bad_facts(void **state)
{
	static const char *const bad[] = {
		"layer.16=/x y\n",	  "layer.0=x y\n", "layer.0=/x\n",     "luks.16=1\n",
		"machine_id=../../etc\n", "machine_id=\n", "no equals sign\n", "target.16=x\n",
		"target.x=y\n",		  "target.-1=y\n",
	};
	struct tree t;

	(void)state;
	tree_make(&t);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ukd_error e = {0};
		struct facts f;

		tree_write(&t, "/etc/ukdump/build.conf", bad[i]);
		assert_true(facts_read(&t.root, &f, &e) < 0);
		assert_non_null(strstr(e.text, "build.conf:1"));
		assert_string_equal(f.machine, "unknown");
	}
	tree_remove(&t);
}

static void test_locators(void **state)
{
	struct locator l;

	(void)state;
	assert_true(locator_parse("UUID=12-34:/var/crash", &l));
	assert_int_equal(l.kind, LOCATE_UUID);
	assert_string_equal(l.value, "12-34");
	assert_string_equal(l.path, "/var/crash");
	assert_true(locator_parse("LABEL=ukdump", &l));
	assert_string_equal(l.path, "/");
	assert_true(locator_parse("/dev/mapper/a:b:/c", &l));
	assert_string_equal(l.value, "/dev/mapper/a:b");
	assert_string_equal(l.path, "/c");
	assert_true(locator_parse("PARTLABEL=x:/", &l));
	assert_int_equal(l.kind, LOCATE_PARTLABEL);
	assert_false(locator_parse("UUID=:/x", &l));
	assert_false(locator_parse("ssh://host/x", &l));
	assert_false(locator_parse("file:/x", &l));
}

static void test_makedumpfile_version(void **state)
{
	struct makedumpfile m;
	bool exact;

	(void)state;
	makedumpfile_parse("makedumpfile: version 1.7.2 (released on 20 Oct 2022)\n"
			   "lzo\tenabled\nsnappy\tdisabled\nzstd\tdisabled\n\n",
			   &m);
	assert_int_equal(m.version, 10702);
	assert_true(m.lzo && !m.snappy && !m.zstd);
	assert_string_equal(makedumpfile_compression(&m, "auto", &exact), "-l");
	assert_true(exact);
	assert_string_equal(makedumpfile_compression(&m, "zstd", &exact), "-l");
	assert_false(exact);
	assert_string_equal(makedumpfile_compression(&m, "zlib", &exact), "-c");
	assert_null(makedumpfile_compression(&m, "none", &exact));
	m.zstd = true;
	assert_string_equal(makedumpfile_compression(&m, "auto", &exact), "-z");
	makedumpfile_parse("", &m);
	assert_int_equal(m.version, 0);
	assert_string_equal(makedumpfile_compression(&m, "auto", &exact), "-c");
}

static void test_memory(void **state)
{
	struct memory_watch m = {0};
	struct tree t;

	(void)state;
	tree_make(&t);
	memory_sample(&m, &t.root);
	tree_write(&t, "/proc/meminfo", "MemTotal: 100000 kB\nMemAvailable: 30000 kB\n");
	memory_sample(&m, &t.root);
	tree_write(&t, "/proc/meminfo", "MemTotal: 100000 kB\nMemFree: 90000 kB\n");
	memory_sample(&m, &t.root);
	assert_int_equal(m.total, 100000 * 1024);
	assert_int_equal(memory_peak(&m), 70000 * 1024);
	tree_remove(&t);
}

/* Names, order and types are an interface (docs/DUMPS.md). */
static void test_manifest(void **state)
{
	static const char *const keys[] = {
		"schema", "state",	  "image",     "machine", "kernel",   "crash_time",
		"stages", "targets",	  "collector", "bytes",	  "sha256",   "checked",
		"memory", "encrypted_to", "file",      "format",  "warnings", "triage",
	};
	static struct record r;
	struct json_object *o, *v;

	(void)state;
	record_reset_dump(&r);
	r.crash_time = CRASH_TIME;
	(void)snprintf(r.triage, sizeof(r.triage), "{\"kind\": \"oops\"}");
	record_end(record_begin(&r, "dump"), OUTCOME_FAILED, "bad \"byte\" \xff / \n");
	(void)record_target(&r, "file:/var/crash");
	for (int i = 0; i < RECORD_WARNINGS * 2; i++)
		record_warn(&r, "beware");
	_free_ char *text = manifest_text(&r);
	assert_non_null(strstr(text, "file:/var/crash"));
	o = json_tokener_parse(text);
	assert_non_null(o);
	assert_int_equal(json_object_object_length(o), ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_true(json_object_object_get_ex(o, keys[i], &v));
	assert_true(json_object_object_get_ex(o, "crash_time", &v));
	assert_string_equal(json_object_get_string(v), "2026-11-21T18:38:22Z");
	assert_true(json_object_object_get_ex(o, "sha256", &v));
	assert_null(v);
	assert_true(json_object_object_get_ex(o, "triage", &v));
	assert_true(json_object_object_get_ex(v, "kind", &v));
	assert_string_equal(json_object_get_string(v), "oops");
	assert_true(json_object_object_get_ex(o, "warnings", &v));
	assert_int_equal(json_object_array_length(v), RECORD_WARNINGS);
	assert_true(json_object_object_get_ex(o, "stages", &v));
	v = json_object_array_get_idx(v, 0);
	assert_true(json_object_object_get_ex(v, "reason", &v));
	assert_string_equal(json_object_get_string(v), "bad \"byte\" ? / ?");
	json_object_put(o);
}

static void test_record_limits(void **state)
{
	static struct record r;
	const char *argv[RECORD_ARGS + 10];

	(void)state;
	for (int i = 0; i < RECORD_STAGES * 2; i++)
		record_end(record_begin(&r, "log"), OUTCOME_OK, NULL);
	for (int i = 0; i < RECORD_TARGETS * 2; i++)
		(void)record_target(&r, "x");
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		argv[i] = i + 1 < ARRAY_SIZE(argv) ? "x" : NULL;
	record_collector(&r, argv);
	assert_int_equal(r.n_stages, RECORD_STAGES);
	assert_int_equal(r.n_targets, RECORD_TARGETS);
	assert_int_equal(r.collector.n_args, RECORD_ARGS);
	_free_ char *text = manifest_text(&r);
	assert_non_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash_facts),
		cmocka_unit_test(test_hostile_core),
		cmocka_unit_test(test_crash_time_garbage),
		cmocka_unit_test(test_progress_text),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_bad_facts),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_level_of_the_dump),
		cmocka_unit_test(test_locators),
		cmocka_unit_test(test_makedumpfile_version),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_record_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
