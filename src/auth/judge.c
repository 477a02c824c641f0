// SPDX-License-Identifier: GPL-2.0-or-later
/* Judges images: see judge.h. */
#include "auth/judge.h"

void judgement_free(struct judgement *j)
{
	uki_free(&j->uki);
}

int image_judge(int fd, const char *name, uint64_t size, const struct auth_trust *trust,
		struct judgement *ret, struct ukd_error *e)
{
	_judgement_ struct judgement j = {0};
	int r = auth_verify(fd, name, size, trust, &j.uki, &j.auth, e);

	if (r < 0)
		return r;
	j.sealed = uki_is_sealed(&j.uki);
	if (j.sealed)
		r = sealed_validate(&j.uki, &j.facts, e);
	if (r < 0)
		return r;
	*ret = j;
	j = (struct judgement){0};
	return 0;
}

struct auth_trust *auth_trust_of_host(const struct root *root, struct ukd_error *e)
{
	struct auth_trust *t = auth_trust_new();

	if (!t) {
		(void)ukd_oom(e);
		return NULL;
	}
	if (auth_trust_add_dir(t, root, "/etc/ukdump/trust.d", e) < 0 ||
	    auth_trust_add_uefi_db(t, root, e) < 0 || auth_trust_add_mok(t, root, e) < 0) {
		auth_trust_free(t);
		return NULL;
	}
	return t;
}
