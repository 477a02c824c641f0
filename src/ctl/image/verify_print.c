// SPDX-License-Identifier: GPL-2.0-or-later
/* What `ukdumpctl verify` prints: see verify.h. Names and texts of foreign files are cleaned. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/image/verify.h"
#include "pe/profile.h"
#include "util/parse.h"

static void line(const char *what, const char *state, const char *fmt, ...) _printf_(3, 4);
static void line(const char *what, const char *state, const char *fmt, ...)
{
	char text[6144]; /* a path and a reason */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("  %-9s %-4s  %s\n", what, state, text_clean(text));
}

static void print_structure(const struct judgement *j)
{
	char size[FORMAT_SIZE_MAX];

	line("structure", "ok", "PE32+ EFI application, %u sections, %s", j->uki.pe.n_sections,
	     format_size(j->uki.pe.file_size, size));
	switch (j->uki.kind) {
	case UKI_SEALED:
		line("sealed", "ok", "kernel, initrd and command line as one: %s",
		     j->facts.version);
		break;
	case UKI_PLAIN:
		line("sealed", "no", "a plain UKI: the kernel can verify its .linux only");
		break;
	case UKI_ADDON:
		line("addon", "ok", "for the .extra.d directory of a plain UKI");
		break;
	}
}

static void print_signature(const struct auth_result *a)
{
	if (verify_signature_ok(a))
		line("signature", "ok", "%s, %s, by '%s'", a->key_name, a->digest_name,
		     a->n_chain ? a->chain[0].subject : "?");
	else
		line("signature", "FAIL", "%s [%s]", a->reason, a->check);
	if (a->verdict == AUTH_TRUSTED)
		line("trust", "ok", "%s", a->anchor);
	else if (a->verdict == AUTH_UNTRUSTED || a->verdict == AUTH_WRONG_USE)
		line("trust", "FAIL", "%s [%s]", a->reason, a->check);
	if (a->warning[0])
		line("warning", "", "%s", a->warning);
}

/* No claim about a signature that is bad anyway. */
static void print_revoked(const struct auth_result *a, const char *lists)
{
	if (a->verdict == AUTH_REVOKED)
		line("revoked", "FAIL", "%s [%s]", a->reason, a->check);
	else if (verify_signature_ok(a) && !strcmp(lists, "none"))
		line("revoked", "ok", "this machine has no lists of revocations");
	else if (verify_signature_ok(a))
		line("revoked", "ok", "not on the lists: %s", lists);
}

/* The kernel inside a plain UKI. What is wrong with it is no refusal of the file. */
static void print_inner(const struct auth_result *inner)
{
	const char *signer = inner->n_chain ? inner->chain[0].subject : "?";

	if (inner->verdict == AUTH_TRUSTED)
		line("kernel", "ok", ".linux: %s, %s, by '%s'", inner->key_name, inner->digest_name,
		     signer);
	else if (inner->verdict == AUTH_UNTRUSTED)
		line("kernel", "ok",
		     ".linux: by '%s', whom no anchor here vouches for; the "
		     "kernel's keyrings decide",
		     signer);
	else if (inner->verdict == AUTH_UNSIGNED)
		line("kernel", "no",
		     ".linux is unsigned: a kernel that enforces signatures "
		     "refuses it; after 'ukdumpctl seal' it needs none");
	else
		line("kernel", "no", ".linux: %s [%s]", inner->reason, inner->check);
}

static void print_profiles(const struct uki *u)
{
	for (unsigned int i = 0; pe_find(&u->pe, UKI_PROFILE) && i < u->n_profiles; i++) {
		struct uki_profile p;
		char number[16];

		uki_profile_get(u, i, &p);
		(void)snprintf(number, sizeof(number), "%u", i);
		line("profile", number, "%s%s%s", p.id, p.title[0] ? ": " : "", p.title);
	}
}

static void print_addon(const struct beside *b, unsigned int i)
{
	const char *path = b->files.path[i];

	switch (b->state[i]) {
	case ADDON_APPLIES:
		line("beside", "ok", "%s: applied by 'start'", path);
		break;
	case ADDON_OTHER_KERNEL:
		line("beside", "no", "%s: for another kernel, not applied", path);
		break;
	case ADDON_FAILS:
		line("beside", "FAIL", "%s: %s [%s]; 'start' refuses the image with it", path,
		     b->why[i].text, verify_check(&b->why[i]));
		break;
	}
}

static void print_beside(const struct beside *b, enum uki_kind kind)
{
	if (b->error.code)
		line("beside", "FAIL", "%s [%s]", b->error.text, verify_check(&b->error));
	for (unsigned int i = 0; i < b->files.n; i++) {
		if (kind == UKI_PLAIN)
			print_addon(b, i);
		else
			line("beside", "no", "%s: not applied: a sealed image is one piece",
			     b->files.path[i]);
	}
	for (unsigned int i = 0; i < b->files.n_ignored; i++)
		line("beside", "no", "%s: not applied by kexec", b->files.ignored[i]);
}

/* Which key: "key 'x' in .platform". */
static const char *format_key(const struct kernel_answer *k, char ret[160])
{
	(void)snprintf(ret, 160, "key '%s' in %s", k->key,
		       k->keyring[0] ? k->keyring : "a keyring that cannot be read");
	return ret;
}

/* What the kernel verifies of a plain UKI, and who the rest. */
#define ONLY_LINUX "the kernel verifies only .linux, "
#define BY_US	   "initrd, command line and all else are verified by ukdump alone"

static void print_host_enforced(const struct verify_result *o, bool plain)
{
	const struct kernel_answer *k = &o->kernel;
	char key[160];

	if (k->opinion == KERNEL_TRUSTS && plain)
		line("host", "ok", ONLY_LINUX "by %s; " BY_US, format_key(k, key));
	else if (k->opinion == KERNEL_TRUSTS)
		line("host", "ok", "the running kernel takes it by %s", format_key(k, key));
	else if (k->opinion == KERNEL_UNKNOWN)
		line("host", "?", "%s%s", plain ? ONLY_LINUX "and: " : "", k->reason);
	else
		line("host", "FAIL", "%s%s [%s]", plain ? ONLY_LINUX "and refuses it: " : "",
		     k->reason, k->check);
}

/* Nothing is refused; what would be is told all the same. */
static void print_host_open(const struct verify_result *o, bool plain)
{
	const struct kernel_answer *k = &o->kernel;
	char key[160], would[400];

	if (k->opinion == KERNEL_TRUSTS)
		(void)snprintf(would, sizeof(would), "would take it by %s", format_key(k, key));
	else
		(void)snprintf(would, sizeof(would), "%s: %s",
			       k->opinion == KERNEL_UNKNOWN ? "is not known" : "would refuse it",
			       k->reason);
	line("host", k->opinion == KERNEL_TRUSTS ? "ok" : "no",
	     "Secure Boot and lockdown are off: the running kernel takes it unverified%s; "
	     "otherwise %s",
	     plain ? ", " BY_US : "", would);
}

static void print_host(const struct verify_result *o)
{
	bool plain = o->j.uki.kind == UKI_PLAIN;

	if (o->j.uki.kind == UKI_ADDON)
		line("host", "",
		     "loaded only with a plain UKI, from its .extra.d directory; the "
		     "kernel never verifies it");
	else if (o->enforced)
		print_host_enforced(o, plain);
	else
		print_host_open(o, plain);
}

void verify_print(const struct verify_result *o)
{
	char id[2 * AUTH_SHA256_LEN + 1];
	const struct judgement *j = &o->j;
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s", o->name);
	text_printable(name);
	printf("%s: %s\n", name, o->accepted ? "accepted" : "refused");
	if (!o->structure_ok) {
		line("structure", "FAIL", "%s [%s]", o->refusal.text, verify_check(&o->refusal));
		return;
	}
	format_hex((struct bytes){j->auth.image_id, AUTH_SHA256_LEN}, id);
	print_structure(j);
	print_signature(&j->auth);
	print_revoked(&j->auth, o->revocations);
	if (j->uki.kind == UKI_PLAIN)
		print_inner(&j->inner);
	print_profiles(&j->uki);
	print_beside(&o->beside, j->uki.kind);
	if (o->for_host)
		print_host(o);
	line("image id", "", "%s", id);
}
