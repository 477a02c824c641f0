/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch_armed FILE SECONDS [PAUSE]: reads kexec_crash_loaded each PAUSE microseconds (100) until
 * SIGTERM, or so long, and prints how often it did, how often it read 0, and the longest that it
 * read nothing else, in milliseconds.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	double begin = now_ms(), armed = begin, longest = 0;
	unsigned long reads = 0, zeros = 0;
	int fd = argc >= 3 ? open(argv[1], O_RDONLY) : -1;
	char c;

	signal(SIGTERM, stop);
	while (!stopped && fd >= 0 && now_ms() - begin < atof(argv[2]) * 1e3) {
		double now;

		if (pread(fd, &c, 1, 0) != 1)
			return 1;
		(void)usleep(argc > 3 ? (useconds_t)atoi(argv[3]) : 100);
		now = now_ms();
		reads++;
		if (c == '1') {
			armed = now;
			continue;
		}
		zeros++;
		if (now - armed > longest)
			longest = now - armed;
	}
	printf("reads=%lu\nzeros=%lu\nlongest_ms=%.1f\n", reads, zeros, longest);
	return fd < 0;
}
