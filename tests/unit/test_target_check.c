// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known of targets before they are needed (ctl/image/target_check.c): on fixture trees, and
 * with sockets of our own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ctl/image/target_check.h"
#include "fixture_tree.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* The problem of the only target of these settings. */
static const char *problem_of(const struct tree *t, const char *conf)
{
	static char text[TARGET_PROBLEM_MAX];
	_targets_ struct targets targets = {0};
	struct ukd_error e = {0};

	tree_write(t, "/etc/ukdump/ukdump.conf", conf);
	if (targets_check(&t->root, &targets, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(targets.n, 1);
	memcpy(text, targets.v[0].problem, sizeof(text));
	return text;
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
}

/* A socket on 127.0.0.1 and its port; listening if backlog >= 0. */
static int bound(int backlog, unsigned int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void test_hosts(void **state _unused_)
{
	_tree_ struct tree t;
	unsigned int open_port, closed_port;
	_close_ int listening = bound(5, &open_port), silent = bound(-1, &closed_port);
	char conf[512];

	tree_make(&t);
	(void)snprintf(conf, sizeof(conf), "[Dump]\nTarget=nfs://127.0.0.1:%u/x\n", open_port);
	assert_string_equal(problem_of(&t, conf), "");
	(void)snprintf(conf, sizeof(conf), "[Dump]\nTarget=nfs://127.0.0.1:%u/x\n", closed_port);
	assert_says(problem_of(&t, conf), "does not answer: Connection refused");
	assert_says(problem_of(&t, "[Dump]\nTarget=nfs://no-such-host.invalid/x\n"),
		    "the name no-such-host.invalid does not resolve");
	(void)snprintf(conf, sizeof(conf),
		       "[Dump]\nTarget=https://no-such-host.invalid/\n"
		       "[Network]\nProxy=http://127.0.0.1:%u\n",
		       open_port);
	assert_string_equal(problem_of(&t, conf), ""); /* the proxy is asked, not the host */
	assert_true(listening >= 0 && silent >= 0);
}

/* A server whose queue is full drops what comes: two of those take no longer than one. */
static void test_all_at_once_and_within_seconds(void **state _unused_)
{
	_targets_ struct targets targets = {0};
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	unsigned int port;
	_close_ int full = bound(0, &port);
	int client[4];
	uint64_t begin;
	char conf[512];

	a.sin_port = htons((uint16_t)port);
	for (size_t i = 0; i < ARRAY_SIZE(client); i++) {
		client[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(client[i], (struct sockaddr *)&a, sizeof(a));
	}
	tree_make(&t);
	(void)snprintf(conf, sizeof(conf),
		       "[Dump]\nTarget=nfs://127.0.0.1:%u/x nfs://127.0.0.1:%u/y exec:/none\n",
		       port, port);
	tree_write(&t, "/etc/ukdump/ukdump.conf", conf);
	begin = clock_ms();
	assert_int_equal(targets_check(&t.root, &targets, &e), 0);
	assert_true(clock_ms() - begin < 5900);
	assert_int_equal(targets.n, 3);
	assert_says(targets.v[0].problem, "does not answer: Connection timed out");
	assert_says(targets.v[1].problem, "does not answer: Connection timed out");
	assert_says(targets.v[2].problem, "/none: No such file");
	for (size_t i = 0; i < ARRAY_SIZE(client); i++)
		(void)close(client[i]);
	assert_true(full >= 0);
}

static void test_files_and_programs(void **state _unused_)
{
	_tree_ struct tree t;
	unsigned int port;
	_close_ int listening = bound(5, &port);
	char conf[512];

	tree_make(&t);
	tree_write(&t, "/usr/bin/store", "#!/bin/sh\n");
	assert_says(problem_of(&t, "[Dump]\nTarget=exec:/usr/bin/store\n"), "is no program");
	assert_int_equal(chmod(tree_path(&t, "/usr/bin/store"), 0755), 0);
	assert_string_equal(problem_of(&t, "[Dump]\nTarget=exec:/usr/bin/store\n"), "");
	(void)snprintf(conf, sizeof(conf),
		       "[Dump]\nTarget=https://127.0.0.1:%u/x\n[Network]\nCaFile=/root/ca\n", port);
	assert_says(problem_of(&t, conf), "CaFile=/root/ca: No such file");
	tree_write(&t, "/root/ca", "x");
	assert_string_equal(problem_of(&t, conf), "");
	assert_true(listening >= 0);
}

/* What the next build would refuse. */
static void test_ssh_keys(void **state _unused_)
{
	_tree_ struct tree t;
	unsigned int port;
	_close_ int listening = bound(5, &port);
	_free_ char *public = NULL;
	char conf[128], text[512];

	if (geteuid() || system("command -v ssh-keygen >/dev/null") != 0)
		skip();
	tree_make(&t);
	(void)snprintf(conf, sizeof(conf), "[Dump]\nTarget=ssh://u@127.0.0.1:%u/x\n", port);
	assert_says(problem_of(&t, conf),
		    "there is no key to log in to 127.0.0.1 with; run: ukdumpctl propagate");
	tree_write(&t, "/root/.ssh/kdump_id_rsa.pub", "");
	(void)snprintf(text, sizeof(text), "ssh-keygen -q -t ed25519 -N '' -f %s </dev/null",
		       tree_path(&t, "/root/.ssh/kdump_id_rsa"));
	assert_int_equal(system(text), 0);
	public = tree_text(&t, "/root/.ssh/kdump_id_rsa.pub");
	(void)snprintf(text, sizeof(text), "127.0.0.1 %s", public); /* port 22 */
	tree_write(&t, "/root/.ssh/known_hosts", text);
	assert_says(problem_of(&t, conf), "no host key of [127.0.0.1]:");
	assert_says(problem_of(&t, conf), "run: ukdumpctl propagate");
	(void)snprintf(text, sizeof(text), "[127.0.0.1]:%u %s", port, public);
	tree_write(&t, "/root/.ssh/known_hosts", text);
	assert_string_equal(problem_of(&t, conf), "");
	assert_true(listening >= 0);
}

#define UUID "11111111-2222-3333-4444-555555555555"

static void test_disks(void **state _unused_)
{
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/proc/self/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
	tree_write(&t, "/proc/meminfo", "MemTotal:        1024 kB\n");
	tree_write(&t, "/dev/disk/by-uuid/.keep", "");
	if (mknod(tree_path(&t, "/dev/vda1"), S_IFBLK | 0600, makedev(254, 1)) < 0)
		skip();
	tree_link(&t, "/dev/disk/by-uuid/" UUID, "../../vda1");
	assert_string_equal(problem_of(&t, "[Dump]\nTarget=file:/crash\n"), "");
	assert_string_equal(problem_of(&t, "[Dump]\nTarget=UUID=" UUID ":/crash\n"), "");
	assert_says(problem_of(&t, "[Dump]\nTarget=UUID=22222222-2222-3333-4444-555555555555:/\n"),
		    "22222222-2222-3333-4444-555555555555");
	assert_says(problem_of(&t, "[Dump]\nTarget=file:/crash\n[Store]\nKeepFree=100000T\n"),
		    "KeepFree= wants");
	/* Room for KeepFree=, but not for a dump of that much memory. */
	tree_write(&t, "/proc/meminfo", "MemTotal: 1000000000000000 kB\n");
	assert_says(problem_of(&t, "[Dump]\nTarget=file:/crash\n"), "a dump may need");
}

static void test_settings_that_cannot_be_read(void **state _unused_)
{
	_targets_ struct targets targets = {0};
	struct ukd_error e = {0};
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Dump]\nTraget=nfs://x/y\n");
	assert_true(targets_check(&t.root, &targets, &e) < 0);
	assert_string_equal(e.check, "conf.key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_all_at_once_and_within_seconds),
		cmocka_unit_test(test_files_and_programs),
		cmocka_unit_test(test_ssh_keys),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_settings_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
