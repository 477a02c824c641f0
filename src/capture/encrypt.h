/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EncryptTo=: what leaves the machine's memory goes through age(1), to public keys only. */
#pragma once

#include "capture/capture.h"
#include "capture/stream.h"

#define ENCRYPT_SUFFIX	   ".age"
#define ENCRYPT_RECIPIENTS "/etc/ukdump/recipients" /* in images with EncryptTo= only */

bool encrypt_wanted(const struct capture *c);

/* Are the recipients and the program there? Names the recipients in the record. */
int encrypt_prepare(struct capture *c, struct ukd_error *e) _must_check_;

/* The filter of a flow. */
void encrypt_arguments(const struct capture *c, struct arguments *ret);
