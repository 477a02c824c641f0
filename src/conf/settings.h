/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of /etc/ukdump/ukdump.conf and ukdump.conf.d (ukdump.conf(5)): one struct, one
 * table of keys, one parser for the host and for the capture environment. An unknown section, an
 * unknown key or a bad value is an error that names file and line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "conf/conf.h"
#include "util/root.h"

enum setting_mode {
	MODE_AUTO,
	MODE_YES,
	MODE_NO,
};

enum setting_action {
	ACTION_REBOOT,
	ACTION_POWEROFF,
	ACTION_HALT,
	ACTION_SHELL,
};

enum setting_lock {
	LOCK_NO,
	LOCK_PANIC_LIMIT, /* kernel.kexec_load_limit_panic = 0 after arming */
	LOCK_ALL,	  /* kernel.kexec_load_disabled = 1 after arming */
};

enum setting_sign {
	SIGN_AUTO,     /* with Key=, else with the host key */
	SIGN_EXTERNAL, /* images wait for a signature that is made elsewhere */
};

struct settings {
	struct {
		char *kernel; /* running, newest, a version, or a path; NULL: running */
		char *key;
		char *certificate;
		enum setting_sign sign;
		char *command_line; /* NULL: the built-in default */
		char *command_line_append;
		struct strings modules; /* kernel modules to take along */
		bool allow_shell;
	} image;
	struct {
		struct strings target; /* in order of preference; default "file:/var/crash" */
		unsigned int dump_level;
		char *compress;	      /* auto, zstd, lzo, zlib, snappy, none; never NULL */
		unsigned int threads; /* 0: chosen by what was measured */
		struct strings encrypt_to;
		uint64_t timeout_s; /* of the whole capture environment, 0: auto */
	} dump;
	struct {
		enum setting_action on_success;
		enum setting_action on_failure;
		struct strings pre; /* absolute paths of programs, one per assignment */
		struct strings post;
		struct strings failure;
	} action;
	struct {
		char *interface;	/* NULL: the one that leads to the target */
		struct strings address; /* auto, dhcp or ADDRESS/PREFIX; empty: auto */
		struct strings gateway;
		struct strings nameserver;
		/* Paths of files that are copied into the image, NULL: none, or the usual ones. */
		char *ssh_key;
		char *known_hosts;
		char *ca_file;
		char *netrc;
		char *http_headers;
		char *s3_credentials;
		char *proxy; /* "http://HOST:PORT", NULL: none */
	} network;
	struct {
		bool require_sealed;
		enum setting_lock lock_after_arm;
		struct strings sysctl; /* name=value while armed; default kernel.panic_on_oops=1 */
	} arm;
	struct {
		uint64_t size; /* bytes, 0: work it out */
		uint64_t high;
		uint64_t low;
		enum setting_mode cma;
	} reserve;
	struct {
		unsigned int keep;  /* dumps, 0: no limit */
		uint64_t max_use;   /* bytes, 0: no limit */
		uint64_t keep_free; /* bytes */
	} store;
};

/* Sets every default. What it allocates, settings_free() releases. */
int settings_init(struct settings *ret, struct ukd_error *e) _must_check_;
void settings_free(struct settings *s);
#define _settings_ _cleanup_(settings_free)

/* Reads one text of settings on top of *s; name is for messages. */
int settings_parse(struct settings *s, struct bytes text, const char *name,
		   struct ukd_error *e) _must_check_;

/*
 * Defaults, then path (NULL: /etc/ukdump/ukdump.conf, which may be missing), then PATH.d/ *.conf in
 * order of name, all inside root. A later assignment replaces an earlier one. Of a list, the first
 * assignment in a file replaces what was there before, further ones in the same file append, and an
 * empty value clears it. At the end settings_check().
 */
int settings_load(const struct root *root, const char *path, struct settings *ret,
		  struct ukd_error *e) _must_check_;

/* The same for --config: in the running system a relative path is the process's own. */
int settings_load_option(const struct root *root, const char *path, struct settings *ret,
			 struct ukd_error *e) _must_check_;

/* What one key alone cannot tell, such as OnFailure=shell without AllowShell=yes. */
int settings_check(const struct settings *s, struct ukd_error *e) _must_check_;

/*
 * Writes the settings of one section (NULL: of all) as text that settings_parse() reads back to the
 * same values. For what goes into an image. The caller checks out for errors.
 */
void settings_print(const struct settings *s, const char *section, FILE *out);
