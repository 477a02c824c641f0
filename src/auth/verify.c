// SPDX-License-Identifier: GPL-2.0-or-later
/* The verdict about an image's signatures: see auth.h. */
#include <string.h>

#include "auth/inner.h"
#include "auth/revoked.h"
#include "auth/signed_pe.h"
#include "pe/sbat.h"

/* 32: there is one, uki_read() has seen to it; here it must be whole. */
static int check_sbat_form(const struct uki *u, struct ukd_error *e)
{
	int r = sbat_check_image(uki_content(u, pe_find(&u->pe, UKI_SBAT)), e);

	return r < 0 ? ukd_prefix(e, "%s", u->name) : 0;
}

static int check_sbat_level(const struct uki *u, struct signed_pe *p,
			    const struct auth_policy *policy, struct ukd_error *e)
{
	struct bytes sbat = uki_content(u, pe_find(&u->pe, UKI_SBAT));
	int r = revoked_check_sbat(policy->revoked, sbat, e);

	return signed_pe_conclude(p, AUTH_REVOKED, SIGNED_PE_WHOLE, r, e);
}

/* On every machine, whoever verifies .linux there: systemd-stub's LoadImage() would refuse it. */
static int check_inner_revoked(const struct auth_result *inner, struct signed_pe *p,
			       struct ukd_error *e)
{
	int r = 0;

	if (inner->verdict == AUTH_REVOKED)
		r = ukd_refuse(e, inner->check, ".linux: %s", inner->reason);
	return signed_pe_conclude(p, AUTH_REVOKED, SIGNED_PE_WHOLE, r, e);
}

/* After everything was read. What is revoked is called so even if nobody trusts it. */
static int judge(const struct uki *u, struct signed_pe *p, const struct auth_result *inner,
		 const struct auth_policy *policy, struct ukd_error *e)
{
	int r = signed_pe_check(p, policy, e);

	if (!r)
		r = check_sbat_level(u, p, policy, e);
	if (!r)
		r = check_inner_revoked(inner, p, e);
	if (!r)
		r = signed_pe_trust(p, policy, e);
	return r < 0 ? r : 0;
}

int auth_verify(int fd, const char *name, uint64_t size, const struct auth_policy *policy,
		struct uki *ret_uki, struct auth_result *ret, struct auth_result *ret_inner,
		struct ukd_error *e)
{
	_signed_pe_ struct signed_pe p = {.what = "the image", .unsigned_check = "auth.unsigned"};
	_inner_kernel_ struct inner_kernel inner = {0};
	struct uki_section_sink sections = {.put = inner_kernel_put, .ctx = &inner};
	_uki_ struct uki u = {0};
	int r = uki_open(fd, name, size, &u, e);

	if (r >= 0)
		r = signed_pe_open(&p, &u.certs, policy, e);
	if (r >= 0)
		r = inner_kernel_open(&u, policy, &inner, e);
	if (r >= 0)
		r = image_digests_read(&p.digests, &u, &sections, e);
	if (r >= 0)
		r = check_sbat_form(&u, e);
	if (r >= 0)
		r = inner_kernel_judge(&inner, policy, e);
	if (r >= 0)
		r = judge(&u, &p, &inner.pe.res, policy, e);
	if (r < 0)
		return r;
	*e = (struct ukd_error){0};
	*ret_uki = u;
	u = (struct uki){0};
	*ret = p.res;
	*ret_inner = inner.pe.res;
	return 0;
}
