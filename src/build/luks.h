/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key of our own for a LUKS device (LUKS1 or LUKS2), by cryptsetup(8): a random one in a PBKDF2
 * slot, so that the capture environment opens the device without Argon2's memory. The key exists in
 * the capture image only, which lies on that very device.
 *
 * Every function runs cryptsetup of the running system; keys are handed over by memory files. node:
 * the path of the encrypted device. Processes that hold keys call process_keep_secrets() first.
 */
#pragma once

#include "conf/settings.h"
#include "util/root.h"

#define LUKS_KEY_LEN   64
#define LUKS_SLOTS_MAX 32
#define LUKS_ANY_SLOT  (-1)

struct luks_key {
	uint8_t bytes[LUKS_KEY_LEN];
	int slot;
};

struct luks_info {
	unsigned int n_keys;	   /* slots in use, ours and others */
	unsigned int version;	   /* 1 or 2 */
	char cipher[64];	   /* "aes-xts-plain64" */
	int slot[LUKS_SLOTS_MAX];  /* LUKS2: those that our tokens name; -1: a token without */
	int token[LUKS_SLOTS_MAX]; /* its token */
	unsigned int n;		   /* LUKS1 has no tokens: always 0 */
};

/* What the header says. */
int luks_read(const char *node, struct luks_info *ret, struct ukd_error *e) _must_check_;

/*
 * Tries a key, in one slot or, with LUKS_ANY_SLOT, in all of them, which may take Argon2's time and
 * memory for each. 1: it opens slot *ret_slot, 0: it does not.
 */
int luks_try(const char *node, const uint8_t key[LUKS_KEY_LEN], int slot, int *ret_slot,
	     struct ukd_error *e) _must_check_;

/*
 * Adds a new random key and, in LUKS2, a token of type "ukdump" that names its slot. passphrase: a
 * memory file with an existing one. luks_forget() takes both away again; needs no passphrase and
 * refuses (check "luks.last") the last slot, without which the device could never be opened again.
 */
int luks_add(const char *node, const struct luks_info *info, int passphrase, struct luks_key *ret,
	     struct ukd_error *e) _must_check_;
int luks_forget(const char *node, int slot, struct ukd_error *e) _must_check_;

/* A memory file that a program started by process_run() may open; its path is written to ret. */
#define LUKS_FD_PATH 32
int luks_memory_file(struct bytes content, char ret[LUKS_FD_PATH], int *ret_fd,
		     struct ukd_error *e) _must_check_;

/* Where the key lies in the image, without the slash in front; uuid: the device's. */
#define LUKS_KEY_DIR "etc/ukdump/luks"

/* The archive with the key that goes in front of an initrd. */
int luks_archive(const char *uuid, const struct luks_key *key, struct buffer *ret,
		 struct ukd_error *e) _must_check_;

/*
 * The key in the newest image below the directory (inside the root) that has one which opens the
 * device. -ENOENT if there is none; refuses (check "luks.mode") an image with a key that others may
 * read.
 */
int luks_find_key(const struct root *root, const char *images, const char *node, const char *uuid,
		  struct luks_key *ret, struct ukd_error *e) _must_check_;

/* The encrypted device that a target of this machine is on. */
struct luks_device {
	char target[512]; /* as configured */
	char uuid[40];
	char node[80];
};

/*
 * The device of one target, or of the first of the settings that is on one. -ENOENT if there is
 * none.
 */
int luks_of_target(const struct root *root, const char *target, struct luks_device *ret,
		   struct ukd_error *e) _must_check_;
int luks_of_settings(const struct root *root, const struct settings *s, struct luks_device *ret,
		     struct ukd_error *e) _must_check_;

/*
 * Refuses (check "luks.images") a directory of images that is not on the encrypted device itself:
 * the key would lie beside what it opens.
 */
int luks_check_images(const struct root *root, const char *images, const char *uuid,
		      struct ukd_error *e) _must_check_;
