// SPDX-License-Identifier: GPL-2.0-or-later
/* What ip(8) tells of the running network: see network.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build/network.h"
#include "util/cleanup.h"
#include "util/process.h"

#define OUTPUT_MAX KIB(256)

void network_link_free(struct network_link *l)
{
	strings_free(&l->addresses);
	strings_free(&l->routes);
	strings_free(&l->gateways);
}

/* Runs "ip -o ARGUMENTS...". What it says is text, also on failure. */
static int run_ip(const char *const *arguments, struct buffer *ret, struct ukd_error *e)
{
	const char *argv[12] = {"ip", "-o"};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = ret,
			    .output_max = OUTPUT_MAX};
	int r;

	for (unsigned int i = 0; i < ARRAY_SIZE(argv) - 3 && arguments[i]; i++)
		argv[i + 2] = arguments[i];
	p.stderr_fd = STDOUT_FILENO;
	p.timeout_s = 10;
	r = process_run(&p, e);
	if (r == -ENOENT)
		return ukd_fail(e, r, "ip(8) is not installed; install the package 'iproute2'");
	if (r > 0)
		return ukd_fail(e, -ENETUNREACH, "ip: %.*s",
				ret->data ? (int)strcspn((char *)ret->data, "\n") : 0,
				ret->data ? (char *)ret->data : "");
	return r;
}

/* The word behind a word of a line: "dev eth0". False if it is not there. */
static bool word_after(const char *line, const char *word, char *ret, size_t size)
{
	size_t len = strlen(word), end = strcspn(line, "\n");

	for (const char *at = line; (at = strstr(at, word)) && at < line + end; at += len) {
		if ((at > line && at[-1] != ' ') || at[len] != ' ')
			continue;
		at += len + strspn(at + len, " ");
		(void)snprintf(ret, size, "%.*s", (int)strcspn(at, " \n\\"), at);
		return true;
	}
	return false;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line ? line + 1 : "";
}

int network_route(const char *address, const char *device, struct network_route *ret,
		  struct ukd_error *e)
{
	const char *const arguments[] = {"route", "get", address, device ? "oif" : NULL,
					 device,  NULL};
	_buffer_ struct buffer out = {0};
	int r = run_ip(arguments, &out, e);

	if (r < 0)
		return r;
	*ret = (struct network_route){0};
	if (!out.data || !word_after((char *)out.data, "dev", ret->device, sizeof(ret->device)))
		return ukd_fail(e, -ENETUNREACH, "ip route get %s: no device in its answer",
				address);
	(void)word_after((char *)out.data, "via", ret->gateway, sizeof(ret->gateway));
	return 0;
}

/*
 * "2: eth0    inet 192.0.2.7/24 brd ... scope global dynamic eth0\ ...": an address with a life
 * time came from somewhere, and will again.
 */
static int take_address(struct network_link *l, const char *line, struct ukd_error *e)
{
	char address[64], flag[2];
	bool six = word_after(line, "inet6", address, sizeof(address));

	if (!six && !word_after(line, "inet", address, sizeof(address)))
		return 0;
	if (word_after(line, "temporary", flag, sizeof(flag)) ||
	    word_after(line, "deprecated", flag, sizeof(flag)))
		return 0;
	if (word_after(line, "dynamic", flag, sizeof(flag))) {
		*(six ? &l->router : &l->dhcp) = true;
		return 0;
	}
	return strings_add(&l->addresses, address) < 0 ? ukd_oom(e) : 0;
}

/* "default via 192.0.2.1 proto static metric 100" */
static int take_default(struct network_link *l, const char *line, struct ukd_error *e)
{
	char gateway[64], proto[16] = "", route[80];

	if (!word_after(line, "via", gateway, sizeof(gateway)))
		return 0;
	if (strings_add(&l->gateways, gateway) < 0)
		return ukd_oom(e);
	(void)word_after(line, "proto", proto, sizeof(proto));
	if (!strcmp(proto, "dhcp") || !strcmp(proto, "ra"))
		return 0;
	(void)snprintf(route, sizeof(route), "default %s", gateway);
	return strings_add(&l->routes, route) < 0 ? ukd_oom(e) : 0;
}

static int each_line(struct network_link *l, const char *const *arguments,
		     int (*take)(struct network_link *l, const char *line, struct ukd_error *e),
		     struct ukd_error *e)
{
	_buffer_ struct buffer out = {0};
	int r = run_ip(arguments, &out, e);

	for (const char *line = (char *)out.data; r >= 0 && line && *line; line = next_line(line))
		r = take(l, line, e);
	return r;
}

int network_look_up(struct network_link *l, struct ukd_error *e)
{
	const char *const addresses[] = {"address", "show",   "dev", l->device,
					 "scope",   "global", NULL};
	const char *const four[] = {"-4", "route", "show", "default", "dev", l->device, NULL};
	const char *const six[] = {"-6", "route", "show", "default", "dev", l->device, NULL};
	int r = each_line(l, addresses, take_address, e);

	if (r >= 0)
		r = each_line(l, four, take_default, e);
	return r < 0 ? r : each_line(l, six, take_default, e);
}

int network_mac(const char *device, char ret[18], struct ukd_error *e)
{
	const char *const arguments[] = {"link", "show", "dev", device, NULL};
	_buffer_ struct buffer out = {0};
	int r = run_ip(arguments, &out, e);

	if (r < 0)
		return r;
	/* The second is there only where somebody changed the first, as a bond does. */
	if (!out.data || !word_after((char *)out.data, "link/ether", ret, 18))
		return ukd_refuse(e, "target", "%s is no Ethernet interface", device);
	(void)word_after((char *)out.data, "permaddr", ret, 18);
	return 0;
}
