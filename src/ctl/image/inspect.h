/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `ukdumpctl inspect`. All of an image's texts are hostile and cleaned here. */
#pragma once

#include "auth/judge.h"
#include "ctl/ctl.h"

#define INSPECT_STUB_MAX 64 /* "systemd-stub 257.13-1~deb13u1" */

/* What systemd-stub says about itself in .sdmagic, cleaned; empty if it is not there. */
void inspect_stub_name(const struct uki *u, char ret[INSPECT_STUB_MAX]);

/* EFI stub, profiles, .sbat, inner kernel. */
void inspect_parts_print(const struct judgement *j);
void inspect_parts_json(const struct judgement *j, struct json_object *o);

/*
 * PCR 11 and signed policies of every profile, printed or added to o (o NULL: printed). Fails only
 * where the file cannot be read or libcrypto fails; what is wrong with policies is described.
 */
int inspect_pcr(const struct uki *u, struct json_object *o, struct ukd_error *e) _must_check_;
