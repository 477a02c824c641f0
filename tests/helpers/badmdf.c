// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for makedumpfile in a capture image, and fails as the file "fault" in the directory
 * above the dump says: "kill", "hang" or "hog" (of memory), each after a megabyte. Without it: exit
 * status 1.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1 << 20)

static void write_some(const char *path)
{
	FILE *out = fopen(path, "w");

	for (int i = 0; out && i < MIB; i++)
		(void)putc('x', out);
	if (out)
		(void)fclose(out);
}

int main(int argc, char **argv)
{
	char fault[16] = "";
	FILE *in = fopen("../fault", "r");

	if (argc > 1 && !strcmp(argv[1], "-v")) {
		(void)puts("makedumpfile: version 1.7.6 (released on 23 Oct 2024)\n"
			   "lzo\tenabled\nsnappy\tdisabled\nzstd\tenabled");
		return 0;
	}
	if (!in || fscanf(in, "%15s", fault) != 1 || argc < 3 || !strcmp(argv[1], "--dump-dmesg"))
		return 1;
	write_some(argv[argc - 1]);
	if (!strcmp(fault, "kill"))
		(void)raise(SIGKILL);
	while (!strcmp(fault, "hang"))
		(void)pause();
	while (!strcmp(fault, "hog")) {
		char *p = malloc(MIB);

		if (p)
			memset(p, 1, MIB);
	}
	return 1;
}
