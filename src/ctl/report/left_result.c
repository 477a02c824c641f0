// SPDX-License-Identifier: GPL-2.0-or-later
/* The result in the EFI variable as a crash: see left_result.h. */
#include "ctl/report/left_result.h"

#include <ctype.h>
#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>

#include "store/machine.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* "2026-11-21T18:38:22Z" and a machine become the name that its directory would have. */
static void set_name(struct crash *c, const char *time, const char *machine)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	char stamp[sizeof(form)], name[MACHINE_MAX];
	size_t n = 0;

	if (strlen(time) != strlen(form) || !machine_set(name, machine))
		return;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)time[i]) : time[i] != form[i])
			return;
		if (form[i] != '-' && form[i] != ':')
			stamp[n++] = time[i];
	}
	stamp[n] = 0;
	(void)snprintf(c->name, sizeof(c->name), "%s-%s", stamp, name);
}

static void set_state(struct crash *c, const char *state)
{
	static const char *const states[] = {"complete", "partial", "log-only"};

	CRASH_SET(c->state, "failed");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(state, states[i]))
			CRASH_SET(c->state, state);
}

/* Why the capture ended early, else what was wrong with the last target. */
static void set_reason(struct crash *c, struct json_object *o)
{
	struct json_object *list = json_member(o, "targets", json_type_array);
	char text[RESULT_MAX];

	CRASH_SET(c->reason, result_member(o, "reason", text));
	if (c->reason[0])
		return;
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (result_member(json_object_array_get_idx(list, i), "reason", text)[0])
			CRASH_SET(c->reason, text);
}

static void read_crash(struct json_object *o, struct crash *c)
{
	char text[RESULT_MAX], machine[RESULT_MAX];

	if (!o) {
		CRASH_SET(c->state, "failed");
		CRASH_SET(c->reason,
			  "the EFI variable " RESULT_VARIABLE " is no result of a capture");
		return;
	}
	set_name(c, result_member(o, "crash_time", text), result_member(o, "machine", machine));
	set_state(c, result_member(o, "state", text));
	CRASH_SET(c->kernel, result_member(o, "kernel", text));
	CRASH_SET(c->panic, result_member(o, "panic", text));
	set_reason(c, o);
}

int left_result_read(const struct root *root, struct left_result *ret, struct ukd_error *e)
{
	_json_ struct json_object *o = NULL;
	_buffer_ struct buffer text = {0};
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;
	int r = efivarfs_read(root, RESULT_VARIABLE, RESULT_MAX, &text, e);

	*ret = (struct left_result){.crash.left = true};
	if (r == -ENOENT)
		return 0;
	if (r < 0 && r != -EFBIG && r != -EBADMSG)
		return r;
	SHA256Init(&ctx);
	SHA256Update(&ctx, text.data, text.len);
	SHA256Final(digest, &ctx);
	format_hex((struct bytes){digest, sizeof(digest)}, ret->sha256);
	o = r < 0 ? NULL : result_parse(&text);
	read_crash(o, &ret->crash);
	ret->there = true;
	return 0;
}

void left_result_merge(struct crash *crash, const struct crash *left)
{
	crash->left = true;
	if (crash->kept == STORE_COMPLETE)
		return;
	CRASH_SET(crash->state, left->state);
	CRASH_SET(crash->reason, left->reason);
	if (!crash->panic[0])
		CRASH_SET(crash->panic, left->panic);
	if (!crash->kernel[0])
		CRASH_SET(crash->kernel, left->kernel);
}
