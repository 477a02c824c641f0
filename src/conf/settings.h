/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of /etc/ukdump/ukdump.conf and ukdump.conf.d (ukdump.conf(5)): one struct, one
 * table of keys, one parser for the host and for the capture environment. An unknown section, an
 * unknown key or a bad value is an error that names file and line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "util/root.h"

/* A list of strings; NULL-terminated when n > 0. */
struct strings {
	char **v;
	unsigned int n;
};

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

struct settings {
	struct {
		char *kernel; /* Kernel=: a version, or a path; NULL: the running one */
		char *key;
		char *certificate;
		char *command_line; /* NULL: the built-in default */
		char *command_line_append;
		struct strings modules;
		bool allow_shell;
	} image;
	struct {
		struct strings target; /* in order of preference; default "file:/var/crash" */
		unsigned int dump_level;
		char *compress;	      /* auto, zstd, lzo, zlib, snappy, none */
		unsigned int threads; /* 0: chosen by what was measured */
		struct strings encrypt_to;
		uint64_t timeout_s; /* of the whole capture environment */
	} dump;
	struct {
		enum setting_action on_success;
		enum setting_action on_failure;
		struct strings pre;
		struct strings post;
	} action;
	struct {
		bool require_sealed;
		enum setting_lock lock_after_arm;
		struct strings sysctl; /* name=value, set after arming */
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
int settings_parse(struct settings *s, struct bytes text, const char *name, struct ukd_error *e)
	_must_check_;

/*
 * Defaults, then path (NULL: /etc/ukdump/ukdump.conf, which may be missing), then PATH.d/ *.conf in
 * order of name, all inside root. A later assignment replaces an earlier one; an empty value of a
 * list clears it, further assignments in the same file append.
 */
int settings_load(const struct root *root, const char *path, struct settings *ret,
		  struct ukd_error *e) _must_check_;
