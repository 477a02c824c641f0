/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold HEX: fills a page of its own with the bytes, says "held" and sleeps for ever. A dump of user
 * pages must contain it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

int main(int argc, char **argv)
{
	unsigned char pattern[256];
	size_t n = 0;
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (argc != 2 || page == MAP_FAILED)
		return 1;
	for (; n < sizeof(pattern) && sscanf(argv[1] + 2 * n, "%2hhx", &pattern[n]) == 1; n++)
		;
	if (!n)
		return 1;
	for (size_t at = 0; at + n <= PAGE; at += n)
		memcpy(page + at, pattern, n);
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
