// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes into an image for ssh: and nfs: targets, with keys that ssh-keygen made; and the URLs
 * themselves.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/needs.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define KVER "6.12.0-test"
#define KEY  "/etc/ukdump/keys/ssh"
#define HOST "192.0.2.9"

struct machine {
	struct tree t;
	struct settings settings;
	struct needs n;
	char public[512]; /* of the key, "ssh-ed25519 AAAA... x" */
};

static void make_key(struct machine *m, const char *path, const char *passphrase)
{
	char command[512];

	(void)remove(tree_path(&m->t, path));
	(void)snprintf(command, sizeof(command),
		       "ssh-keygen -q -t ed25519 -C x -N '%s' -f %s </dev/null", passphrase,
		       tree_path(&m->t, path));
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct ukd_error e;
	char *public;

	if (system("command -v ssh-keygen >/dev/null") != 0) {
		print_message("no ssh-keygen here\n");
		skip();
	}
	tree_make(&m->t);
	tree_write(&m->t, "/usr/lib/modules/" KVER "/modules.dep",
		   "kernel/nfsv4.ko: kernel/sunrpc.ko\nkernel/sunrpc.ko:\n");
	tree_write(&m->t, "/usr/bin/ssh", "");
	tree_write(&m->t, KEY ".pub", "");
	make_key(m, KEY, "");
	public = tree_text(&m->t, KEY ".pub");
	(void)snprintf(m->public, sizeof(m->public), "%s", public);
	free(public);
	assert_int_equal(settings_init(&m->settings, &e), 0);
	m->n = (struct needs){
		.root = &m->t.root, .settings = &m->settings, .kver = KVER, .fleet = true};
	assert_int_equal(module_tree_load(&m->t.root, KVER, &m->n.tree, &e), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	needs_free(&m->n);
	settings_free(&m->settings);
	tree_remove(&m->t);
	free(m);
	return 0;
}

static const char *file(const struct machine *m, const char *path)
{
	for (unsigned int i = 0; i < m->n.n_files; i++)
		if (!strcmp(m->n.files[i].path, path))
			return (const char *)m->n.files[i].content.data;
	return NULL;
}

static void know(struct machine *m, const char *path, const char *names, const char *more)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "other.example.org %s%s %s%s", m->public, names,
		       m->public, more);
	tree_write(&m->t, path, text);
}

static void must(struct machine *m, const char *target)
{
	struct ukd_error e = {0};

	if (need_ssh(&m->n, target, 0, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_key_and_host_key(void **state)
{
	struct machine *m = *state;
	char entry[600], *key = tree_text(&m->t, KEY);

	know(m, "/root/.ssh/known_hosts", "x,[" HOST "]:2222", "");
	must(m, "ssh://crash@" HOST ":2222/srv/crash");
	(void)snprintf(entry, sizeof(entry), "x,[" HOST "]:2222 %s", m->public);
	assert_string_equal(file(m, "/etc/ukdump/ssh/known_hosts"), entry);
	assert_string_equal(file(m, "/etc/ukdump/ssh/key"), key);
	assert_non_null(strstr(file(m, "/etc/ukdump/ssh/config"), "StrictHostKeyChecking yes\n"));
	for (unsigned int i = 0; i < m->n.n_files; i++)
		assert_int_equal(m->n.files[i].mode, 0600);
	assert_true(m->n.confidential);
	assert_int_equal(m->n.programs.n, 1);
	assert_string_equal(m->n.programs.v[0], "/usr/bin/ssh /usr/bin/ssh");
	assert_int_equal(m->n.hosts.n, 1);
	assert_string_equal(m->n.hosts.v[0], HOST);
	free(key);
}

static void test_authorities_and_two_servers(void **state)
{
	struct machine *m = *state;
	const char *entries;

	know(m, "/etc/ukdump/known_hosts", "@cert-authority *.example.net", m->public);
	must(m, "ssh://crash@a.example.net/x");
	must(m, "ssh://crash@other.example.org/x");
	entries = file(m, "/etc/ukdump/ssh/known_hosts");
	assert_non_null(strstr(entries, "@cert-authority *.example.net ssh-ed25519 "));
	assert_non_null(strstr(entries, "\nother.example.org ssh-ed25519 "));
	assert_int_equal(m->n.hosts.n, 2);
}

static void expect(struct machine *m, const char *text)
{
	struct ukd_error e = {0};

	expect_refused(need_ssh(&m->n, "ssh://crash@" HOST "/x", 0, &e), &e, "target", text);
	if (!strstr(e.text, text))
		fail_msg("'%s' instead of '%s'", e.text, text);
	assert_null(file(m, "/etc/ukdump/ssh/config"));
}

static void test_keys_that_cannot_be_used(void **state)
{
	struct machine *m = *state;

	know(m, "/etc/ukdump/known_hosts", HOST, "");
	assert_int_equal(chmod(tree_path(&m->t, KEY), 0640), 0);
	expect(m, "run: chmod 600 ");
	make_key(m, KEY, "secret");
	expect(m, "opens without a passphrase");
	tree_write(&m->t, KEY, "nonsense\n");
	assert_int_equal(chmod(tree_path(&m->t, KEY), 0600), 0);
	expect(m, "opens without a passphrase");
	assert_int_equal(remove(tree_path(&m->t, KEY)), 0);
	expect(m, "run: ukdumpctl propagate");
}

static void test_host_that_is_not_known(void **state)
{
	struct machine *m = *state;

	expect(m,
	       "no host key of " HOST " is known in known_hosts files; run: ukdumpctl propagate");
	know(m, "/etc/ukdump/known_hosts", "[" HOST "]:2222", "");
	expect(m, "no host key of " HOST);
	/* KnownHosts= is the only file then. */
	know(m, "/etc/ukdump/known_hosts", HOST, "");
	m->settings.network.known_hosts = strdup("/elsewhere");
	expect(m, "is known in /elsewhere");
}

static void test_nfs(void **state)
{
	struct machine *m = *state;
	struct ukd_error e = {0};

	assert_int_equal(need_nfs(&m->n, "nfs://nas/export/crash", 0, &e), 0);
	assert_string_equal(m->n.hosts.v[0], "nas");
	assert_non_null(strstr((char *)m->n.drivers.data, "sunrpc.ko\n"));
	assert_non_null(strstr((char *)m->n.drivers.data, "nfsv4.ko\n"));
	expect_refused(need_nfs(&m->n, "nfs://u@nas/x", 0, &e), &e, "target", "user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_key_and_host_key),
		TEST(test_authorities_and_two_servers),
		TEST(test_keys_that_cannot_be_used),
		TEST(test_host_that_is_not_known),
		TEST(test_nfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
