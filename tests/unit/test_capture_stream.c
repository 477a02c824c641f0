// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Captures into a program (exec:) and through encryption, in a fixture tree with fake tools: what
 * arrives, what the record says, and that nothing is written in the clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "fixture_capture.h"
#include "util/cleanup.h"

#define NAME "20261121T183822Z-0123abc"
/* A flattened dump: header, two records, end. */
#define FLAT                                                                                  \
	"{ printf makedumpfile; head -c 4084 /dev/zero; head -c 7 /dev/zero; printf '\\000';" \
	"head -c 7 /dev/zero; printf '\\004data'; head -c 7 /dev/zero; printf '\\010';"       \
	"head -c 7 /dev/zero; printf '\\004DATA'; "
#define FLAT_END  "head -c 16 /dev/zero | tr '\\000' '\\377'; }"
#define FLAT_GOOD FLAT FLAT_END

static int setup(void **state)
{
	struct run *r = run_make();

	r->c.settings.store.keep_free = 0;
	r->c.settings.dump.timeout_s = 60;
	/* Keeps what it is given below /crash, like a server would. */
	tree_tool(&r->tree, "store",
		  "mkdir -p @/crash/$UKDUMP_CRASH; echo $1 >>@/crash/order\n"
		  "cat >@/crash/$UKDUMP_CRASH/$1");
	/* "Encrypts": nothing of the input is left in the output. */
	tree_tool(&r->tree, "age",
		  "[ \"$1\" != --version ] || exit 0\n"
		  "[ \"$1 $2\" = '-R @/etc/ukdump/recipients' ] || exit 2\n"
		  "printf age:; tr '\\000-\\377' '\\200-\\377\\000-\\177'");
	tree_makedumpfile(&r->tree, FLAT_GOOD);
	*state = r;
	return 0;
}

static void encrypt(struct run *r)
{
	run_set(r, "[Dump]\nEncryptTo=age1x ssh-rsa AAAA\n");
	tree_write(&r->tree, "/etc/ukdump/recipients", "# of the site\nage1x\nssh-rsa AAAA\n");
}

static enum dump_state run(struct run *r, const char *target)
{
	run_set(r, "[Dump]\nTarget=%s\n", target);
	budget_start(&r->c.budget, r->c.settings.dump.timeout_s);
	return capture_run(&r->c);
}

static enum dump_state run_exec(struct run *r)
{
	return run(r, "exec:/bin/store");
}

/* Content of a file of the crash, or NULL. The caller frees. */
static struct buffer content(const struct run *r, const char *name)
{
	struct buffer b = {0};
	struct ukd_error e;
	char path[256];

	(void)snprintf(path, sizeof(path), "/crash/%s", name);
	if (file_read(AT_FDCWD, tree_path(&r->tree, path), MIB(16), &b, &e) < 0)
		b = (struct buffer){0};
	return b;
}

static bool has(const struct run *r, const char *name)
{
	_buffer_ struct buffer b = content(r, name);

	return b.data;
}

/* Does the stored file, read by the fake decryption, hold the text? */
static bool decrypted_holds(const struct run *r, const char *name, const char *text)
{
	_buffer_ struct buffer b = content(r, name);

	if (b.len < 4 || memcmp(b.data, "age:", 4) != 0)
		return false;
	for (size_t i = 4; i < b.len; i++)
		b.data[i] ^= 0x80;
	return memmem(b.data + 4, b.len - 4, text, strlen(text));
}

static bool holds(const struct run *r, const char *name, const char *text)
{
	_buffer_ struct buffer b = content(r, name);

	return b.data && memmem(b.data, b.len, text, strlen(text));
}

static const struct stage *failed_stage(const struct run *r)
{
	for (unsigned int i = 0; i < r->c.record.n_stages; i++)
		if (r->c.record.stages[i].outcome == OUTCOME_FAILED)
			return &r->c.record.stages[i];
	return &r->c.record.stages[0];
}

static void test_exec(void **state)
{
	struct run *r = *state;

	if (run_exec(r) != STATE_COMPLETE)
		fail_msg("%s", r->c.record.targets[0].reason);
	assert_true(holds(r, NAME "/dmesg.txt", "log by vmcore-dmesg"));
	assert_true(holds(r, NAME "/vmcore.flat", "DATA"));
	assert_true(holds(r, "order", "dmesg.txt\nvmcore.flat\nmanifest.json\n"));
	assert_true(holds(r, NAME "/manifest.json", "\"state\":\"complete\""));
	assert_true(holds(r, NAME "/manifest.json", "\"file\":\"vmcore.flat\""));
	assert_true(holds(r, NAME "/manifest.json", "not syncing: a fixture"));
	assert_true(holds(r, NAME "/manifest.json", "\"format\":\"flattened\""));
	assert_true(holds(r, NAME "/manifest.json", "\"checked\":\"header\""));
	assert_true(holds(r, NAME "/manifest.json", r->c.record.sha256));
	/* "publish" has not ended when it sends this. */
	assert_false(holds(r, NAME "/manifest.json", "\"result\":\"failed\""));
	assert_int_equal(strlen(r->c.record.sha256), 64);
	assert_int_equal(r->c.record.bytes, 4096 + 2 * 20 + 16);
	assert_string_equal(r->c.record.collector.args[1], "-F");
	assert_int_equal(r->c.record.collector.exit, 0);
}

/* Each failure of the collector, and which plan is the first to fail; the copy always arrives. */
static void test_collector_failures(void **state)
{
	static const struct {
		const char *body, *reason;
		unsigned int attempts;
	} cases[] = {
		{"echo boom >&2; exit 1", "exit status 1 (boom)", 3},
		{FLAT_GOOD "; exit 1", "exit status 1", 3},
		{FLAT "}", "ends before its end marker", 3},
		{"echo garbage garbage garbage", "no flattened dump", 3},
		{FLAT_GOOD "; echo more", "no flattened dump", 3},
		{"true", "ends before its end marker", 3},
		{FLAT "}; kill -9 $$", "signal 9", 4},
	};
	struct run *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&r->c.record, 0, sizeof(r->c.record));
		tree_makedumpfile(&r->tree, cases[i].body);
		if (run_exec(r) != STATE_COMPLETE)
			fail_msg("%s: %s", cases[i].body, r->c.record.targets[0].reason);
		if (!strstr(failed_stage(r)->reason, cases[i].reason))
			fail_msg("%s: %s", cases[i].body, failed_stage(r)->reason);
		assert_int_equal(r->c.record.collector.attempts, cases[i].attempts);
		assert_string_equal(r->c.record.format, "elf");
		assert_true(holds(r, NAME "/vmcore", "\177ELF"));
		/* Nothing that could be taken for the dump. */
		_buffer_ struct buffer left = content(r, NAME "/vmcore.flat");
		assert_int_equal(left.len, 0);
	}
}

/* Who takes the dump fails: the target is lost, no other plan is tried there. */
static void test_program_fails(void **state)
{
	static const char *const bodies[] = {
		"case $1 in vmcore*) echo full >&2; exit 7 ;; esac; cat >/dev/null",
		"case $1 in vmcore*) kill -9 $$ ;; esac; cat >/dev/null",
		"case $1 in vmcore*) sleep 100 ;; esac; cat >/dev/null",
	};
	static const char *const reasons[] = {"exit status 7 (full)", "signal 9", "no progress"};
	struct run *r = *state;

	r->c.settings.dump.timeout_s = 12; /* so 3 s without progress are enough */
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		memset(&r->c.record, 0, sizeof(r->c.record));
		tree_tool(&r->tree, "store", bodies[i]);
		assert_int_equal(run(r, "exec:/bin/store file:/crash"), STATE_COMPLETE);
		assert_int_equal(r->c.record.targets[0].state, STATE_LOG_ONLY);
		if (!strstr(r->c.record.targets[0].reason, reasons[i]))
			fail_msg("%s: %s", bodies[i], r->c.record.targets[0].reason);
		assert_int_equal(r->c.record.targets[1].state, STATE_COMPLETE);
		/* One here, then those of the directory. */
		assert_string_equal(r->c.record.stages[4].name, "dump");
		assert_string_equal(r->c.record.stages[5].name, "publish");
	}
}

/* What there is of a core is stored and said to be a part. */
static void test_part(void **state)
{
	struct run *r = *state;
	size_t len;
	_free_ uint8_t *core = make_core("OSRELEASE=6\nCRASHTIME=1795286302\n", MIB(3), &len);
	int fd = open(tree_path(&r->tree, "/proc/vmcore"), O_WRONLY | O_TRUNC);

	assert_int_equal(fd_write_full(fd, core, MIB(2)), 0);
	close(fd);
	tree_makedumpfile(&r->tree, "exit 1");
	assert_int_equal(run_exec(r), STATE_PARTIAL);
	assert_true(holds(r, NAME "/manifest.json", "\"state\":\"partial\""));
	assert_true(holds(r, NAME "/manifest.json", "\"file\":\"vmcore\""));
	assert_true(holds(r, NAME "/manifest.json", "\"bytes\":2097152"));
	assert_true(holds(r, NAME "/manifest.json", "\"checked\":null"));
	assert_true(holds(r, "order", "vmcore\nmanifest.json\n"));
	assert_non_null(strstr(r->c.record.targets[0].reason, "of 3149824 bytes were read"));
}

/* The time for the dump is over: what is kept back is enough to say so over there. */
static void test_no_time_left(void **state)
{
	struct run *r = *state;

	r->c.settings.dump.timeout_s = 10;
	tree_makedumpfile(&r->tree, FLAT "}; while :; do echo '[ 1.0 %]' >&2; sleep 0.2; done");
	assert_int_equal(run_exec(r), STATE_PARTIAL);
	assert_non_null(strstr(r->c.record.targets[0].reason, "no time left"));
	assert_true(holds(r, NAME "/vmcore.flat", "DATA"));
	assert_true(holds(r, NAME "/manifest.json", "\"state\":\"partial\""));
	assert_true(r->c.record.recorded);
}

static void test_no_program(void **state)
{
	struct run *r = *state;

	assert_int_equal(run(r, "exec:/bin/missing"), STATE_FAILED);
	assert_non_null(strstr(r->c.record.targets[0].reason, "/bin/missing is not in the image"));
}

static void test_encrypted_directory(void **state)
{
	struct run *r = *state;

	encrypt(r);
	if (run(r, "file:/crash") != STATE_COMPLETE)
		fail_msg("%s", r->c.record.targets[0].reason);
	assert_true(decrypted_holds(r, NAME "/dmesg.txt.age", "log by vmcore-dmesg"));
	assert_true(decrypted_holds(r, NAME "/vmcore.flat.age", "DATA"));
	assert_false(has(r, NAME "/dmesg.txt"));
	assert_false(has(r, NAME "/vmcore-incomplete"));
	assert_int_equal(r->c.record.checked, CHECKED_FULL);
	assert_true(holds(r, NAME "/manifest.json", "\"age1x\""));
	assert_true(holds(r, NAME "/manifest.json", "\"ssh-rsa AAAA\""));
	assert_false(holds(r, NAME "/manifest.json", "of the site"));
	/* what the log says is content of the memory, too */
	assert_true(holds(r, NAME "/manifest.json", "\"triage\":null"));
	assert_true(holds(r, NAME "/manifest.json", "\"file\":\"vmcore.flat.age\""));
	assert_int_equal(access(tree_path(&r->tree, "/run/ukdump-log/dmesg.txt"), F_OK), -1);
}

static void test_encrypted_exec(void **state)
{
	struct run *r = *state;

	encrypt(r);
	if (run_exec(r) != STATE_COMPLETE)
		fail_msg("%s", r->c.record.targets[0].reason);
	assert_true(holds(r, "order", "dmesg.txt.age\nvmcore.flat.age\nmanifest.json\n"));
	assert_true(decrypted_holds(r, NAME "/vmcore.flat.age", "DATA"));
}

/* The copy is encrypted, too; what tools print is not quoted; a disk that changes bytes is found. */
static void test_encrypted_failures(void **state)
{
	struct run *r = *state;

	encrypt(r);
	tree_makedumpfile(&r->tree, FLAT "}; echo secret password >&2; exit 1");
	assert_int_equal(run(r, "file:/crash"), STATE_COMPLETE);
	assert_true(decrypted_holds(r, NAME "/vmcore.age", "\177ELF"));
	assert_false(has(r, NAME "/vmcore-part"));
	assert_false(holds(r, NAME "/manifest.json", "secret password"));
	assert_true(holds(r, NAME "/manifest.json", "makedumpfile: failed with exit status 1"));
	/* age fails: nothing else can be tried. */
	memset(&r->c.record, 0, sizeof(r->c.record));
	tree_makedumpfile(&r->tree, FLAT_GOOD);
	tree_tool(&r->tree, "age",
		  "[ \"$1\" != --version ] || exit 0\ncat >/dev/null; echo plain >&2; exit 1");
	assert_int_equal(run(r, "file:/crash"), STATE_FAILED);
	assert_int_equal(r->c.record.collector.attempts, 1);
	assert_false(has(r, NAME "-1/dmesg.txt.age") && holds(r, NAME "-1/dmesg.txt.age", "log"));
	assert_false(has(r, NAME "-1/vmcore-incomplete"));
}

/* Never in the clear what was to be encrypted. */
static void test_cannot_encrypt(void **state)
{
	struct run *r = *state;

	encrypt(r);
	tree_write(&r->tree, "/etc/ukdump/recipients", "# nobody\n");
	assert_int_equal(run(r, "file:/crash"), STATE_FAILED);
	assert_int_equal(unlink(tree_path(&r->tree, "/etc/ukdump/recipients")), 0);
	assert_int_equal(run(r, "file:/crash"), STATE_FAILED);
	encrypt(r);
	tree_tool(&r->tree, "age", "exit 1");
	assert_int_equal(run(r, "file:/crash"), STATE_FAILED);
	assert_false(has(r, NAME "/manifest.json"));
	assert_int_equal(r->c.record.n_targets, 0);
}

static void test_log_of_streams(void **state)
{
	struct run *r = *state;

	tree_tool(&r->tree, "vmcore-dmesg", "echo part; exit 1");
	assert_int_equal(run_exec(r), STATE_COMPLETE);
	assert_true(holds(r, NAME "/dmesg.txt", "log by makedumpfile"));
	tree_tool(&r->tree, "makedumpfile", "exit 1");
	assert_int_equal(run_exec(r), STATE_COMPLETE);
	assert_true(holds(r, NAME "/dmesg-incomplete.txt", "part"));
}

/* makedumpfile in a directory: what each failure leads to, by the arguments of the next try. */
static void test_other_plans(void **state)
{
	struct run *r = *state;

	run_set(r, "[Dump]\nDumpLevel=1\n");
	tree_makedumpfile(&r->tree, "echo \"$*\" >>@/calls; cp @/good \"$out\"\n"
				    "case $* in *'-d 31'*) exit 0 ;; esac\n"
				    "printf '\\050' | dd of=\"$out\" bs=1 seek=424 conv=notrunc "
				    "2>/dev/null; exit 1");
	assert_int_equal(run(r, "file:/crash"), STATE_COMPLETE);
	assert_int_equal(r->c.record.collector.attempts, 2);
	assert_string_equal(r->c.record.format, "kdump");
	assert_true(has(r, NAME "/vmcore"));
	assert_false(has(r, NAME "/vmcore-part"));
	/* Killed: a small buffer, then level 1. */
	memset(&r->c.record, 0, sizeof(r->c.record));
	run_set(r, "[Dump]\nDumpLevel=31\nThreads=4\n");
	tree_makedumpfile(&r->tree,
			  "case $* in *'--cyclic-buffer 256'*'-L'*) ;; *) kill -9 $$ ;; "
			  "esac\ncase $* in *num-threads*) exit 9 ;; esac\n"
			  "case $* in *'-d 1 '*) cp @/good \"$out\" ;; *) exit 1 ;; esac");
	assert_int_equal(run(r, "file:/crash"), STATE_COMPLETE);
	assert_int_equal(r->c.record.collector.attempts, 3);
	assert_string_equal(r->c.record.format, "kdump");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, run_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec),
		TEST(test_collector_failures),
		TEST(test_program_fails),
		TEST(test_part),
		TEST(test_no_time_left),
		TEST(test_no_program),
		TEST(test_encrypted_directory),
		TEST(test_encrypted_exec),
		TEST(test_encrypted_failures),
		TEST(test_cannot_encrypt),
		TEST(test_log_of_streams),
		TEST(test_other_plans),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
