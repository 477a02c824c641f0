// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs of ours: see program.h. Their output is trusted. */
#include "ctl/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES_MAX MIB(1)

void program_find(const char *name, char *ret, size_t size)
{
	char self[PATH_MAX - 32], beside[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	(void)snprintf(ret, size, "%s", name);
	if (n < 0)
		return;
	self[n] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return;
	*slash = 0;
	(void)snprintf(beside, sizeof(beside), "%s/%s", self, name);
	if (access(beside, X_OK) == 0)
		(void)snprintf(ret, size, "%s", beside);
}

int program_messages(int fd, const char *name, struct buffer *ret, const char **ret_last,
		     struct ukd_error *e)
{
	static const char error[] = ": error: ";
	size_t n = strlen(name);
	const char *last;
	int r = lseek(fd, 0, SEEK_SET) < 0 ? ukd_fail_errno(e, -errno, "lseek") :
					     file_read_fd(fd, name, MESSAGES_MAX, ret, e);

	if (r < 0)
		return r;
	if (ret->len && ret->data[ret->len - 1] == '\n')
		ret->data[--ret->len] = 0;
	last = strrchr((char *)ret->data, '\n');
	last = last ? last + 1 : (char *)ret->data;
	if (!strncmp(last, name, n) && !strncmp(last + n, error, strlen(error)))
		last += n + strlen(error);
	*ret_last = last;
	return 0;
}
