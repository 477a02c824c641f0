// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of what is armed: see armed.h. */
#include "loader/armed.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/parse.h"

static void print_record(FILE *out, const struct armed *a)
{
	const struct plan *p = a->plan;
	const struct auth_result *auth = &p->image.j.auth;
	char id[2 * AUTH_SHA256_LEN + 1], when[32], shown[PATH_MAX];
	time_t now = time(NULL);
	struct tm tm;

	format_hex((struct bytes){auth->image_id, AUTH_SHA256_LEN}, id);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	/* One line each, whatever the file's name is. */
	(void)snprintf(shown, sizeof(shown), "%s", a->path);
	text_printable(shown);
	(void)fprintf(out, "image=%s\npath=%s\nsigner=%s\ntime=%s\nkernel=%s\n", id, shown,
		      auth->n_chain ? auth->chain[0].subject : "", when, p->kernel);
	(void)fprintf(out, "kind=%s\n", plan_is_sealed(p) ? "sealed" : "plain");
	if (!plan_is_sealed(p))
		(void)fprintf(out, "profile=%u\naddons=%u\n", p->profile, p->n_addons);
	(void)fprintf(out, "needed=%" PRIu64 "\ncomfort=%" PRIu64 "\ncall_ms=%" PRIu64 "\n",
		      p->need.minimum, p->need.comfort, a->call_ms);
	if (p->answer.opinion == KERNEL_TRUSTS)
		(void)fprintf(out, "keyring=%s\nkey=%s\n", p->answer.keyring, p->answer.key);
	if (*a->problem)
		(void)fprintf(out, "problem=%s\n", a->problem);
}

int armed_write(const struct root *root, const struct armed *a, struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ukd_oom(e);
	print_record(out, a);
	if (fclose(out) != 0)
		return ukd_oom(e);
	r = make_directories(root->fd, "run/ukdump", 0755, e);
	if (r < 0)
		return r;
	return file_replace(root->fd, &ARMED_FILE[1], 0644, (struct bytes){(uint8_t *)text, len},
			    e);
}

int armed_remove(const struct root *root, struct ukd_error *e)
{
	if (unlinkat(root->fd, &ARMED_FILE[1], 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, ARMED_FILE);
	return 0;
}

int armed_print(const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = root_read(root, ARMED_FILE, KIB(16), &b, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	printf("%s", (char *)b.data);
	return 0;
}
