// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory, CPUs, distribution: see machine.h. */
#include "crashkernel/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crashkernel/size.h"
#include "util/cleanup.h"

/*
 * kdump-tools of Debian 13, of Ubuntu 24.10; kdump-utils; kexec-tools of RHEL 9.7 and those built
 * from it; SUSE's kdump where it has not measured. By PLATFORM_ID=, ID= or a word of ID_LIKE= of
 * os-release.
 */
static const struct {
	const char *id, *crashkernel;
} distributions[] = {
	{"debian", "512M-:192M"},
	{"ubuntu", "2G-4G:320M,4G-32G:512M,32G-64G:1G,64G-128G:2G,128G-:4G"},
	{"suse", "192M"},
	{"opensuse", "192M"},
	{"platform:el9", "1G-2G:192M,2G-64G:256M,64G-:512M"},
	{"fedora", "2G-64G:256M,64G-:512M"},
};
#define DISTRIBUTION_OTHER "2G-64G:256M,64G-:512M"

/* Ranges at the top level only: what lies inside System RAM is indented. */
static uint64_t system_ram(char *text)
{
	uint64_t sum = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (*line != ' ' && strstr(line, " : System RAM"))
			sum += range_size(line);
	return sum;
}

static uint64_t memory_total(const struct root *root)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	const char *line;

	if (root_read(root, "/proc/meminfo", KIB(64), &text, &ignored) < 0)
		return 0;
	line = strstr((char *)text.data, "MemTotal:");
	return line ? KIB(strtoull(line + strlen("MemTotal:"), NULL, 10)) : 0;
}

uint64_t machine_memory(const struct root *root)
{
	_buffer_ struct buffer iomem = {0};
	struct ukd_error ignored;
	uint64_t bytes = 0;

	if (root_read(root, "/proc/iomem", MIB(4), &iomem, &ignored) >= 0)
		bytes = system_ram((char *)iomem.data);
	return align_up(bytes ? bytes : memory_total(root), MIB(128));
}

/* "0-3,8" */
static unsigned int count_list(const char *s)
{
	unsigned int n = 0;

	while (*s >= '0' && *s <= '9') {
		char *end;
		unsigned long from = strtoul(s, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (to >= from && to - from < 65536)
			n += (unsigned int)(to - from) + 1;
		s = *end == ',' ? end + 1 : "";
	}
	return n;
}

unsigned int machine_cpus(const struct root *root)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	unsigned int n = 0;

	if (root_read(root, "/sys/devices/system/cpu/present", KIB(4), &text, &ignored) >= 0)
		n = count_list((char *)text.data);
	return n ? n : 1;
}

/* The value of a variable in os-release, without quotes; empty if there is none. */
static void os_release_value(const char *text, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);

	ret[0] = 0;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *value = line + n + 1;

		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		value += *value == '"' || *value == '\'';
		(void)snprintf(ret, size, "%.*s", (int)strcspn(value, "\"'\n"), value);
	}
}

static const char *find_distribution(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(distributions); i++)
		if (!strcmp(distributions[i].id, id))
			return distributions[i].crashkernel;
	return NULL;
}

const char *distribution_crashkernel(const struct root *root)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	char ids[640], like[256], id[256], platform[64], *save = NULL;

	if (root_read(root, "/etc/os-release", KIB(64), &text, &ignored) < 0 &&
	    root_read(root, "/usr/lib/os-release", KIB(64), &text, &ignored) < 0)
		return DISTRIBUTION_OTHER;
	os_release_value((char *)text.data, "ID", id, sizeof(id));
	os_release_value((char *)text.data, "ID_LIKE", like, sizeof(like));
	os_release_value((char *)text.data, "PLATFORM_ID", platform, sizeof(platform));
	(void)snprintf(ids, sizeof(ids), "%s %s %s", platform, id, like);
	for (char *s = strtok_r(ids, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		const char *found = find_distribution(s);

		if (found)
			return found;
	}
	return DISTRIBUTION_OTHER;
}
