// SPDX-License-Identifier: GPL-2.0-or-later
/* `status` as text. */
#include <stdio.h>

#include "ctl/status.h"
#include "util/parse.h"

#define MAX_STALE_SHOWN 8

static const char *or_unknown(const char *text)
{
	return text ? text : "?";
}

static void print_image(const struct status *s)
{
	printf("image     %s\n", or_unknown(s->path));
	printf("image id  %s\n", s->image);
	printf("signer    %s\n", or_unknown(s->signer));
	if (s->key)
		printf("by key    %s%s%s\n", s->key, s->keyring && *s->keyring ? " in " : "",
		       s->keyring ? s->keyring : "");
	printf("since     %s, the call took %llu ms\n", or_unknown(s->time),
	       (unsigned long long)s->call_ms);
	printf("kernel    %s\n", or_unknown(s->kernel));
}

static void print_sysctl(const struct status *s)
{
	printf("sysctl   ");
	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++)
		if (s->sysctl[i].known)
			printf(" %s=%lld", s->sysctl[i].name, (long long)s->sysctl[i].value);
	printf("\n");
}

static void print_machine(const struct status *s)
{
	char size[FORMAT_SIZE_MAX];

	printf("reserved  %s\n", format_size(s->reserved, size));
	if (s->comfort)
		printf("needed    %s\n", format_size(s->comfort, size));
	printf("lockdown  %s, Secure Boot %s\n", s->lockdown ? s->lockdown : "unknown",
	       s->secure_boot ? "on" : "off");
	if (s->locked)
		printf("locked    until the next boot the kernel takes no other image\n");
	print_sysctl(s);
}

static void print_stale(const struct status *s)
{
	for (unsigned int i = 0; i < s->stale.n && i < MAX_STALE_SHOWN; i++)
		printf("stale     %s\n", s->stale.v[i]);
	if (s->stale.n > MAX_STALE_SHOWN)
		printf("stale     and %u more, see --json\n", s->stale.n - MAX_STALE_SHOWN);
}

/* Problems first. A note says what was seen, and what mends it. */
static void print_findings(const struct findings *l)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->v[i].problem[0])
			printf("problem   %s\n", l->v[i].problem);
	for (unsigned int i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		if (f->verdict != VERDICT_OK && !f->problem[0])
			printf("note      %s%s%s\n", f->seen, f->mend[0] ? "; " : "", f->mend);
	}
}

void status_print(const struct status *s)
{
	char sentence[CRASH_SENTENCE];

	printf("state     %s\n", !s->armed			 ? "not armed" :
				 findings_problems(&s->findings) ? "armed, with problems" :
								   "armed");
	if (s->armed && s->image)
		print_image(s);
	if (s->armed && status_is_plain(s))
		printf("kind      plain, profile %llu, addons %llu: the kernel verifies .linux "
		       "alone, root could load it with another initrd\n",
		       (unsigned long long)s->profile, (unsigned long long)s->addons);
	print_machine(s);
	for (unsigned int i = 0; i < s->targets.n; i++)
		printf("target    %s, %s\n", s->targets.v[i].uri,
		       s->targets.v[i].problem[0] ? "with a problem" : "ok");
	if (s->report.last.state[0])
		printf("last      %s\n", crash_sentence(&s->report.last, sentence));
	print_stale(s);
	print_findings(&s->findings);
}
