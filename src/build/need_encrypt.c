// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What EncryptTo= needs: age(1) and a file of recipients. That age takes each of them is found out
 * by encrypting nothing to it now, since on the day of the crash it would be too late. Only public
 * keys go into an image.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/needs.h"
#include "util/cleanup.h"
#include "util/process.h"

#define RECIPIENTS     "/etc/ukdump/recipients"
#define RECIPIENTS_MAX KIB(64)

struct recipients {
	struct needs *needs;
	FILE *out;
	unsigned int n;
};

/* age encrypts nothing to this recipient, in the root directory. */
static int try_recipient(const struct needs *n, const char *recipient, struct ukd_error *e)
{
	const char *argv[] = {"age", "-r", recipient, NULL};
	_buffer_ struct buffer out = {0};
	struct process p = {
		PROCESS_DEFAULTS,
		.argv = argv,
		.chroot_dir = n->root->path[0] ? n->root->path : NULL,
		.output = &out,
		.output_max = 4096,
	};
	int r;

	p.stderr_fd = STDOUT_FILENO; /* the pipe that stdout has become */
	r = process_run_ok(&p, e);
	if (r == -EREMOTEIO)
		return ukd_refuse(e, "build.settings", "EncryptTo=%.100s: %.*s", recipient,
				  out.data ? (int)strcspn((char *)out.data, "\n") : 0,
				  out.data ? (char *)out.data : "");
	return r < 0 ? ukd_prefix(e, "EncryptTo=") : 0;
}

static int add_recipient(struct recipients *r, const char *recipient, struct ukd_error *e)
{
	int code;

	if (strstr(recipient, "SECRET-KEY") || strstr(recipient, "PRIVATE KEY"))
		return ukd_refuse(e, "build.settings",
				  "EncryptTo= names a secret key: what may decrypt must not be in "
				  "the image, only its public half (age-keygen -y)");
	code = try_recipient(r->needs, recipient, e);
	if (code < 0)
		return code;
	(void)fprintf(r->out, "%s\n", recipient);
	r->n++;
	return 0;
}

/* A file as age -R reads it: one recipient per line, '#' begins a comment. */
static int add_file(struct recipients *r, const char *path, struct ukd_error *e)
{
	_buffer_ struct buffer content = {0};
	unsigned int before = r->n;
	char *text, *line;
	int code = root_read(r->needs->root, path, RECIPIENTS_MAX, &content, e);

	if (code < 0)
		return ukd_prefix(e, "EncryptTo=");
	if (strings_add(&r->needs->sources, path) < 0)
		return ukd_oom(e);
	text = (char *)content.data;
	while ((line = strsep(&text, "\r\n"))) {
		if (!*line || *line == '#')
			continue;
		code = add_recipient(r, line, e);
		if (code < 0)
			return ukd_prefix(e, "%s", path);
	}
	if (r->n == before)
		return ukd_refuse(e, "build.settings", "EncryptTo=%s: the file names nobody", path);
	return 0;
}

/* The words of the setting: a file, an age recipient, or the two words of an ssh key. */
static int add_words(struct recipients *r, const struct strings *words, struct ukd_error *e)
{
	for (unsigned int i = 0; i < words->n; i++) {
		const char *word = words->v[i];
		_free_ char *key = NULL;
		int code;

		if (word[0] == '/') {
			code = add_file(r, word, e);
		} else if (!strncmp(word, "ssh-", 4) && i + 1 < words->n) {
			if (asprintf(&key, "%s %s", word, words->v[++i]) < 0)
				return ukd_oom(e);
			code = add_recipient(r, key, e);
		} else {
			code = add_recipient(r, word, e);
		}
		if (code < 0)
			return code;
	}
	return 0;
}

int need_encrypt(struct needs *n, struct ukd_error *e)
{
	const struct strings *words = &n->settings->dump.encrypt_to;
	_free_ char *text = NULL;
	size_t len = 0;
	struct recipients all = {.needs = n};
	int r;

	if (!words->n)
		return 0;
	if (need_program(n, "age", e) < 0)
		return ukd_prefix(e, "EncryptTo=");
	all.out = open_memstream(&text, &len);
	if (!all.out)
		return ukd_oom(e);
	r = add_words(&all, words, e);
	if (fclose(all.out) != 0 && r >= 0)
		r = ukd_oom(e);
	if (r < 0)
		return r;
	needs_note(n, "dumps are encrypted to %u recipient%s", all.n, all.n == 1 ? "" : "s");
	return need_file(n, RECIPIENTS, (struct bytes){(uint8_t *)text, len}, 0600, e);
}
