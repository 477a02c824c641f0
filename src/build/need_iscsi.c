// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a disk behind an iSCSI session needs: the way to its portal, the kernel's initiator, and
 * the arguments of iscsistart, which 53ukdump-full calls until the session is there. All of them,
 * secrets, too, are what the running session has in sysfs (Linux: scsi_transport_iscsi.c).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/device.h"
#include "build/needs.h"
#include "util/cleanup.h"

#define VALUE_MAX 256 /* open-iscsi: names 223, what CHAP has 255 */

/*
 * Seconds that a login may last, and that a session may be lost: nobody logs in anew while a
 * target is mounted, so waiting for longer only delays the next plan.
 */
#define LOGIN_S	   "10"
#define RECOVERY_S "15"
#define SESSIONS   "/etc/ukdump/iscsi/"

/* An attribute's line, empty if nothing is set, which libiscsi shows as "(null)". */
static int read_value(const struct needs *n, const char *dir, const char *name, char ret[VALUE_MAX],
		      struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	char path[128], *line;
	int r;

	(void)snprintf(path, sizeof(path), "/sys/class/%s/%s", dir, name);
	r = root_read(n->root, path, KIB(4), &text, e);
	if (r < 0)
		return r;
	line = (char *)text.data;
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "(null)"))
		line[0] = 0;
	if (strlen(line) >= VALUE_MAX)
		r = ukd_refuse(e, "target", "%s: too long", path);
	/* What has a line of its own in a file: see iscsi.sh. */
	for (const char *c = line; r >= 0 && *c; c++)
		if (iscntrl((unsigned char)*c))
			r = ukd_refuse(e, "target", "%s: has a character 0x%02x", path,
				       (unsigned char)*c);
	if (r >= 0)
		(void)snprintf(ret, VALUE_MAX, "%s", line);
	explicit_bzero(text.data, text.len);
	return r;
}

/* Writes an option and its value, if it has one. */
static int write_option(const struct needs *n, FILE *out, const char *option, const char *dir,
			const char *name, struct ukd_error *e)
{
	char value[VALUE_MAX] = "";
	int r = read_value(n, dir, name, value, e);

	if (r >= 0 && value[0])
		(void)fprintf(out, "%s\n%s\n", option, value);
	explicit_bzero(value, sizeof(value));
	return r;
}

static int write_arguments(const struct needs *n, FILE *out, const char *session,
			   const char *connection, struct ukd_error *e)
{
	const struct {
		const char *option, *dir, *name;
	} options[] = {
		{"-i", session, "initiatorname"},
		{"-t", session, "targetname"},
		{"-g", session, "tpgt"},
		{"-a", connection, "persistent_address"},
		{"-p", connection, "persistent_port"},
		{"-u", session, "username"},
		{"-w", session, "password"},
		{"-U", session, "username_in"},
		{"-W", session, "password_in"},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(options); i++)
		r = write_option(n, out, options[i].option, options[i].dir, options[i].name, e);
	(void)fputs("-P\nnode.session.initial_login_retry_max=1\n"
		    "-P\nnode.conn[0].timeo.login_timeout=" LOGIN_S "\n"
		    "-P\nnode.session.timeo.replacement_timeout=" RECOVERY_S "\n",
		    out);
	return r;
}

/* One argument per line; they may contain secrets. */
static int need_session(struct needs *n, const struct layer *l, const char *session,
			const char *connection, struct ukd_error *e)
{
	char path[sizeof(SESSIONS) + sizeof(l->name)];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ukd_oom(e);
	r = write_arguments(n, out, session, connection, e);
	if (fclose(out) != 0 && r >= 0)
		r = ukd_oom(e);
	(void)snprintf(path, sizeof(path), SESSIONS "%s", l->name);
	if (r >= 0)
		r = need_file(n, path, (struct bytes){(uint8_t *)text, len}, 0600, e);
	if (text)
		explicit_bzero(text, len);
	free(text);
	return r;
}

/* The link that udev makes for the unit "2:0:0:LUN" of the target. */
static int need_unit(struct needs *n, const struct layer *l, const char *session,
		     const char *connection, unsigned int target, struct ukd_error *e)
{
	char address[VALUE_MAX], port[VALUE_MAX], name[VALUE_MAX], path[DEVICE_PATH_MAX];
	unsigned int lun = 0;
	const char *at;
	int r = device_path(n->root, l->device, path, e);

	if (r >= 0)
		r = read_value(n, connection, "persistent_address", address, e);
	if (r >= 0)
		r = read_value(n, connection, "persistent_port", port, e);
	if (r >= 0)
		r = read_value(n, session, "targetname", name, e);
	if (r < 0)
		return r;
	at = strstr(path, "/target");
	if (!at || sscanf(at, "/target%*[^/]/%*u:%*u:%*u:%u/", &lun) != 1)
		return ukd_refuse(e, "target", "%s: /%s has no unit's number", l->node, path);
	r = need_network(n, address, e);
	return r < 0 ? r :
		       need_fact(n, e,
				 "layer.%u=/dev/disk/by-path/ip-%s:%s-iscsi-%s-lun-%u iSCSI disk "
				 "%s at %s",
				 target, address, port, name, lun, name, address);
}

int need_iscsi(struct needs *n, const struct layer *l, unsigned int target, struct ukd_error *e)
{
	char session[64], connection[64];
	int r;

	/* open-iscsi has one connection per session. */
	(void)snprintf(session, sizeof(session), "iscsi_session/%.40s", l->name);
	(void)snprintf(connection, sizeof(connection), "iscsi_connection/connection%.30s:0",
		       l->name + strlen("session"));
	r = need_unit(n, l, session, connection, target, e);
	if (r >= 0)
		r = need_driver_strictly(n, "iscsi_tcp", e);
	/* For digests; iscsi_tcp has no connection without it. */
	if (r >= 0)
		r = need_driver(n, "crypto-crc32c", e);
	if (r >= 0)
		r = need_dracut(n, "base", e); /* a shell */
	if (r >= 0)
		r = need_program(n, "iscsistart", e);
	return r < 0 ? r : need_session(n, l, session, connection, e);
}
