// SPDX-License-Identifier: GPL-2.0-or-later
/* Machines to arm: see fixture_machine.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fixture_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "fixture_pe.h"
#include "fixture_pki.h"
#include "fixture_seal.h"
#include "loader/load.h"
#include "util/cleanup.h"
#include "util/sys.h"

struct fixture_kernel kernel;

/* What a descriptor holds; nobody can change it any more. */
static void take(int fd, struct buffer *ret)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	*ret = (struct buffer){calloc(1, (size_t)st.st_size + 1), (size_t)st.st_size};
	assert_non_null(ret->data);
	assert_int_equal(fd_pread_full(fd, ret->data, ret->len, 0), 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS),
			 F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
}

int sys_kexec_file_load(int kernel_fd, int initrd_fd, const char *cmdline, unsigned long flags)
{
	unsigned int i = kernel.n++;
	struct kernel_call *call = &kernel.call[i];

	assert_true(i < MAX_CALLS);
	call->flags = flags;
	if (flags & UKD_KEXEC_FILE_UNLOAD) {
		assert_true(initrd_fd == -1 && !cmdline);
		tree_write(kernel.tree, "/sys/kernel/kexec_crash_loaded", "0\n");
		return kernel.answers[i];
	}
	(void)poll(NULL, 0, kernel.takes_ms);
	take(kernel_fd, &call->image);
	if (initrd_fd >= 0)
		take(initrd_fd, &call->initrd);
	call->cmdline = cmdline ? strdup(cmdline) : NULL;
	if (!kernel.answers[i])
		tree_write(kernel.tree, "/sys/kernel/kexec_crash_loaded", "1\n");
	else if (kernel.drops)
		tree_write(kernel.tree, "/sys/kernel/kexec_crash_loaded", "0\n");
	return kernel.answers[i];
}

/* Keyrings of fixtures are in /proc/keys only; test_keyring.c has the rest. */
long sys_keyctl_read(int keyring _unused_, int32_t *ret _unused_, size_t max _unused_)
{
	fail_msg("a fixture's keyring was asked for in the running kernel");
	return -ENOSYS;
}

int nanosleep(const struct timespec *ts, struct timespec *rest _unused_)
{
	kernel.slept_ms += (unsigned int)(ts->tv_sec * 1000 + ts->tv_nsec / 1000000);
	return 0;
}

void kernel_is(const struct tree *t)
{
	for (unsigned int i = 0; i < MAX_CALLS; i++) {
		buffer_free(&kernel.call[i].image);
		buffer_free(&kernel.call[i].initrd);
		free(kernel.call[i].cmdline);
	}
	memset(&kernel, 0, sizeof(kernel));
	kernel.tree = t;
}

void machine_make(struct tree *t)
{
	tree_make(t);
	tree_write(t, "/sys/kernel/kexec_crash_size", "268435456\n");
	tree_write(t, "/sys/kernel/kexec_crash_loaded", "0\n");
	tree_write(t, "/proc/iomem",
		   "00001000-0009ffff : System RAM\n00100000-3fffffff : System RAM\n"
		   "  25000000-34ffffff : Crash kernel\n");
	tree_write(t, "/proc/sys/kernel/osrelease", "6.12.0-test\n");
	tree_write(t, "/proc/sys/kernel/panic_on_oops", "0\n");
	tree_write(t, "/proc/cmdline", "quiet\n");
	tree_write(t, "/boot/config-6.12.0-test",
		   "CONFIG_KEXEC_FILE=y\nCONFIG_CRASH_DUMP=y\nCONFIG_PROC_VMCORE=y\n"
		   "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG=y\n");
	kernel_is(t);
}

static struct tree pki; /* signer.key, signer.crt, foreign.key, foreign.crt */

int machine_pki_begin(void **state _unused_)
{
	tree_make(&pki);
	for (unsigned int i = 0; i < 2; i++) {
		const char *name = i ? "foreign" : "signer";
		enum fixture_key key = i ? KEY_P256 : KEY_RSA_2048;
		X509 *cert = fixture_cert(&(struct fixture_cert){.name = name, .key = key});
		char path[64];

		(void)snprintf(path, sizeof(path), "/%s.crt", name);
		fixture_write_pem_cert(tree_path(&pki, path), cert, false);
		(void)snprintf(path, sizeof(path), "/%s.key", name);
		fixture_write_pem_key(tree_path(&pki, path), fixture_key(key), NULL);
		X509_free(cert);
	}
	return 0;
}

int machine_pki_end(void **state _unused_)
{
	kernel_is(NULL);
	tree_remove(&pki);
	fixture_pki_end();
	return 0;
}

void trust(const struct tree *t, const char *by)
{
	char crt[32], path[64];

	(void)snprintf(crt, sizeof(crt), "/%s.crt", by);
	(void)snprintf(path, sizeof(path), "/etc/ukdump/trust.d/%s.crt", by);
	_free_ char *pem = tree_text(&pki, crt);
	tree_write(t, path, pem);
}

void trust_signer(const struct tree *t)
{
	trust(t, "signer");
}

void signature_make(const struct buffer *image, const char *by, struct buffer *ret_der)
{
	_auth_key_ struct auth_key *signer = NULL;
	_close_ int fd = fixture_memfd(buffer_bytes(image));
	uint8_t digest[AUTH_SHA256_LEN];
	struct ukd_error e = {0};
	char key[32], cert[32];

	(void)snprintf(key, sizeof(key), "/%s.key", by);
	(void)snprintf(cert, sizeof(cert), "/%s.crt", by);
	if (auth_key_load(NULL, tree_path(&pki, key), tree_path(&pki, cert), &signer, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(auth_image_digest(fd, "x", image->len, digest, &e), 0);
	assert_int_equal(auth_sign_digest(signer, digest, ret_der, &e), 0);
}

void image_make(const struct tree *t, const char *path, const char *line, const char *by)
{
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	struct image_parts parts;
	struct ukd_error e = {0};

	fixture_kernel_make(&k);
	parts = fixture_parts(&k);
	parts.cmdline = (struct bytes){(const uint8_t *)line, strlen(line)};
	assert_int_equal(image_assemble(&parts, &image, &e), 0);
	if (by) {
		signature_make(&image, by, &der);
		assert_int_equal(image_attach(&image, buffer_bytes(&der), &e), 0);
	}
	tree_write_bytes(t, path, buffer_bytes(&image));
}

int load(const struct tree *t, const char *path, struct ukd_error *e)
{
	return load_image(&t->root, tree_path(t, path), NULL, e);
}

void expect_loaded(const struct tree *t, const char *path)
{
	struct ukd_error e = {0};

	if (load(t, path, &e) < 0)
		fail_msg("%s [%s]", e.text, e.check);
}
