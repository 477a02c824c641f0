// SPDX-License-Identifier: GPL-2.0-or-later
/* See rehearse_memory.h. Texts that are found may be older ones, or of something else: they are
 * hints, and drive no terminal. */
#include "ctl/rehearse/rehearse_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/dumps/result.h"
#include "util/cleanup.h"

#define RESULT_BEGIN "{\"schema\":1,\"state\":\""

struct search {
	struct guest_result *ret;
	bool final; /* ret->reason is that of a capture that had come to its end */
};

int rehearse_memory_make(uint64_t size, int *ret_fd, struct ukd_error *e)
{
	_close_ int fd = memfd_create("guest", 0);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return ukd_fail_errno(e, -errno, "memory of the guest");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* As the console would have shown it. */
static bool describe(struct json_object *o, char *ret, size_t size)
{
	char name[RESULT_MAX], result[RESULT_MAX], reason[RESULT_MAX] = "";
	struct json_object *list = json_member(o, "targets", json_type_array), *stage;

	for (size_t i = list ? json_object_array_length(list) : 0; i-- > 0 && !reason[0];) {
		struct json_object *target = json_object_array_get_idx(list, i);

		(void)result_member(target, "reason", reason);
		(void)snprintf(ret, size, "target %s: %s, %s", result_member(target, "uri", name),
			       result_member(target, "result", result), reason);
	}
	if (!reason[0] && json_object_object_get_ex(o, "last_stage", &stage)) {
		(void)result_member(stage, "reason", reason);
		(void)snprintf(ret, size, "%s: %s, %s", result_member(stage, "name", name),
			       result_member(stage, "result", result), reason);
	}
	return reason[0];
}

/* Several may be there, one for each time that it was written. */
static void take_result(struct search *s, struct bytes at)
{
	struct json_tokener *t = json_tokener_new();
	_json_ struct json_object *o = NULL;
	char text[sizeof(s->ret->reason)];
	bool final;

	if (!t)
		return;
	o = json_tokener_parse_ex(t, (const char *)at.p,
				  at.len < RESULT_MAX ? (int)at.len : RESULT_MAX);
	final = !json_object_object_get_ex(o, "reason", NULL);
	if (json_tokener_get_error(t) == json_tokener_success &&
	    json_object_is_type(o, json_type_object) && (final || !s->final) &&
	    describe(o, text, sizeof(text))) {
		memcpy(s->ret->reason, text, sizeof(text));
		s->final = final;
	}
	json_tokener_free(t);
}

static void find_all(struct search *s, struct bytes in)
{
	const uint8_t *at;

	while ((at = memmem(in.p, in.len, RESULT_BEGIN, strlen(RESULT_BEGIN)))) {
		in.len -= (size_t)(at - in.p);
		take_result(s, (struct bytes){at, in.len});
		in.p = at + 1;
		in.len--;
	}
}

/* What the guest has never touched is a hole, and reading it would fill it. */
void rehearse_memory_read(int fd, struct guest_result *r)
{
	struct search s = {.ret = r};
	off_t from = 0, to;

	if (r->reason[0])
		return;
	while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
		void *p;

		to = lseek(fd, from, SEEK_HOLE);
		if (to <= from)
			return;
		p = mmap(NULL, (size_t)(to - from), PROT_READ, MAP_SHARED, fd, from);
		if (p == MAP_FAILED)
			return;
		find_all(&s, (struct bytes){p, (size_t)(to - from)});
		(void)munmap(p, (size_t)(to - from));
		from = to;
	}
}
