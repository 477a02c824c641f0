// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks against the running kernel: see check.h. */
#include "loader/check.h"

#include <stdio.h>

#include "loader/ima.h"
#include "util/log.h"
#include "util/parse.h"

int check_host(const struct machine *m, struct ukd_error *e)
{
	const struct host *h = &m->host;

	if (h->missing[0])
		return ukd_refuse(e, "host.config",
				  "the running kernel was built without %s; boot one that was",
				  h->missing);
	if (!h->memory.total)
		return ukd_refuse(
			e, "host.memory",
			"no crash memory is reserved (crashkernel=); run 'ukdumpctl reserve' and reboot");
	if (h->load_disabled)
		return ukd_refuse(e, "host.locked",
				  "kernel.kexec_load_disabled or kernel.kexec_load_limit_panic "
				  "forbids loading until the next boot");
	return 0;
}

static int check_memory(const struct host *h, const struct image_need *need, struct ukd_error *e)
{
	char have[FORMAT_SIZE_MAX], want[FORMAT_SIZE_MAX];
	uint64_t hole = h->memory.usable ? h->memory.usable : h->memory.total;

	(void)format_size(hole, have);
	if (hole < need->minimum)
		return ukd_refuse(
			e, "host.memory",
			"%s of crash memory are reserved in one piece, the image needs at "
			"least %s; raise crashkernel= and reboot",
			have, format_size(need->minimum, want));
	if (h->memory.total + h->memory.cma < need->comfort)
		log_warning(
			"%s of crash memory are reserved, %s are known to suffice; the dump may "
			"run out of memory",
			format_size(h->memory.total + h->memory.cma, have),
			format_size(need->comfort, want));
	return 0;
}

/* The kernel's refusal before it is asked, and what to do about it. */
static int kernel_refuses(const struct kernel_answer *a, const struct auth_result *auth,
			  const char *what, struct ukd_error *e)
{
	switch (a->opinion) {
	case KERNEL_LACKS_KEY:
		return ukd_refuse(
			e, a->check,
			"%s%s; enroll its certificate: "
			"'openssl x509 -in %s -outform der -out mok.der', 'mokutil --import "
			"mok.der', reboot",
			what, a->reason, auth->anchor[0] == '/' ? auth->anchor : "CERT");
	case KERNEL_LACKS_ALGORITHM:
		return ukd_refuse(e, a->check, "%s%s; sign with RSA and SHA-256", what, a->reason);
	default:
		return ukd_refuse(e, a->check, "%s%s; sign with a key that is not revoked", what,
				  a->reason);
	}
}

/* Does a key of the kernel's vouch for the signer? what: "" or a subject for the sentence. */
static int check_keyring(const struct root *root, const struct auth_result *auth, const char *what,
			 struct kernel_answer *ret, struct ukd_error *e)
{
	kernel_ask(root, auth, ret);
	if (ret->opinion == KERNEL_UNKNOWN)
		log_warning("%scannot tell whether the kernel knows the signer: %s", what,
			    ret->reason);
	if (ret->opinion == KERNEL_UNKNOWN || ret->opinion == KERNEL_TRUSTS)
		return 0;
	return kernel_refuses(ret, auth, what, e);
}

static int check_sealed(const struct machine *m, struct plan *p, struct ukd_error *e)
{
	if (p->image.j.facts.flags & SEALED_FOR_NORMAL_KEXEC)
		return ukd_refuse(
			e, "sealed.normal",
			"the image was sealed for a normal kexec and would find no memory "
			"to dump; build one without --normal-kexec");
	if (m->host.enforced)
		return check_keyring(m->root, &p->image.j.auth, "", &p->answer, e);
	log_warning("Secure Boot and lockdown are off: the kernel does not enforce the "
		    "image's signature");
	return 0;
}

/* The kernel will look at .linux alone: unsigned inside, a signed UKI is of no use to it. */
static int check_inner(const struct machine *m, struct plan *p, struct ukd_error *e)
{
	const struct auth_result *inner = &p->image.j.inner;
	const char *name = p->image.j.uki.name;

	if (!m->host.enforced)
		return 0; /* tell_verified() says so */
	if (inner->verdict == AUTH_UNSIGNED)
		return ukd_refuse(
			e, "kernel.unsigned",
			"%s: the UKI is signed, but its .linux is not: this kernel verifies only "
			".linux; run 'ukdumpctl seal' and sign, which needs no inner signature",
			name);
	if (inner->verdict != AUTH_TRUSTED && inner->verdict != AUTH_UNTRUSTED)
		return ukd_refuse(e, inner->check, "%s: .linux, which this kernel verifies: %s",
				  name, inner->reason);
	return check_keyring(m->root, inner, ".linux: ", &p->answer, e);
}

int check_plan(const struct machine *m, struct plan *p, struct ukd_error *e)
{
	int r = check_memory(&m->host, &p->need, e);

	if (r < 0)
		return r;
	if (m->host.five_level && !(p->setup.xloadflags & XLF_5LEVEL))
		return ukd_refuse(
			e, "host.paging",
			"the running kernel uses 5-level paging, which the image's kernel "
			"does not support");
	r = ima_check(m->root, !plan_is_sealed(p), e);
	if (r < 0)
		return r;
	return plan_is_sealed(p) ? check_sealed(m, p, e) : check_inner(m, p, e);
}

void tell_verified(const struct machine *m, const struct plan *p)
{
	const struct kernel_answer *a = &p->answer;
	char addons[48] = "", by[160] = "";

	if (plan_is_sealed(p))
		return;
	if (p->n_addons)
		(void)snprintf(addons, sizeof(addons), ", %u addon%s", p->n_addons,
			       p->n_addons == 1 ? "" : "s");
	if (!m->host.enforced) {
		log_warning("loaded in parts; Secure Boot and lockdown are off: the kernel "
			    "verified nothing (signature of .linux: %s); kernel, initrd, command "
			    "line%s were verified by ukdump alone, and root could load others",
			    auth_verdict_name(p->image.j.inner.verdict), addons);
		return;
	}
	if (a->opinion == KERNEL_TRUSTS)
		(void)snprintf(by, sizeof(by), ", by key '%s' in %s", a->key,
			       a->keyring[0] ? a->keyring : "its keyrings");
	log_info("loaded in parts: the kernel verified only .linux%s; initrd, command line%s were "
		 "verified by ukdump alone, and root could load others",
		 by, addons);
}
