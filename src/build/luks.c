// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys in slots of LUKS devices: see luks.h. cryptsetup's output is trusted. */
#include "build/luks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/process.h"

#define CRYPTSETUP_LIMIT_S 120 /* Argon2 under emulation, for each slot that is tried */
#define NO_KEY		   2   /* cryptsetup(8): no permission, bad passphrase */

static const char *const plain_words[] = {
	"LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* Runs cryptsetup with the content of stdin_fd (-1: nothing). Its exit code, and what it says. */
static int cryptsetup(const char *const *argv, int stdin_fd, struct buffer *ret,
		      struct ukd_error *e)
{
	struct process p = {
		PROCESS_DEFAULTS, .argv = argv,		  .env = plain_words,
		.output = ret,	  .output_max = KIB(256),
	};
	int r;

	p.stdin_fd = stdin_fd;
	p.stderr_fd = STDOUT_FILENO;
	p.timeout_s = CRYPTSETUP_LIMIT_S;
	if (stdin_fd >= 0 && lseek(stdin_fd, 0, SEEK_SET) < 0)
		return ukd_fail_errno(e, -errno, "memory file");
	r = process_run(&p, e);
	if (r == -ENOENT)
		return ukd_fail(e, r, "cryptsetup is not installed");
	return r;
}

/* Its last words, in a line. */
static int cryptsetup_failed(const char *node, const char *action, int code, struct buffer *log,
			     struct ukd_error *e)
{
	char *text = log->data ? (char *)log->data : "", *last;

	for (size_t n = strlen(text); n && text[n - 1] == '\n'; n--)
		text[n - 1] = 0;
	last = strrchr(text, '\n');
	return ukd_fail(e, -EREMOTEIO, "cryptsetup %s %s: exit status %d%s%s", action, node, code,
			*text ? ": " : "", last ? last + 1 : text);
}

static int cryptsetup_ok(const char *const *argv, int stdin_fd, const char *node,
			 struct buffer *log, struct ukd_error *e)
{
	int r = cryptsetup(argv, stdin_fd, log, e);

	return r > 0 ? cryptsetup_failed(node, argv[2], r, log, e) : r;
}

int luks_memory_file(struct bytes content, char ret[LUKS_FD_PATH], int *ret_fd, struct ukd_error *e)
{
	_close_ int fd = -1;
	int r = memfd_open(&fd, e);

	if (r < 0)
		return r;
	r = fd_write_full(fd, content.p, content.len);
	if (r < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return ukd_fail_errno(e, r < 0 ? r : -errno, "memory file");
	(void)snprintf(ret, LUKS_FD_PATH, "/proc/self/fd/%d", fd);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The rest of the line behind the first occurrence of a label, without blanks; empty if absent. */
static void find_value(const char *text, const char *label, char *ret, size_t size)
{
	const char *at = strstr(text, label);

	*ret = 0;
	if (!at)
		return;
	at += strlen(label);
	at += strspn(at, " \t");
	(void)snprintf(ret, size, "%.*s", (int)strcspn(at, " \t\n"), at);
}

/* "Key slot 1 created.": the number, or LUKS_ANY_SLOT if no line says so. */
static int find_slot(const struct buffer *log, const char *word)
{
	const char *at = log->data ? (char *)log->data : "";
	int slot, end;

	for (; (at = strstr(at, "Key slot ")); at++) {
		end = 0;
		if (sscanf(at, "Key slot %d %n", &slot, &end) == 1 && end &&
		    !strncmp(at + end, word, strlen(word)))
			return slot;
	}
	return LUKS_ANY_SLOT;
}

/* "Tokens:", then "  0: ukdump" and "\tKeyslot:    1" for each. */
static void find_tokens(const char *text, struct luks_info *ret)
{
	const char *at = strstr(text, "\nTokens:\n");
	bool ours = false;

	for (at = at ? at + strlen("\nTokens:\n") : NULL; at && (*at == ' ' || *at == '\t');) {
		char type[64];
		int number;

		if (sscanf(at, " Keyslot: %d", &number) == 1) {
			if (ours)
				ret->slot[ret->n - 1] = number;
		} else if (sscanf(at, "%d: %63s", &number, type) == 2) {
			ours = !strcmp(type, "ukdump") && ret->n < LUKS_SLOTS_MAX;
			if (ours) {
				ret->token[ret->n] = number;
				ret->slot[ret->n++] = LUKS_ANY_SLOT;
			}
		}
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
}

/* "  0: luks2" and "Key Slot 0: ENABLED" */
static unsigned int count_keys(const char *text)
{
	unsigned int n = 0;

	for (const char *at = text; (at = strstr(at, ": luks2\n")); at++)
		n++;
	for (const char *at = text; (at = strstr(at, ": ENABLED\n")); at++)
		n++;
	return n;
}

int luks_read(const char *node, struct luks_info *ret, struct ukd_error *e)
{
	const char *const argv[] = {"cryptsetup", "--batch-mode", "luksDump", node, NULL};
	char version[16], name[24], mode[32];
	_buffer_ struct buffer text = {0};
	const char *dump;
	int r = cryptsetup_ok(argv, -1, node, &text, e);

	if (r < 0)
		return r;
	*ret = (struct luks_info){0};
	dump = text.data ? (char *)text.data : "";
	find_value(dump, "Version:", version, sizeof(version));
	ret->version = !strcmp(version, "1") ? 1 : !strcmp(version, "2") ? 2 : 0;
	if (ret->version == 1) {
		find_value(dump, "Cipher name:", name, sizeof(name));
		find_value(dump, "Cipher mode:", mode, sizeof(mode));
		(void)snprintf(ret->cipher, sizeof(ret->cipher), "%s-%s", name, mode);
	} else {
		find_value(dump, "\tcipher:", ret->cipher, sizeof(ret->cipher));
		find_tokens(dump, ret);
	}
	ret->n_keys = count_keys(dump);
	if (!ret->version || strlen(ret->cipher) < 3)
		return ukd_fail(e, -EINVAL, "%s: cryptsetup luksDump prints no version or cipher",
				node);
	return 0;
}

int luks_try(const char *node, const uint8_t key[LUKS_KEY_LEN], int slot, int *ret_slot,
	     struct ukd_error *e)
{
	char number[16], path[LUKS_FD_PATH];
	const char *argv[] = {"cryptsetup", "--verbose", "open",   "--test-passphrase",
			      "--key-file", path,	 "--type", "luks",
			      node,	    NULL,	 NULL,	   NULL};
	_buffer_ struct buffer log = {0};
	_close_ int fd = -1;
	int r = luks_memory_file((struct bytes){key, LUKS_KEY_LEN}, path, &fd, e);

	if (r < 0)
		return r;
	if (slot != LUKS_ANY_SLOT) {
		(void)snprintf(number, sizeof(number), "%d", slot);
		argv[9] = "--key-slot";
		argv[10] = number;
	}
	r = cryptsetup(argv, -1, &log, e);
	if (r == NO_KEY)
		return 0;
	if (r != 0)
		return r < 0 ? r : cryptsetup_failed(node, "open", r, &log, e);
	*ret_slot = find_slot(&log, "unlocked");
	return *ret_slot == LUKS_ANY_SLOT ?
		       ukd_fail(e, -EINVAL, "%s: cryptsetup does not tell which slot it opened",
				node) :
		       1;
}

static int add_token(const char *node, int slot, struct ukd_error *e)
{
	char json[64], path[LUKS_FD_PATH];
	const char *const argv[] = {"cryptsetup",  "--batch-mode", "token", "import",
				    "--json-file", path,	   node,    NULL};
	int n = snprintf(json, sizeof(json), "{\"type\":\"ukdump\",\"keyslots\":[\"%d\"]}", slot);
	_buffer_ struct buffer log = {0};
	_close_ int fd = -1;
	int r = luks_memory_file((struct bytes){(uint8_t *)json, (size_t)n}, path, &fd, e);

	return r < 0 ? r : cryptsetup_ok(argv, -1, node, &log, e);
}

/*
 * PBKDF2 with the fewest iterations that cryptsetup takes: iterations make it slow to guess
 * passwords, and 64 random bytes cannot be guessed.
 */
static int add_slot(const char *node, int passphrase, struct luks_key *key, struct ukd_error *e)
{
	char path[LUKS_FD_PATH];
	const char *const argv[] = {"cryptsetup",
				    "--verbose",
				    "luksAddKey",
				    "--batch-mode",
				    "--pbkdf",
				    "pbkdf2",
				    "--pbkdf-force-iterations",
				    "1000",
				    "--key-file",
				    "-",
				    node,
				    path,
				    NULL};
	_buffer_ struct buffer log = {0};
	_close_ int fd = -1;
	int r = luks_memory_file((struct bytes){key->bytes, LUKS_KEY_LEN}, path, &fd, e);

	if (r >= 0)
		r = cryptsetup(argv, passphrase, &log, e);
	if (r == NO_KEY)
		return ukd_refuse(e, "luks.passphrase", "%s: the passphrase opens no key slot",
				  node);
	if (r != 0)
		return r < 0 ? r : cryptsetup_failed(node, "luksAddKey", r, &log, e);
	key->slot = find_slot(&log, "created");
	return key->slot == LUKS_ANY_SLOT ?
		       ukd_fail(e, -EINVAL, "%s: cryptsetup does not tell which slot it made",
				node) :
		       0;
}

int luks_add(const char *node, const struct luks_info *info, int passphrase, struct luks_key *ret,
	     struct ukd_error *e)
{
	struct ukd_error ignored;
	int r;

	if (getrandom(ret->bytes, LUKS_KEY_LEN, 0) != LUKS_KEY_LEN)
		return ukd_fail_errno(e, -errno, "getrandom");
	r = add_slot(node, passphrase, ret, e);
	if (r < 0 || info->version == 1)
		return r < 0 ? r : 0;
	r = add_token(node, ret->slot, e);
	if (r < 0)
		(void)!luks_forget(node, ret->slot, &ignored);
	return r;
}

static int remove_token(const char *node, int token, struct ukd_error *e)
{
	char number[16];
	const char *const argv[] = {"cryptsetup", "--batch-mode", "token", "remove",
				    "--token-id", number,	  node,	   NULL};
	_buffer_ struct buffer log = {0};

	(void)snprintf(number, sizeof(number), "%d", token);
	return cryptsetup_ok(argv, -1, node, &log, e);
}

int luks_forget(const char *node, int slot, struct ukd_error *e)
{
	char number[16];
	/* --batch-mode: without asking for the passphrase of another slot */
	const char *const argv[] = {"cryptsetup", "--batch-mode", "luksKillSlot",
				    node,	  number,	  NULL};
	_buffer_ struct buffer log = {0};
	struct luks_info info;
	int r = luks_read(node, &info, e);

	if (r >= 0 && slot != LUKS_ANY_SLOT && info.n_keys < 2)
		return ukd_refuse(e, "luks.last",
				  "%s: slot %d is its last one; add another key first", node, slot);
	for (unsigned int i = 0; r >= 0 && i < info.n; i++)
		if (info.slot[i] == slot || info.slot[i] == LUKS_ANY_SLOT)
			r = remove_token(node, info.token[i], e);
	if (r < 0 || slot == LUKS_ANY_SLOT)
		return r;
	(void)snprintf(number, sizeof(number), "%d", slot);
	return cryptsetup_ok(argv, -1, node, &log, e);
}
