// SPDX-License-Identifier: GPL-2.0-or-later
/* What a capture command line of the site's own lacks of ours (default_cmdline of build/gather.c). */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "build/gather.h"
#include "ctl/status/status.h"
#include "util/cleanup.h"

/* Words that make the difference between a dump and none; panic= is added by build. */
static const struct {
	const char *word, *other; /* either will do */
	bool for_memory_devices;  /* matters only where there are such */
	const char *without;
} words[] = {
	{"nr_cpus=", "maxcpus=", false,
	 "every processor takes memory, and starting the first one may reset the machine"},
	{"reset_devices", NULL, false,
	 "drivers trust devices that the crashed kernel left running"},
	{"rootfstype=ramfs", NULL, false, "the initrd has half of the crash memory at most"},
	{"acpi_no_memhotplug", NULL, true,
	 "the capture kernel takes memory of the dump for its own, and writes over it"},
};

/*
 * Memory that the capture kernel would find as a device: what can be plugged in, also while the
 * slot is empty (the kernel has an object for each device of the namespace since 3.14). Most
 * machines have none.
 */
static bool has_memory_devices(const struct root *root)
{
	_closedir_ DIR *dir = root_opendir(root, "/sys/bus/acpi/devices");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (!strncmp(d->d_name, "PNP0C80:", strlen("PNP0C80:")))
			return true;
	return false;
}

static bool is_in(const struct settings *s, const char *word)
{
	const char *append = s->image.command_line_append;

	return word && (command_line_has(s->image.command_line, word) ||
			(append && command_line_has(append, word)));
}

void check_command_line(const struct root *root, struct status *s)
{
	const struct settings *settings = &s->targets.settings;
	char seen[512] = "", missing[128] = "";
	struct finding *f;

	if (s->settings_error.code || !settings->image.command_line) {
		(void)finding_add(&s->findings, "image.command-line", VERDICT_OK,
				  "no CommandLine= is set");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t used = strlen(seen), end = strlen(missing);

		if (is_in(settings, words[i].word) || is_in(settings, words[i].other) ||
		    (words[i].for_memory_devices && !has_memory_devices(root)))
			continue;
		(void)snprintf(seen + used, sizeof(seen) - used, "%s without %s %s",
			       used ? ";" : "CommandLine=:", words[i].word, words[i].without);
		(void)snprintf(missing + end, sizeof(missing) - end, " %s", words[i].word);
	}
	f = finding_add(&s->findings, "image.command-line",
			missing[0] ? VERDICT_WARNING : VERDICT_OK, "%s",
			missing[0] ? seen : "CommandLine= has what a dump needs");
	if (!missing[0])
		return;
	finding_needed(f, "%s", missing + 1);
	finding_mend(f, "add it to CommandLine= in ukdump.conf, or use CommandLineAppend= alone");
}
