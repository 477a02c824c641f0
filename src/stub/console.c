// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Last words on a serial port, only if the *signed* command line asks for it: under SEV-ES and TDX
 * port I/O faults, and a caller must not be able to make the stub talk.
 */
#include "stub/stub.h"

#define PARAMETER "ukdump.stubcon=0x"
#define POLL_MAX  100000 /* per character; a missing UART must not hold up the reset */

static uint8_t port_in(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void port_out(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

/* The standard COM ports and no other I/O address. */
static uint16_t port_by_name(struct bytes at)
{
	if (bytes_start_with(at, "3f8"))
		return 0x3f8;
	if (bytes_start_with(at, "2f8"))
		return 0x2f8;
	if (bytes_start_with(at, "3e8"))
		return 0x3e8;
	if (bytes_start_with(at, "2e8"))
		return 0x2e8;
	return 0;
}

static uint16_t find_port(struct bytes cmdline)
{
	for (uint64_t i = 0; i < cmdline.len; i++) {
		struct bytes rest = {cmdline.p + i, cmdline.len - i};

		if ((i == 0 || cmdline.p[i - 1] == ' ') && bytes_start_with(rest, PARAMETER))
			return port_by_name((struct bytes){rest.p + sizeof(PARAMETER) - 1,
							   rest.len - (sizeof(PARAMETER) - 1)});
	}
	return 0;
}

static void put_text(uint16_t port, const char *s)
{
	for (; *s; s++) {
		for (unsigned int i = 0; i < POLL_MAX && !(port_in(port + 5) & 0x20); i++)
			;
		port_out(port, (uint8_t)*s);
	}
}

void stub_say(struct bytes signed_cmdline, const char *text)
{
	uint16_t port = find_port(signed_cmdline);

	if (!port)
		return;
	put_text(port, "ukdump: capture image refuses to start: ");
	put_text(port, text);
	put_text(port, "\r\n");
}
