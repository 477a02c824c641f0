/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reply that is no success means, and what to do about it. */
#pragma once

#include <stdbool.h>

#include "upload/s3reply.h"

/* May the same request succeed later? 408, 429, all of 5xx but 501, 505 and 507. */
bool status_is_temporary(long status);

/* The same for the <Code> of an error that came with status 200. */
bool s3_code_is_temporary(const char *code);

/* A next step for the operator; NULL: none is known. */
const char *status_advice(long status, const char *s3_code);

/* How long to wait before repeat number (from 0): first_ms, doubled each time, 30 s at most. */
unsigned int retry_wait_ms(unsigned int first_ms, unsigned int number);
