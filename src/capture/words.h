/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program says, kept in a memory file that the program writes to: its last lines for an
 * error text, its progress for the console. words_trim() bounds the memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 400 /* of words_last(), enough for three lines */

/* A new memory file, or -1. */
int words_open(void);

/* Bytes said so far. */
uint64_t words_size(int fd);

/* Forgets all but the end; to be called now and then. */
void words_trim(int fd);

/* The last lines that say something, joined by "; ". */
void words_last(int fd, char ret[WORDS_MAX]);

/* "Copying data : [ 45.3 %] /" and the like: the last percentage. False if there is none. */
bool words_percent(int fd, double *ret);
