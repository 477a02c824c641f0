// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes when room is needed: see store.h. Lists are oldest first. */
#include <string.h>

#include "store/store.h"

static bool is_current(const struct store_entry *entry, const char *current)
{
	return !strncmp(entry->name, current, entry->base) &&
	       (!current[entry->base] || current[entry->base] == '-');
}

static bool stays(const struct store_entry *entry, const char *current)
{
	return entry->unsure || is_current(entry, current);
}

/* The newest entry of at least that state that is not of this crash; NULL: none. */
static struct store_entry *newest(struct store *s, const char *current, enum store_state state)
{
	for (unsigned int i = s->n; i-- > 0;)
		if (s->v[i].state >= state && !is_current(&s->v[i], current))
			return &s->v[i];
	return NULL;
}

uint64_t store_expect(const struct store *s, uint64_t core)
{
	uint64_t largest = 0;

	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].dump > largest)
			largest = s->v[i].dump;
	if (!largest)
		return core;
	largest = add_overflows(largest, largest / 2, &largest) ? UINT64_MAX : largest;
	return core && core < largest ? core : largest;
}

/* Removed, it leaves so much more room. */
static void mark(struct store_entry *entry, uint64_t *room)
{
	entry->remove = true;
	if (add_overflows(*room, entry->used, room))
		*room = UINT64_MAX;
}

void store_make_room(struct store *s, const char *current, uint64_t room, uint64_t need)
{
	const struct store_entry *last = newest(s, current, STORE_UNFINISHED);
	const struct store_entry *good = newest(s, current, STORE_COMPLETE);

	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].remove)
			mark(&s->v[i], &room);
	for (int dumps = 0; dumps <= (good ? 1 : 0); dumps++) {
		for (unsigned int i = 0; i < s->n && room < need; i++) {
			struct store_entry *entry = &s->v[i];

			if (entry->remove || entry == last || entry == good ||
			    stays(entry, current))
				continue;
			if (dumps ? entry->state < STORE_PARTIAL : entry->state != STORE_UNFINISHED)
				continue;
			mark(entry, &room);
		}
	}
}

/* How many there are, complete or not. */
static unsigned int count(const struct store *s, bool complete)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->n; i++)
		n += (s->v[i].state == STORE_COMPLETE) == complete;
	return n;
}

static uint64_t all_used(const struct store *s)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < s->n; i++)
		if (!s->v[i].remove && add_overflows(sum, s->v[i].used, &sum))
			return UINT64_MAX;
	return sum;
}

/* The newest complete dump: this crash's if it has one, whatever its clock said. */
static const struct store_entry *newest_dump(struct store *s, const char *current)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].state == STORE_COMPLETE && is_current(&s->v[i], current))
			return &s->v[i];
	return newest(s, current, STORE_COMPLETE);
}

void store_retire(struct store *s, const char *current, unsigned int keep, uint64_t max_use)
{
	const struct store_entry *good = newest_dump(s, current);

	for (int complete = 0; keep && complete <= 1; complete++) {
		unsigned int n = count(s, complete);

		for (unsigned int i = 0; i < s->n && n > keep; i++) {
			struct store_entry *entry = &s->v[i];

			if ((entry->state == STORE_COMPLETE) != complete || entry == good ||
			    stays(entry, current))
				continue;
			entry->remove = true;
			n--;
		}
	}
	for (unsigned int i = 0; max_use && i < s->n && all_used(s) > max_use; i++)
		if (&s->v[i] != good && !stays(&s->v[i], current))
			s->v[i].remove = true;
}
