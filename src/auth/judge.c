// SPDX-License-Identifier: GPL-2.0-or-later
/* Judges images: see judge.h. */
#include "auth/judge.h"

void judgement_free(struct judgement *j)
{
	uki_free(&j->uki);
}

int image_judge(int fd, const char *name, uint64_t size, const struct auth_policy *policy,
		struct judgement *ret, struct ukd_error *e)
{
	_judgement_ struct judgement j = {0};
	int r = auth_verify(fd, name, size, policy, &j.uki, &j.auth, &j.inner, e);

	if (r < 0)
		return r;
	if (j.uki.kind == UKI_SEALED)
		r = sealed_validate(&j.uki, &j.facts, e);
	if (r < 0)
		return r;
	*ret = j;
	j = (struct judgement){0};
	return 0;
}

void auth_policy_free(struct auth_policy *p)
{
	auth_trust_free(p->trust);
	auth_revoked_free(p->revoked);
	*p = (struct auth_policy){0};
}

int auth_policy_of_host(const struct root *root, struct auth_policy *ret, struct ukd_error *e)
{
	_auth_policy_ struct auth_policy p = {.trust = auth_trust_new()};
	int r = p.trust ? auth_trust_add_dir(p.trust, root, "/etc/ukdump/trust.d", e) : ukd_oom(e);

	if (r >= 0)
		r = auth_trust_add_uefi_db(p.trust, root, e);
	if (r >= 0)
		r = auth_trust_add_mok(p.trust, root, e);
	if (r < 0)
		return r;
	p.revoked = auth_revoked_of_host(root, e);
	if (!p.revoked)
		return e->code;
	*ret = p;
	p = (struct auth_policy){0};
	return 0;
}
