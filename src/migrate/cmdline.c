// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel command lines. What the packages put on them is left to ukdump's default, which was
 * measured with its own image; only what somebody added comes along.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/rules.h"
#include "util/cleanup.h"

#define BLANKS " \t"

/*
 * Words of the packages' own KDUMP_COMMANDLINE_APPEND and KDUMP_CMDLINE_APPEND: Fedora and RHEL 7
 * to 10 (x86_64), Debian 8 to 13 and Ubuntu.
 */
static const char *const standard_words[] = {
	"acpi_no_memhotplug",
	"ata_piix.prefer_ms_hyperv=0",
	"cgroup_disable=memory",
	"cma=0",
	"disable_cpu_apicid=",
	"hest_disable",
	"hugetlb_cma=0",
	"initramfs_options=size=90%",
	"irqpoll",
	"kfence.sample_interval=0",
	"maxcpus=1",
	"mce=off",
	"nokaslr",
	"nousb",
	"novmcoredd",
	"nr_cpus=1",
	"numa=off",
	"panic=10",
	"pcie_ports=compat",
	"reset_devices",
	"rootflags=nofail",
	"transparent_hugepage=never",
	"udev.children-max=2",
	"usbcore.nousb",
};

/* Whatever unit it names: it is one of the whole system's, and no capture environment has it. */
#define UNIT "systemd.unit="

static bool is_standard_word(const char *word)
{
	if (!strncmp(word, UNIT, strlen(UNIT)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(standard_words); i++)
		if (!strcmp(standard_words[i], word))
			return true;
	return false;
}

/* Appends the words of line to out, those of packages aside if there is somewhere to name them. */
static int copy_words(const char *line, FILE *out, FILE *standard, struct ukd_error *e)
{
	_free_ char *copy = strdup(line);
	char *save = NULL;

	if (!copy)
		return ukd_oom(e);
	for (char *word = strtok_r(copy, BLANKS, &save); word;
	     word = strtok_r(NULL, BLANKS, &save)) {
		FILE *to = standard && is_standard_word(word) ? standard : out;

		(void)fprintf(to, "%s%s", ftello(to) > 0 ? " " : "", word);
	}
	return 0;
}

#define APPEND "_APPEND"

int import_cmdline(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *text = NULL;
	char name[64];
	const char *more;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ukd_oom(e);
	(void)snprintf(name, sizeof(name), "%s" APPEND, l->name);
	more = import_value(im, name);
	r = copy_words(l->value, out, NULL, e);
	if (r >= 0 && more)
		r = copy_words(more, out, NULL, e);
	if (fclose(out) != 0 || r < 0)
		return ukd_oom(e);
	r = import_set(im, l, "Image", "CommandLine", text, e);
	return r < 0 || l->fate != IMPORT_TRANSLATED ?
		       r :
		       import_remark(l, e,
				     "it replaces ukdump's own line, which needs no root=: better "
				     "leave it to the default");
}

static int keep_own_words(struct import *im, struct import_line *l, struct ukd_error *e)
{
	_free_ char *kept = NULL, *dropped = NULL;
	size_t len;
	FILE *out = open_memstream(&kept, &len), *standard = open_memstream(&dropped, &len);
	int r = out && standard ? copy_words(l->value, out, standard, e) : ukd_oom(e);

	if ((out && fclose(out) != 0) | (standard && fclose(standard) != 0) && r >= 0)
		r = ukd_oom(e);
	if (r < 0)
		return r;
	if (!*kept)
		return import_default(l, e,
				      "as packages have it: ukdump's own command line counts");
	r = import_set(im, l, "Image", "CommandLineAppend", kept, e);
	return r < 0 || l->fate != IMPORT_TRANSLATED || !*dropped ?
		       r :
		       import_remark(l, e, "left to ukdump's own line: %s", dropped);
}

int import_cmdline_append(struct import *im, struct import_line *l, struct ukd_error *e)
{
	char whole[64];

	(void)snprintf(whole, sizeof(whole), "%.*s", (int)(strlen(l->name) - strlen(APPEND)),
		       l->name);
	if (!import_value(im, whole))
		return keep_own_words(im, l, e);
	l->fate = IMPORT_TRANSLATED;
	return import_remark(l, e, "part of CommandLine=");
}
